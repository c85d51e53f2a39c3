"""Settings of the chapter on AdamW."""

from __future__ import annotations

from dataclasses import dataclass

from optlab.experiments.scales.task import DIGITS, FASHION, FASHION_CNN, Task, cifar10


@dataclass(frozen=True)
class AdamW:
    """Heat maps over learning rate and weight decay, and long runs at one rate.

    task, epochs, seeds: of the heat maps. lr: initial rates of Adam and AdamW, sgd_lr: of SGD
    and SGDW with momentum. weight_decay: λ as the paper has it, the decay in a step at full
    rate (the L2 coefficient, for the coupled methods).
    milestones: epochs at which the step-drop schedule divides the rate by ten.
    long_task, long_epochs, long_seeds: of the comparison at equal training loss, at rate
    long_lr, with L2 coefficients long_l2 for Adam and normalized decays long_norm for AdamW.
    """

    task: Task
    epochs: int
    seeds: int
    lr: tuple[float, ...]
    sgd_lr: tuple[float, ...]
    weight_decay: tuple[float, ...]
    milestones: tuple[int, ...]
    long_task: Task
    long_epochs: int
    long_seeds: int
    long_lr: float
    long_l2: tuple[float, ...]
    long_norm: tuple[float, ...]
    momentum: float = 0.9


def powers(*exponents: int, base: float = 1.0) -> tuple[float, ...]:
    """base · 2^k for each exponent k."""
    return tuple(base * 2.0**k for k in exponents)


ADAMW = {
    "ci": AdamW(
        task=DIGITS,
        epochs=10,
        seeds=5,
        lr=powers(*range(-9, -2)),
        sgd_lr=powers(*range(-6, 1)),
        weight_decay=(0.0, *powers(*range(-10, -3))),
        milestones=(3, 6, 8),
        long_task=DIGITS,
        long_epochs=30,
        long_seeds=5,
        long_lr=2.0**-7,
        long_l2=(0.0, *powers(*range(-15, -4))),
        long_norm=powers(*range(-7, 0)),
    ),
    "small": AdamW(
        task=FASHION,
        epochs=20,
        seeds=5,
        lr=powers(*range(-13, -6)),
        sgd_lr=powers(*range(-8, -1)),
        weight_decay=(0.0, *powers(*range(-14, -8))),
        milestones=(6, 12, 16),
        long_task=FASHION,
        long_epochs=60,
        long_seeds=5,
        long_lr=2.0**-10,
        long_l2=(0.0, *powers(*range(-18, -7))),
        long_norm=powers(*range(-7, 0)),
    ),
    "gpu": AdamW(
        task=FASHION_CNN,
        epochs=20,
        seeds=5,
        lr=powers(*range(-13, -6)),
        sgd_lr=powers(*range(-8, -1)),
        weight_decay=(0.0, *powers(*range(-14, -8))),
        milestones=(6, 12, 16),
        long_task=FASHION_CNN,
        long_epochs=60,
        long_seeds=5,
        long_lr=2.0**-9,
        long_l2=(0.0, *powers(*range(-18, -7))),
        long_norm=powers(*range(-7, 0)),
    ),
    # Section 4 of the paper. Its text names the rates 1/2 … 1/1024 and the decays 1/8 and 1/4
    # of 0.001; the units of the axes (0.1 for SGD, 0.01 for Adam), the rest of the decays and
    # the values of the long runs are ours, in powers of two around those.
    "paper": AdamW(
        task=cifar10("resnet26", 64),
        epochs=100,
        seeds=1,
        lr=powers(*range(-10, 0), base=0.01),
        sgd_lr=powers(*range(-10, 0), base=0.1),
        weight_decay=(0.0, *powers(*range(-5, 3), base=0.001)),
        milestones=(30, 60, 80),
        long_task=cifar10("resnet26", 96),
        long_epochs=1800,
        long_seeds=1,
        long_lr=0.001,
        long_l2=(0.0, *powers(*range(-10, 1), base=0.001)),
        long_norm=powers(*range(-6, 1), base=0.1),
    ),
}
