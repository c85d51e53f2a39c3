"""From a grid of hyperparameters to configurations, and to the numbers of each step."""

from __future__ import annotations

import inspect
import itertools
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from numbers import Real
from typing import Any

import torch

from optlab.rules import Rule, sophia

Multiplier = Callable[[Any], Any]
Configuration = dict[str, Any]

SCHEDULE = "schedule"


@dataclass(frozen=True)
class Configurations:
    """axes: the names that take several values, and these values (labels, of schedules);
    rows: one dictionary for each combination, the last axis fastest;
    schedules: for each combination, the multipliers t -> number by hyperparameter.
    """

    axes: dict[str, list[Any]]
    rows: list[Configuration]
    schedules: list[dict[str, Multiplier]]


def configurations(
    rules: Iterable[Rule],
    grid: Mapping[str, Any] | Sequence[Mapping[str, Any]],
    schedule: Any,
    hessian: bool,
) -> Configurations:
    """Every combination of the values in `grid`, checked against what the rules take.

    hessian: whether estimates of the Hessian are averaged, with the hyperparameter beta2.
    Raises ValueError or TypeError in one line.
    """
    rules = list(dict.fromkeys(rules))
    if sophia in rules and not hessian:
        raise ValueError(
            'Sophia needs estimates of the Hessian: give hessian="gauss-newton-bartlett" or '
            '"hutchinson"'
        )
    if hessian and sophia not in rules:
        raise ValueError("hessian= is for rules.sophia: the rule here divides by no Hessian")
    if isinstance(grid, Mapping):
        axes = {name: _values(name, value) for name, value in grid.items()}
        rows = [dict(zip(axes, row, strict=True)) for row in itertools.product(*axes.values())]
        axes = {name: values for name, values in axes.items() if _several(name, grid[name])}
    else:
        rows = [dict(row) for row in grid]
        axes = {"configuration": list(range(len(rows)))}
    if not rows:
        raise ValueError("the grid is empty: give at least one value of each hyperparameter")
    taken = {name: q for rule in rules for name, q in rule.hyperparameters.items()}
    if hessian:
        taken["beta2"] = inspect.Parameter.empty
    main = "eta" if "eta" in taken else "lr"
    if "eta" in taken:
        rows = [{"eta": 1.0, **row} for row in rows]
    schedules = []
    for i, row in enumerate(rows):
        label, given = row.get(SCHEDULE, (None, schedule))
        if SCHEDULE in row and schedule is not None:
            raise ValueError("schedules are in the grid and in schedule=: give one of the two")
        schedules.append(_multipliers(given, main, taken))
        rows[i] = _checked({**row, SCHEDULE: label} if SCHEDULE in row else row, taken)
    if SCHEDULE in axes:
        axes[SCHEDULE] = [label for label, _ in axes[SCHEDULE]]
    for name in rows[0]:
        flag = name != SCHEDULE and not _is_number(rows[0][name])
        if flag and any(row[name] is not rows[0][name] for row in rows):
            raise ValueError(
                f"{name} is not a number, so it must be the same in the whole grid: "
                "train one grid for each value"
            )
    return Configurations(axes, rows, schedules)


def _several(name: str, value: Any) -> bool:
    return isinstance(value, Mapping) if name == SCHEDULE else _is_list(value)


def _values(name: str, value: Any) -> list[Any]:
    if name == SCHEDULE:
        labeled = {str(value): value} if callable(value) else value
        if not isinstance(labeled, Mapping) or any(not isinstance(x, str) for x in labeled):
            raise TypeError('schedules in a grid need labels: {"cosine": schedules.cosine(T=100)}')
        return list(labeled.items())
    return [x.item() if hasattr(x, "item") else x for x in value] if _is_list(value) else [value]


def _is_list(value: Any) -> bool:
    if isinstance(value, str) or not isinstance(value, Iterable):
        return False
    return getattr(value, "ndim", 1) > 0


def _multipliers(given: Any, main: str, taken: Mapping[str, Any]) -> dict[str, Multiplier]:
    if given is None:
        return {}
    named = given if isinstance(given, Mapping) else {main: given}
    for name, multiplier in named.items():
        if not callable(multiplier):
            raise TypeError(
                f"the schedule of {name} must be a function t -> multiplier, "
                f"such as optlab.schedules.cosine(T=100); got {multiplier!r}"
            )
        if name not in taken:
            raise ValueError(f"the rule has no {name} to schedule; it has {', '.join(taken)}")
    return dict(named)


def _checked(row: Configuration, taken: Mapping[str, Any]) -> Configuration:
    if unknown := [name for name in row if name not in taken and name != SCHEDULE]:
        raise ValueError(f"the rule has no {unknown[0]}; it has {', '.join(taken)}")
    for name, default in taken.items():
        if name not in row and default is inspect.Parameter.empty:
            raise ValueError(
                f"the grid has no {name}: give its values, a list or one number for all"
            )
    return {name: float(x) if _is_number(x) else x for name, x in row.items()}


def _is_number(x: Any) -> bool:
    return isinstance(x, Real) and not isinstance(x, bool)


def scheduled(
    found: Configurations, which: Sequence[int], first: int, last: int
) -> dict[str, torch.Tensor]:
    """The hyperparameters of configurations `which` at updates number first + 1, …, last.

    Each (last - first) × len(which), in float64 on the CPU. Update number t uses the
    multipliers at t - 1, the updates already made.
    """
    rows = [found.rows[k] for k in which]
    names = [n for n in rows[0] if n != SCHEDULE and _is_number(rows[0][n])]
    known: dict[Multiplier, torch.Tensor] = {}
    values = {}
    for name in names:
        base = torch.tensor([row[name] for row in rows], dtype=torch.float64)
        table = base.repeat(last - first, 1)
        for column, k in enumerate(which):
            multiplier = found.schedules[k].get(name)
            if multiplier is None:
                continue
            if multiplier not in known:
                curve = [float(multiplier(t)) for t in range(first, last)]
                known[multiplier] = torch.tensor(curve, dtype=torch.float64)
            table[:, column] *= known[multiplier]
        values[name] = table
    return values
