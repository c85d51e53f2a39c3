"""Cosine with warm restarts (SGDR), and what AdamWR adds: a weight decay that follows it.

Cycle i = 0, 1, … lasts T_0 * T_mult**i epochs, of steps_per_epoch updates each; a cycle
must be a whole number of updates. With steps_per_epoch = 1 T_0 counts updates.
"""

from typing import Any

from optlab.ops import cospi, floor, is_symbolic, is_tensor, sqrt, where
from optlab.schedules.schedule import require, schedule


@schedule(T_0="> 0", eta_min="in [0, 1]", steps_per_epoch="a whole number >= 1")
def sgdr(t: Any, T_0: Any, T_mult: Any = 1, eta_min: Any = 0, steps_per_epoch: Any = 1) -> Any:
    """Loshchilov and Hutter (2017), equation (5): from 1 towards eta_min, again in every cycle.

    eta_min is a fraction of the base rate, the limit at the end of a cycle: the
    update after it, at the restart, uses 1 again.
    """
    start, length = cycle(t, T_0 * steps_per_epoch, T_mult)
    return eta_min + (1 - eta_min) * (1 + cospi((t - start) / length)) / 2


@schedule(T_0="> 0", steps_per_epoch="a whole number >= 1")
def adamwr(t: Any, T_0: Any, T_mult: Any = 2, steps_per_epoch: Any = 1) -> Any:
    """Loshchilov and Hutter (2019), the schedule multiplier of AdamWR: 1 towards 0, restarted."""
    start, length = cycle(t, T_0 * steps_per_epoch, T_mult)
    return (1 + cospi((t - start) / length)) / 2


@schedule(T_0="> 0", steps_per_epoch="a whole number >= 1")
def adamwr_weight_decay(t: Any, T_0: Any, T_mult: Any = 2, steps_per_epoch: Any = 1) -> Any:
    """Loshchilov and Hutter (2019): multiplier of λ_norm, constant within a cycle.

    It is √(b/(B T_i)), which is 1/√(updates in the cycle), since steps_per_epoch = B/b
    (where B/b is not whole, their code counts batches, as this does). The paper's
    decay is this times `adamwr`, a factor that AdamW takes from lr, so AdamWR is::

        optimizer = optlab.AdamW(params, lr=α, weight_decay=λ_norm, decay_by="schedule")
        cycles = {"T_0": 100, "T_mult": 2, "steps_per_epoch": 390}
        LRScheduler(
            optimizer,
            {"lr": adamwr(**cycles), "weight_decay": adamwr_weight_decay(**cycles)},
        )
    """
    _, length = cycle(t, T_0 * steps_per_epoch, T_mult)
    return 1 / sqrt(length)


def normalized_weight_decay(norm: Any, b: Any, B: Any, T: Any) -> Any:
    """Loshchilov and Hutter (2019): λ = λ_norm √(b/(B T)).

    Args:
        norm: λ_norm.
        b: batch size.
        B: number of training examples.
        T: epochs; with restarts those of the current cycle.
    """
    return norm * sqrt(b / (B * T))


def cycle_ends(T_0: int, T_mult: int, T: int) -> list[int]:
    """The times ≤ T at which a cycle is complete: T_0, T_0 (1 + T_mult), … in T_0's unit."""
    ends: list[int] = []
    start, length = cycle(0, T_0, T_mult)
    while start + length <= T:
        ends.append(start + length)
        start, length = cycle(start + length, T_0, T_mult)
    return ends


def cycle(t: Any, T_0: Any, T_mult: Any) -> tuple[Any, Any]:
    """Start and length, in updates, of the cycle in which update t is; T_0 in updates too.

    Integers are added and compared, so the answer is exact at every restart; a
    quotient of floating logarithms, which falls to either side there, is used
    on SymPy alone, where it is exact.
    """
    require("T_0, in updates,", T_0, "a whole number >= 1")
    require("T_mult", T_mult, "a whole number >= 1")
    if is_symbolic(t, T_0, T_mult) and any(getattr(x, "free_symbols", 0) for x in (t, T_0, T_mult)):
        return _symbolic_cycle(t, T_0, T_mult)
    start = where(T_mult == 1, t - t % T_0, 0 * t * T_mult)
    length = T_0 + 0 * start
    while _any(passed := t - start >= length):
        start, length = where(passed, start + length, start), where(passed, length * T_mult, length)
    return start, length


def _any(condition: Any) -> bool:
    return bool(condition.any() if is_tensor(condition) else condition)


def _symbolic_cycle(t: Any, T_0: Any, T_mult: Any) -> tuple[Any, Any]:
    if T_mult == 1:
        return T_0 * floor(t / T_0), T_0
    from sympy import log

    i = floor(log(1 + (T_mult - 1) * t / T_0) / log(T_mult))
    return T_0 * (T_mult**i - 1) / (T_mult - 1), T_0 * T_mult**i
