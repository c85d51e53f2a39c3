"""From a grid of hyperparameters to configurations, and to the numbers of each step."""

from __future__ import annotations

import inspect
import itertools
import math
import operator
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from numbers import Real
from typing import Any

import torch

from optlab.grid.vmapped import first_line
from optlab.rules import Rule
from optlab.rules.names import condition, in_words, meets

Multiplier = Callable[[Any], Any]
Configuration = dict[str, Any]

SCHEDULE = "schedule"


@dataclass(frozen=True)
class Configurations:
    """axes: the names that take several values, and these values (labels, of schedules);
    rows: one dictionary for each combination, the last axis fastest;
    schedules: for each combination, the multipliers at t = 0, …, steps - 1 by hyperparameter.
    """

    axes: dict[str, list[Any]]
    rows: list[Configuration]
    schedules: list[dict[str, torch.Tensor]]


def configurations(
    rules: Iterable[Rule],
    grid: Mapping[str, Any] | Sequence[Mapping[str, Any]],
    schedule: Any,
    hessian: bool,
    steps: int,
) -> Configurations:
    """Every combination of the values in `grid`, checked against what the rules take.

    hessian: whether estimates of the Hessian are averaged, with the hyperparameter beta2.
    Raises ValueError or TypeError in one line.
    """
    rules = list(dict.fromkeys(rules))
    estimated = [rule.name for rule in rules if rule.estimated]
    if estimated and not hessian:
        raise ValueError(
            f"{estimated[0]} needs estimates of the Hessian: give "
            'hessian="gauss-newton-bartlett" or "hutchinson"'
        )
    if hessian and not estimated:
        raise ValueError(
            "hessian= is for rules that are given estimates, such as rules.sophia: the rule here "
            "divides by no Hessian"
        )
    if isinstance(grid, Mapping):
        axes = {name: _values(name, value) for name, value in grid.items()}
        rows = [dict(zip(axes, row, strict=True)) for row in itertools.product(*axes.values())]
        axes = {name: values for name, values in axes.items() if _several(name, grid[name])}
    else:
        rows = _listed(grid)
        axes = {"configuration": list(range(len(rows)))}
    if not rows:
        raise ValueError("the grid is empty: give at least one value of each hyperparameter")
    taken = {name: q for rule in rules for name, q in rule.hyperparameters.items()}
    if hessian:
        taken.setdefault("beta2", inspect.Parameter.empty)
    main = "eta" if "eta" in taken else "lr"
    if "eta" in taken:
        rows = [{"eta": 1.0, **row} for row in rows]
    curves: dict[int, torch.Tensor] = {}  # by id: not every function has a hash
    schedules, multiplied = [], []
    for i, row in enumerate(rows):
        if SCHEDULE in row and schedule is not None:
            raise ValueError("schedules are in the grid and in schedule=: give one of the two")
        label, given = row.get(SCHEDULE, (None, schedule))
        multipliers = _multipliers(given, main, taken)
        for name, multiplier in multipliers.items():
            if id(multiplier) not in curves:
                curves[id(multiplier)] = _curve(name, multiplier, steps)
        schedules.append({name: curves[id(m)] for name, m in multipliers.items()})
        multiplied.append(multipliers)  # keeps the functions alive, and so their ids
        rows[i] = {**row, SCHEDULE: label} if SCHEDULE in row else dict(row)
    # What one configuration sets or schedules and another does not is the rule's default there.
    named = dict.fromkeys(n for row in (*rows, *multiplied) for n in row if n in taken)
    defaults = {n: taken[n] for n in named if taken[n] is not inspect.Parameter.empty}
    rows = [_checked({**defaults, **row}, taken) for row in rows]
    axes = {
        n: [row[0] for row in vs] if n == SCHEDULE else [_plain(v) for v in vs]
        for n, vs in axes.items()
    }
    for name in rows[0]:
        flag = name != SCHEDULE and not _is_number(rows[0][name])
        if flag and any(row[name] is not rows[0][name] for row in rows):
            raise ValueError(
                f"{name} is not a number, so it must be the same in the whole grid: "
                "train one grid for each value"
            )
    return Configurations(axes, rows, schedules)


