"""Schedules without restarts: constant, step drop, warm-up, linear decay, cosine."""

from typing import Any

from optlab.ops import cospi, where
from optlab.schedules.schedule import schedule


@schedule(value="finite")
def constant(t: Any, value: Any = 1) -> Any:
    """The same at every t."""
    return value + 0 * t


@schedule(milestones="ascending times >= 0", gamma=">= 0")
def step_drop(t: Any, milestones: Any, gamma: Any = 0.1) -> Any:
    """Times gamma at each milestone, from t = milestone on."""
    multiplier = gamma ** len(milestones) + 0 * t
    for drops, milestone in reversed(list(enumerate(milestones))):
        multiplier = where(t < milestone, gamma**drops, multiplier)
    return multiplier


_FULL = constant()


@schedule(T="> 0", start="in [0, 1]", then="a function t -> multiplier")
def warmup(t: Any, T: Any, start: Any = 0, then: Any = _FULL) -> Any:
    """Linear from `start` at t = 0 to 1 at t = T, then the schedule `then`, counted from there.

    Goyal et al. (2017), section 2.2, "gradual warmup", start from 1/k for k times the
    batch. From start = 0 the first update has rate 0.
    """
    return where(t < T, start + (1 - start) * t / T, lambda: then(t - T))


@schedule(T="> 0", end="in [0, 1]")
def linear_decay(t: Any, T: Any, end: Any = 0) -> Any:
    """Linear from 1 at t = 0 to `end` at t = T, and `end` after."""
    return where(t < T, 1 - (1 - end) * t / T, end)


@schedule(T="> 0", eta_min="in [0, 1]")
def cosine(t: Any, T: Any, eta_min: Any = 0) -> Any:
    """Loshchilov and Hutter (2017), equation (5), one cycle: from 1 at t = 0 to eta_min at t = T.

    eta_min is a fraction of the base rate. After T it stays there (the formula
    itself, and torch's CosineAnnealingLR, climb again).
    """
    return where(t < T, eta_min + (1 - eta_min) * (1 + cospi(t / T)) / 2, eta_min)
