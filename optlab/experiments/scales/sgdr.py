"""Settings of the chapter on SGD with warm restarts."""

from __future__ import annotations

from dataclasses import dataclass

from optlab.experiments.scales.task import DIGITS, FASHION, FASHION_CNN, Task, cifar10


@dataclass(frozen=True)
class SGDR:
    """The default schedule against cosine cycles.

    default_eta: initial rates of the default schedule, which multiplies them by `gamma` at the
    epochs in `milestones`; eta_max: of SGDR, which ends each cycle at 0; restarts: (T_0,
    T_mult), T_0 in epochs. weight_decay: L2 coefficient.
    """

    task: Task
    epochs: int
    seeds: int
    default_eta: tuple[float, ...]
    milestones: tuple[int, ...]
    eta_max: float
    restarts: tuple[tuple[int, int], ...]
    gamma: float = 0.2
    momentum: float = 0.9
    weight_decay: float = 5e-4


# Epochs are a tenth of the paper's at "ci" and a fifth at "small" and "gpu"; T_0 = 1 stays.
_TENTH = ((5, 1), (10, 1), (20, 1), (1, 2))
_FIFTH = ((10, 1), (20, 1), (40, 1), (1, 2), (2, 2))
SGDR_ = {
    "ci": SGDR(DIGITS, 20, 10, (0.1, 0.05), (6, 12, 16), 0.05, _TENTH),
    "small": SGDR(FASHION, 40, 10, (0.1, 0.05), (12, 24, 32), 0.05, _FIFTH),
    "gpu": SGDR(FASHION_CNN, 40, 10, (0.1, 0.05), (12, 24, 32), 0.05, _FIFTH),
    # Section 4.1 of the paper; its other network is WRN-28-20, with 2 runs.
    "paper": SGDR(
        cifar10("wide_resnet", 28, 10),
        200,
        5,
        (0.1, 0.05),
        (60, 120, 160),
        0.05,
        ((50, 1), (100, 1), (200, 1), (1, 2), (10, 2)),
    ),
}
