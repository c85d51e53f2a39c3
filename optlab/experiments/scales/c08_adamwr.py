"""Settings of the chapter on AdamW with warm restarts."""

from __future__ import annotations

from dataclasses import dataclass, replace

from optlab.experiments.scales.base import Experiment, powers_of_two
from optlab.experiments.scales.task import FASHION, FASHION_CNN, SIGNALS, cifar10


@dataclass(frozen=True)
class Settings(Experiment):
    """Warm restarts against one cycle, and normalized weight decay.

    epochs: of the longest run, and the end of a cycle; T_0 in epochs. seeds: in each of the three
    sets that judge. lr: of Adam, AdamW and AdamWR; sgd_lr: of SGDWR with momentum. norm: values of
    λ_norm that the decoupled methods choose from, l2: coefficients that Adam with L2 chooses from.
    budgets: epochs of runs at the task's batch size; batch_sizes: of runs of budgets[1] epochs,
    the task's last; over both, the best of the λ in weight_decay is sought. The last budget and
    the smallest batch should make the updates of budgets[1] at the task's batch grow by the same
    power of two, of an even exponent: then a normalized λ is one of the grid.
    The paper's grid of budgets is not among the settings that its text gives, so that budgets,
    batch_sizes and weight_decay are ours at every scale.
    """

    T_0: int
    T_mult: int
    lr: float
    sgd_lr: float
    norm: tuple[float, ...]
    l2: tuple[float, ...]
    weight_decay: tuple[float, ...]
    budgets: tuple[int, ...]
    batch_sizes: tuple[int, ...]


# The paper's four cycles, shorter. Data are few, so that there is something to regularize, and
# rates high, so that they have to fall.
SCALES = {
    "ci": Settings(
        task=replace(SIGNALS, sizes=(48,), batch_size=100, examples=2000),
        epochs=45,
        seeds=5,
        T_0=3,
        T_mult=2,
        lr=2.0**-4,
        sgd_lr=2.0**-2,
        norm=(0.05, 0.1, 0.2, 0.4, 0.8, 1.6),
        l2=(0.0, *powers_of_two(-9, -6)),
        weight_decay=powers_of_two(-9, -4),
        budgets=(4, 8, 32),
        batch_sizes=(25, 100),
    ),
    "small": Settings(
        task=replace(FASHION, sizes=(64, 64), batch_size=100, examples=2000),
        epochs=75,
        seeds=5,
        T_0=5,
        T_mult=2,
        lr=2.0**-7,
        sgd_lr=2.0**-4,
        norm=(0.025, 0.05, 0.1, 0.2, 0.4),
        l2=(0.0, *(2.0**k for k in (-14, -12, -10, -8))),
        weight_decay=powers_of_two(-13, -6),
        budgets=(10, 20, 40, 80),
        batch_sizes=(25, 50, 100),
    ),
    "gpu": Settings(
        task=FASHION_CNN,
        epochs=75,
        seeds=5,
        T_0=5,
        T_mult=2,
        lr=2.0**-9,
        sgd_lr=2.0**-4,
        norm=(0.025, 0.05, 0.1, 0.2),
        l2=(0.0, *(2.0**k for k in (-13, -11, -9))),
        weight_decay=powers_of_two(-13, -7),
        budgets=(10, 20, 40, 80),
        batch_sizes=(32, 64, 128),
    ),
    # 1500 epochs with restarts at 100, 300 and 700, λ_norm of .025 to .05, and the rates of the
    # README of the authors' code.
    "paper": Settings(
        task=cifar10("resnet26", 96),
        epochs=1500,
        seeds=2,
        T_0=100,
        T_mult=2,
        lr=0.001,
        sgd_lr=0.05,
        norm=(0.0125, 0.025, 0.05, 0.1),
        l2=(0.0, 0.001 / 8, 0.001 / 4),
        weight_decay=powers_of_two(-15, -9),
        budgets=(25, 100, 400, 1600),
        batch_sizes=(32, 64, 128),
    ),
}
