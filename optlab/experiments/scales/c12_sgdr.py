"""Settings of the chapter on SGD with warm restarts."""

from __future__ import annotations

from dataclasses import dataclass

from optlab.experiments.scales.base import Experiment, powers_of_two
from optlab.experiments.scales.task import FASHION, FASHION_CNN, SIGNALS, cifar10


@dataclass(frozen=True)
class Settings(Experiment):
    """The default schedule against cosine cycles.

    default_eta: initial rates of the default schedule, which multiplies them by `gamma` at the
    epochs in `milestones`; eta_max: of SGDR, which ends each cycle at 0; restarts: (T_0,
    T_mult), T_0 in epochs, in the order of the paper's table. rates, rate_seeds: initial rates over
    which schedules are compared, and seeds in each of the three sets that judge; the paper has no
    such comparison on CIFAR, so that these are ours. weight_decay: L2 coefficient.
    """

    default_eta: tuple[float, ...]
    milestones: tuple[int, ...]
    eta_max: float
    restarts: tuple[tuple[int, int], ...]
    rates: tuple[float, ...]
    rate_seeds: int = 8
    gamma: float = 0.2
    weight_decay: float = 5e-4


# Epochs are a fifth of the paper's, T_0 = 1 stays. Rates are larger than the paper's 0.1 and
# 0.05: for networks without normalization, in a fifth of the epochs, these train too little.
_FIFTH = ((10, 1), (20, 1), (40, 1), (1, 2), (2, 2))
_ETA = (0.5, 0.25)
_RATES = powers_of_two(-5, 0)
SCALES = {
    # The rate 1 is chaotic.
    "ci": Settings(SIGNALS, 40, 6, _ETA, (12, 24, 32), 0.25, _FIFTH, _RATES[:-1], 5),
    "small": Settings(FASHION, 40, 5, _ETA, (12, 24, 32), 0.25, _FIFTH, _RATES, 5),
    "gpu": Settings(FASHION_CNN, 40, 10, _ETA, (12, 24, 32), 0.25, _FIFTH, _RATES),
    # Section 4.1 of the paper; its other network is WRN-28-20, with 2 runs.
    "paper": Settings(
        cifar10("wide_resnet", 28, 10),
        200,
        5,
        (0.1, 0.05),
        (60, 120, 160),
        0.05,
        ((50, 1), (100, 1), (200, 1), (1, 2), (10, 2)),
        powers_of_two(-2, 2, base=0.05),
        2,
    ),
}
