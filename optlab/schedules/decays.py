"""Schedules without restarts: constant, step drop, warm-up, linear decay, cosine, and all three
parts of a run in one."""

from typing import Any

from optlab.ops import cospi, sqrt, where
from optlab.schedules.schedule import require, schedule


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


# From 1 at x = 0 to 0 at x = 1.
_COOL_DOWNS = {
    "linear": lambda x: 1 - x,
    "1-sqrt": lambda x: 1 - sqrt(x),
    "cosine": lambda x: (1 + cospi(x)) / 2,
}


@schedule(
    T="> 0",
    T_decay="> 0",
    T_warmup=">= 0",
    start="in [0, 1]",
    shape="linear, 1-sqrt or cosine",
    end="in [0, 1]",
)
def warmup_stable_decay(
    t: Any,
    T: Any,
    T_decay: Any,
    T_warmup: Any = 0,
    start: Any = 0,
    shape: str = "1-sqrt",
    end: Any = 0,
) -> Any:
    """Linear from `start` to 1 in T_warmup updates, then 1, and in the last T_decay of T to `end`.

    Zhai et al. (2022), Section 3.5, call the end a cooldown, and Hu et al. (2024), Section 4, the
    whole WSD. shape="1-sqrt" is that of Hägele et al. (2024), Section 3, who compare it with
    "linear" and others. Runs of every length T share all but their cool-down.
    """
    held = T - T_decay
    require("warmup_stable_decay: T - T_decay - T_warmup", held - T_warmup, ">= 0")
    rising = start + (1 - start) * t / where(T_warmup > 0, T_warmup, 1)

    def falling() -> Any:
        part = _COOL_DOWNS[shape]((t - held) / T_decay)
        return where(t < T, end + (1 - end) * part, end)

    return where(t < T_warmup, rising, lambda: where(t < held, 1, falling))
