"""Settings of the chapter on linear decay."""

from __future__ import annotations

from dataclasses import dataclass, replace

from optlab.experiments.scales.base import powers_of_two
from optlab.experiments.scales.task import DIGITS, FASHION_CNN, SIGNALS, Task, cifar10


@dataclass(frozen=True)
class Settings:
    """Schedules at an equal number of updates, each at the best of the same initial rates.

    fitted: a task whose training set is fitted within the budget; noisy: one where it is not.
    epochs, rates: of each of the two, in this order; rates are the largest rates that every
    schedule chooses from. cut_frac, ratio: of the slanted triangle, as published.
    """

    fitted: Task
    noisy: Task
    epochs: tuple[int, int]
    seeds: int
    rates: tuple[tuple[float, ...], tuple[float, ...]]
    cut_frac: float = 0.1
    ratio: float = 32
    momentum: float = 0.9


_POWERS = powers_of_two(-7, -1)
_RATES = (_POWERS, _POWERS[:-1])  # at 1/2 the noisy task is chaotic: rounding shows in its errors
_SIGNALS = replace(SIGNALS, batch_size=32, examples=2000)
SCALES = {
    "ci": Settings(
        Task("digits", "mlp", (32,), batch_size=16, examples=600), _SIGNALS, (6, 10), 8, _RATES
    ),
    "small": Settings(
        replace(DIGITS, batch_size=16), replace(_SIGNALS, examples=None), (8, 15), 8, _RATES
    ),
    "gpu": Settings(DIGITS, FASHION_CNN, (40, 20), 10, _RATES),
    # Howard and Ruder compare with a cosine in fine-tuning alone: this comparison, from random
    # weights at the size of the other chapters' papers, is ours.
    "paper": Settings(
        DIGITS, replace(cifar10("resnet26", 64), augment=False), (200, 100), 5, _RATES
    ),
}
