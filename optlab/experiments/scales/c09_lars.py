"""Settings of the chapters on large batches, LARS and, with other rates, LAMB."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace

from optlab.experiments.scales.base import Experiment, powers_of_two
from optlab.experiments.scales.task import FASHION, Task, cifar10


@dataclass(frozen=True)
class Settings(Experiment):
    """Batches from the task's, the base, to half the training set, for a number of epochs.

    rates: by method, the largest rates to choose from, at the base batch and, for the control,
    at each batch anew. tuning: seeds on which rates are chosen; seeds: others, on which they
    are judged. warmup: share of the updates.
    """

    tuning: int
    batch_sizes: tuple[int, ...]
    rates: Mapping[str, tuple[float, ...]]
    warmup: float = 0.2
    weight_decay: float = 5e-4


_DIGITS = Settings(
    task=Task("digits", "mlp", (32, 32, 32), batch_size=32, examples=1024),
    epochs=12,
    tuning=4,
    seeds=6,
    batch_sizes=(32, 64, 128, 256, 512),
    rates={},
)
_FASHION = Settings(
    task=replace(FASHION, sizes=(64, 64, 64), batch_size=32, examples=8192),
    epochs=10,
    tuning=3,
    seeds=5,
    batch_sizes=(32, 128, 512, 2048, 4096),
    rates={},
)
_FASHION_GPU = replace(
    _FASHION,
    task=replace(_FASHION.task, sizes=(256, 256, 256), examples=None, pool=1),
    epochs=20,
    tuning=3,
    seeds=10,
    batch_sizes=tuple(2**k for k in range(5, 15)),
)
# The papers train ImageNet, which is not among the data here; CIFAR-10 on the largest network
# that is, without flips and crops, is ours. Momentum and decay are those of the LARS paper.
_CIFAR = replace(
    _FASHION,
    task=replace(cifar10("resnet26", 64), batch_size=32, augment=False),
    epochs=100,
    tuning=1,
    seeds=5,
    batch_sizes=tuple(2**k for k in range(5, 15)),
)

_SGD = {"ci": (-3, 2), "small": (-4, 1), "gpu": (-7, 3), "paper": (-7, 3)}
_LARS = {"ci": (3, 7), "small": (2, 7), "gpu": (0, 8), "paper": (-2, 8)}
BASES = {"ci": _DIGITS, "small": _FASHION, "gpu": _FASHION_GPU, "paper": _CIFAR}
SCALES = {
    scale: replace(
        base, rates={"sgd": powers_of_two(*_SGD[scale]), "lars": powers_of_two(*_LARS[scale])}
    )
    for scale, base in BASES.items()
}
SCALES["small"] = replace(SCALES["small"], batch_sizes=(32, 256, 1024, 4096))
# The chapter asks whether two tuned methods can be told apart, which takes more seeds than LAMB's.
SCALES["ci"] = replace(SCALES["ci"], tuning=12, seeds=18)