def _listed(grid: Any) -> list[Configuration]:
    """The configurations of a grid that lists them."""
    listed = isinstance(grid, Iterable) and not isinstance(grid, str | bytes)
    rows = list(grid) if listed else [grid]
    for row in rows:
        if not isinstance(row, Mapping):
            raise TypeError(
                "the grid must be a dictionary of values by hyperparameter, or a list of "
                f'dictionaries such as {{"lr": 0.1}}; got {row!r:.80}'
            )
        pair = row.get(SCHEDULE, ("", None))
        if not (isinstance(pair, tuple) and len(pair) == 2 and isinstance(pair[0], str)):
            raise TypeError(
                "a schedule in a list of configurations needs a label: "
                '("cosine", schedules.cosine(T=100))'
            )
    return [dict(row) for row in rows]


def _several(name: str, value: Any) -> bool:
    return isinstance(value, Mapping) if name == SCHEDULE else _is_list(value)


def _values(name: str, value: Any) -> list[Any]:
    if name == SCHEDULE:
        labeled = {str(value): value} if callable(value) else value
        if not isinstance(labeled, Mapping) or any(not isinstance(x, str) for x in labeled):
            raise TypeError('schedules in a grid need labels: {"cosine": schedules.cosine(T=100)}')
        return list(labeled.items())
    return list(value) if _is_list(value) else [value]


def _is_list(value: Any) -> bool:
    if isinstance(value, str | bytes | Mapping) or not isinstance(value, Iterable):
        return False
    return getattr(value, "ndim", 1) > 0


def _plain(value: Any) -> Any:
    """A number of NumPy or torch as Python's; anything else as it is."""
    alone = getattr(value, "ndim", None) == 0 or isinstance(value, torch.Tensor)
    if alone and hasattr(value, "item") and getattr(value, "size", 1) != 0:
        try:
            return value.item()
        except (RuntimeError, ValueError):  # several numbers
            return value
    return value


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
        if isinstance(taken[name], bool) or _is_function(taken[name]):
            raise ValueError(f"{name} is not a number: it has no schedule")
    return dict(named)


def _curve(name: str, multiplier: Multiplier, steps: int) -> torch.Tensor:
    """The multipliers of all steps, in float64. Raises ValueError where one is no number."""
    curve = torch.empty(steps, dtype=torch.float64)
    for t in range(steps):
        try:
            value = _plain(multiplier(t))
            number = float(value) if _is_number(value) else math.nan
        except Exception as error:
            raise ValueError(
                f"the schedule of {name} fails at t = {t} of {steps} steps: {first_line(error)}"
            ) from error
        if not math.isfinite(number):
            raise ValueError(
                f"the schedule of {name} gives {value!r:.80} at t = {t} of {steps} steps: "
                "it must give a finite number for every t from 0 on"
            )
        curve[t] = number
    return curve


def _checked(row: Configuration, taken: Mapping[str, Any]) -> Configuration:
    if unknown := [name for name in row if name not in taken and name != SCHEDULE]:
        raise ValueError(f"the rule has no {unknown[0]}; it has {', '.join(taken)}")
    for name, default in taken.items():
        if name not in row and default is inspect.Parameter.empty:
            raise ValueError(
                f"the grid has no {name}: give its values, a list or one number for all"
            )
    return {n: x if n == SCHEDULE else _setting(n, x, taken[n]) for n, x in row.items()}


def _setting(name: str, value: Any, default: Any) -> Any:
    """A value of a hyperparameter, numbers as floats. Raises ValueError where it cannot be one."""
    if _is_function(default):
        if not callable(value):
            raise ValueError(f"{name} must be a function; got {value!r:.80}")
        return value
    value = _plain(value)
    if isinstance(default, bool):
        if not isinstance(value, bool):
            raise ValueError(f"{name} must be True or False; got {value!r:.80}")
        return value
    if not _is_number(value):
        raise ValueError(f"{name} must be a number or a list of numbers; got {value!r:.80}")
    number = float(value)
    if not meets(condition(name), number):
        raise ValueError(f"{name} must be {in_words(condition(name))}; got {number!r}")
    return number


def _is_function(default: Any) -> bool:
    return default is not inspect.Parameter.empty and callable(default)


def whole_number(name: str, value: Any, least: int) -> int:
    """value as an int. Raises ValueError in one line where it is none, or is too small."""
    try:
        if isinstance(value, bool):
            raise TypeError
        number = operator.index(value)
    except TypeError:
        raise ValueError(f"{name} must be a whole number; got {value!r:.80}") from None
    if number < least:
        raise ValueError(f"{name} must be at least {least}; got {number}")
    return number


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
    values = {}
    for name in names:
        base = torch.tensor([row[name] for row in rows], dtype=torch.float64)
        table = base.repeat(last - first, 1)
        for column, k in enumerate(which):
            if name in found.schedules[k]:
                table[:, column] *= found.schedules[k][name][first:last]
        values[name] = table
    return values
