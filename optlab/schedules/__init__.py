"""Schedules t -> multiplier of the base rate, each as its paper writes it, and one LRScheduler."""

from typing import TYPE_CHECKING, Any

from optlab.schedules.ademamix import ademamix_alpha, ademamix_beta3
from optlab.schedules.decays import (
    constant,
    cosine,
    linear_decay,
    step_drop,
    warmup,
    warmup_stable_decay,
)
from optlab.schedules.restarts import (
    adamwr,
    adamwr_weight_decay,
    cycle,
    cycle_ends,
    normalized_weight_decay,
    sgdr,
)
from optlab.schedules.schedule import Schedule, schedule
from optlab.schedules.slanted import (
    slanted_triangular,
    slanted_triangular_printed,
    slanted_triangular_published,
)

if TYPE_CHECKING:
    from optlab.schedules.scheduler import LRScheduler as LRScheduler

__all__ = [
    "LRScheduler",
    "Schedule",
    "adamwr",
    "adamwr_weight_decay",
    "ademamix_alpha",
    "ademamix_beta3",
    "constant",
    "cosine",
    "cycle",
    "cycle_ends",
    "linear_decay",
    "normalized_weight_decay",
    "schedule",
    "sgdr",
    "slanted_triangular",
    "slanted_triangular_printed",
    "slanted_triangular_published",
    "step_drop",
    "warmup",
    "warmup_stable_decay",
]


def __getattr__(name: str) -> Any:
    if name == "LRScheduler":  # loaded when first used: the formulas need no torch
        from optlab.schedules.scheduler import LRScheduler

        return LRScheduler
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
