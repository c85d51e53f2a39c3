"""Settings of the chapter on AdamW."""

from __future__ import annotations

from dataclasses import dataclass, replace

from optlab.experiments.scales.base import Experiment, powers_of_two
from optlab.experiments.scales.task import (
    FASHION,
    FASHION_CNN,
    NORMALIZED_DIGITS,
    NORMALIZED_FASHION,
    Task,
    cifar10,
)


@dataclass(frozen=True)
class Settings(Experiment):
    """Heat maps over learning rate and weight decay, and long runs at one rate.

    task, epochs: of the heat maps. seeds: in each of the three sets that judge. lr: initial rates
    of Adam and AdamW, sgd_lr: of SGD and SGDW with momentum. weight_decay: λ as the paper has it,
    the decay in a step at full rate (the L2 coefficient, for the coupled methods).
    milestones: epochs at which the step-drop schedule divides the rate by ten.
    plain_task: the same data and a network without normalization, which is ours at every scale.
    long_task, long_epochs, long_seeds: of the comparison at equal training loss, with so many
    seeds in each of three sets, at rate long_lr, with L2 coefficients long_l2 for Adam and
    normalized decays long_norm for AdamW.
    """

    lr: tuple[float, ...]
    sgd_lr: tuple[float, ...]
    weight_decay: tuple[float, ...]
    milestones: tuple[int, ...]
    plain_task: Task
    long_task: Task
    long_epochs: int
    long_seeds: int
    long_lr: float
    long_l2: tuple[float, ...]
    long_norm: tuple[float, ...]


# The networks normalize each hidden layer, as the paper's does: the result depends on it.

SCALES = {
    "ci": Settings(
        task=NORMALIZED_DIGITS,
        epochs=14,
        seeds=5,
        lr=powers_of_two(-8, -3),
        sgd_lr=powers_of_two(-6, -1),
        weight_decay=(0.0, *powers_of_two(-8, -2)),
        milestones=(4, 8, 11),
        plain_task=replace(NORMALIZED_DIGITS, network="mlp"),
        long_task=NORMALIZED_DIGITS,
        long_epochs=30,
        long_seeds=7,
        long_lr=2.0**-5,
        long_l2=(0.0, *(2.0**k for k in (-10, -8, -6))),
        long_norm=powers_of_two(-4, -1),
    ),
    "small": Settings(
        task=NORMALIZED_FASHION,
        epochs=15,
        seeds=5,
        lr=powers_of_two(-11, -6),
        sgd_lr=powers_of_two(-7, -2),
        weight_decay=(0.0, *powers_of_two(-11, -5)),
        milestones=(4, 9, 12),
        plain_task=replace(NORMALIZED_FASHION, network="mlp"),
        long_task=NORMALIZED_FASHION,
        long_epochs=40,
        long_seeds=5,
        long_lr=2.0**-8,
        long_l2=(0.0, *powers_of_two(-14, -4)),
        long_norm=powers_of_two(-5, 1),
    ),
    "gpu": Settings(
        task=FASHION_CNN,
        epochs=20,
        seeds=5,
        lr=powers_of_two(-13, -7),
        sgd_lr=powers_of_two(-8, -2),
        weight_decay=(0.0, *powers_of_two(-14, -9)),
        milestones=(6, 12, 16),
        plain_task=FASHION,
        long_task=FASHION_CNN,
        long_epochs=60,
        long_seeds=5,
        long_lr=2.0**-9,
        long_l2=(0.0, *powers_of_two(-18, -8)),
        long_norm=powers_of_two(-7, -1),
    ),
    # Section 4 of the paper. Its text names the rates 1/2 … 1/1024 and the decays 1/8 and 1/4
    # of 0.001; the units of the axes (0.1 for SGD, 0.01 for Adam), the rest of the decays and
    # the values of the long runs are ours, in powers of two around those. So are two seeds, of
    # which an interval needs that many.
    "paper": Settings(
        task=cifar10("resnet26", 64),
        epochs=100,
        seeds=2,
        lr=powers_of_two(-10, -1, base=0.01),
        sgd_lr=powers_of_two(-10, -1, base=0.1),
        weight_decay=(0.0, *powers_of_two(-5, 2, base=0.001)),
        milestones=(30, 60, 80),
        plain_task=replace(cifar10("mlp", 512, 512), augment=False),
        long_task=cifar10("resnet26", 96),
        long_epochs=1800,
        long_seeds=2,
        long_lr=0.001,
        long_l2=(0.0, *powers_of_two(-10, 0, base=0.001)),
        long_norm=powers_of_two(-6, 0, base=0.1),
    ),
}
