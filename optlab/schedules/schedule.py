"""What a schedule is: a formula in t with its parameters, checked when it is made."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Sequence
from functools import partial, wraps
from itertools import pairwise
from math import inf
from typing import Any, Concatenate, ParamSpec

from optlab.ops import is_symbolic, is_tensor

P = ParamSpec("P")


class Schedule:
    """A pure function t -> multiplier of the base rate.

    t = 0, 1, 2, … counts the updates already made, so update number 1 uses t = 0.
    It may be

    - a number, not necessarily whole;
    - a tensor, on any device: integers are calculated in float64, floating
      numbers in their own precision (float32 counts exactly up to 2**24);
    - a SymPy expression.

    So may the parameters: tensors among them hold one value per configuration
    and are broadcast against t.
    """

    def __init__(
        self,
        family: Callable[..., Schedule],
        formula: Callable[..., Any],
        parameters: dict[str, Any],
    ):
        self.family = family
        self.formula = formula
        self.parameters = {name: _float64(value) for name, value in parameters.items()}
        self(0)  # a formula that divides by zero says so now, not in the middle of a run

    def __call__(self, t: Any) -> Any:
        if not is_tensor(t) and not is_symbolic(t):
            require("t, the number of updates made,", t, ">= 0")
        return self.formula(_float64(t), **self.parameters)

    def __repr__(self) -> str:
        values = ", ".join(f"{name}={value!r}" for name, value in self.parameters.items())
        return f"{self.family.__name__}({values})"

    def __reduce__(self) -> tuple[Any, ...]:
        return partial(self.family, **self.parameters), ()


def schedule(
    **conditions: str,
) -> Callable[[Callable[Concatenate[Any, P], Any]], Callable[P, Schedule]]:
    """Make a family of schedules of a formula: `formula(t, T)` becomes `family(T)(t)`.

    Each keyword names a parameter and gives the condition on it: `@schedule(T="> 0")`.
    """

    def decorate(formula: Callable[Concatenate[Any, P], Any]) -> Callable[P, Schedule]:
        _, *parameters = inspect.signature(formula).parameters.values()
        signature = inspect.Signature(parameters)

        @wraps(formula)
        def family(*args: P.args, **kwargs: P.kwargs) -> Schedule:
            bound = signature.bind(*args, **kwargs)
            bound.apply_defaults()
            for name, condition in conditions.items():
                require(f"{formula.__name__}: {name}", bound.arguments[name], condition)
            return Schedule(family, formula, bound.arguments)

        family.__signature__ = signature  # type: ignore[attr-defined]
        return family

    return decorate


def _ascending(times: Sequence[Any]) -> list[Any]:
    return [t >= 0 for t in times[:1]] + [a < b for a, b in pairwise(times)]


_CONDITIONS: dict[str, Callable[[Any], list[Any]]] = {
    "finite": lambda x: [-inf < x, x < inf],
    "> 0": lambda x: [x > 0, x < inf],
    ">= 0": lambda x: [x >= 0, x < inf],
    ">= 1": lambda x: [x >= 1, x < inf],
    ">= 2": lambda x: [x >= 2, x < inf],
    "in (0, 1)": lambda x: [x > 0, x < 1],
    "in (0, 1]": lambda x: [x > 0, x <= 1],
    "in [0, 1]": lambda x: [x >= 0, x <= 1],
    "a whole number >= 1": lambda x: [x >= 1, x < inf, x % 1 == 0],
    "ascending times >= 0": _ascending,
    "a function t -> multiplier": lambda x: [callable(x)],
    "linear, 1-sqrt or cosine": lambda x: [x in ("linear", "1-sqrt", "cosine")],
}


def require(name: str, value: Any, condition: str) -> None:
    """Raise ValueError unless the value meets the condition, one of _CONDITIONS."""
    if not _holds(condition, value):
        raise ValueError(f"{name} must be {condition}; got {value!r}")


def _holds(condition: str, value: Any) -> bool:
    """Whether no element violates the condition; what SymPy leaves open passes."""
    try:
        results = _CONDITIONS[condition](value)
        return all(bool(r.all()) if is_tensor(r) else r not in (False,) for r in results)
    except (TypeError, ValueError):  # of another type altogether
        return False


def _float64(x: Any) -> Any:
    """Tensors of integers as float64, since torch would divide them in float32; a NumPy number
    as Python's, so that what is calculated and shown does not depend on which it was."""
    if is_tensor(x):
        return x if x.is_floating_point() else x.double()
    if isinstance(x, list | tuple):
        return type(x)(map(_float64, x)) if type(x) in (list, tuple) else x
    return x.item() if getattr(x, "shape", None) == () and hasattr(x, "item") else x
