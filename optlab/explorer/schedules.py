"""The schedules that the reader can choose, on a horizon of T steps."""

from __future__ import annotations

from dataclasses import dataclass

import sympy

from optlab.explorer.slider import Slider
from optlab.schedules import (
    Schedule,
    constant,
    cosine,
    linear_decay,
    sgdr,
    slanted_triangular,
    step_drop,
    warmup,
    warmup_stable_decay,
)

# t counts the updates made, of T; c is what the slider sets.
t = sympy.Symbol("t", integer=True, nonnegative=True)
T = sympy.Symbol("T", integer=True, positive=True)
c = sympy.Symbol("c", positive=True)
cycle = sympy.Symbol("c", integer=True, positive=True)


@dataclass(frozen=True)
class Shape:
    """A schedule of `optlab.schedules` with symbols T and c for its parameters."""

    label: str
    schedule: Schedule
    slider: Slider | None = None


_END = Slider("c", "End, as a fraction", 0, 1, 0)

SCHEDULES = {
    "constant": Shape("Constant", constant()),
    "linear": Shape("Linear decay", linear_decay(T, c), _END),
    "cosine": Shape("Cosine", cosine(T, c), _END),
    "warmup": Shape(
        "Warm-up, then cosine",
        warmup(c * T, then=cosine(T - c * T)),
        Slider("c", "Part of warm-up", 0.01, 0.9, 0.1),
    ),
    "held": Shape(
        "Warm-up, held, falling as 1 − √",
        warmup_stable_decay(T, c * T, T / 20),
        Slider("c", "Part in which it falls", 0.01, 0.9, 0.2),
    ),
    "slanted": Shape(
        "Slanted triangular",
        slanted_triangular(T, c),
        Slider("c", "Part in which it rises", 0.01, 0.9, 0.1),
    ),
    "drops": Shape(
        "Drops at 1/2 and 3/4",
        step_drop([T / 2, 3 * T / 4], c),
        Slider("c", "Factor of each drop", 0.01, 1, 0.1, "log"),
    ),
    "restarts": Shape(
        "Cosine with restarts, cycles doubling",
        sgdr(cycle, T_mult=2),
        Slider("c", "Steps of the first cycle", 2, 200, 15, whole=True),
    ),
}
