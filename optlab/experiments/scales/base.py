"""What the settings of several chapters have in common."""

from __future__ import annotations

from dataclasses import dataclass, field

from optlab.experiments.scales.task import Task


@dataclass(frozen=True)
class Experiment:
    """A task, the epochs of a run, and the number of seeds. momentum: of the methods that are
    not Adam's."""

    task: Task
    epochs: int
    seeds: int
    momentum: float = field(default=0.9, kw_only=True)


def powers_of_two(first: int, last: int, base: float = 1.0) -> tuple[float, ...]:
    """base · 2^first, …, base · 2^last."""
    return tuple(base * 2.0**k for k in range(first, last + 1))
