"""Means over seeds, with what is known of them."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from statistics import mean, stdev

import torch
from scipy.special import stdtrit  # scipy.stats takes half a second to load


@dataclass(frozen=True)
class Interval:
    """A mean and its confidence interval."""

    mean: float
    low: float
    high: float

    def __format__(self, spec: str) -> str:
        return f"{self.mean:{spec}} [{self.low:{spec}}, {self.high:{spec}}]"


def mean_interval(samples: Sequence[float], level: float = 0.95) -> Interval:
    """The mean of independent samples with Student's t interval at `level`.

    Differences of two methods on the same seeds are samples too: pair first.

    Raises:
        ValueError: for fewer than two samples.
    """
    if len(samples) < 2:
        raise ValueError(f"an interval needs two samples or more, not {len(samples)}: add seeds")
    center = mean(samples)
    width = _quantile(len(samples) - 1, level) * stdev(samples) / math.sqrt(len(samples))
    return Interval(center, center - width, center + width)


def difference_interval(
    first: Sequence[float], second: Sequence[float], level: float = 0.95
) -> Interval:
    """The mean of the first samples minus that of the second, with Welch's interval: the samples
    are independent, and the two sides may differ in number and in spread.

    Raises:
        ValueError: for fewer than two samples on either side, or where neither side varies.
    """
    if min(len(first), len(second)) < 2:
        raise ValueError("an interval needs two samples or more on each side: add seeds")
    a, b = stdev(first) ** 2 / len(first), stdev(second) ** 2 / len(second)
    if a + b == 0:
        raise ValueError("neither side varies: there is no interval")
    freedom = (a + b) ** 2 / (a**2 / (len(first) - 1) + b**2 / (len(second) - 1))
    center = mean(first) - mean(second)
    width = _quantile(freedom, level) * math.sqrt(a + b)
    return Interval(center, center - width, center + width)


def half_width(values: torch.Tensor, level: float) -> torch.Tensor:
    """Half the width of the interval of `mean_interval`, over the last dimension; NaN for fewer
    than two samples."""
    n = values.shape[-1]
    if n < 2:
        return torch.full_like(values[..., 0], math.nan)
    return _quantile(n - 1, level) * values.std(-1) / math.sqrt(n)


def _quantile(freedom: float, level: float) -> float:
    """How far Student's t is from 0 at most, with probability `level`."""
    return float(stdtrit(freedom, 0.5 + level / 2))
