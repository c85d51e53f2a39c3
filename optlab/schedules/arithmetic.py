"""What a schedule needs beyond arithmetic operators, on numbers, torch tensors and SymPy.

SymPy is imported only where an argument is SymPy's already.
"""

from __future__ import annotations

import math
import sys
from collections.abc import Callable
from typing import Any

import torch


def is_symbolic(*values: Any) -> bool:
    """Whether one of the values is a SymPy object."""
    sympy = sys.modules.get("sympy")
    return sympy is not None and any(isinstance(x, sympy.Basic) for x in values)


def _elementwise(number: Any, tensor: Any, symbol: str) -> Callable[[Any], Any]:
    def function(x: Any) -> Any:
        if isinstance(x, torch.Tensor):
            return tensor(x)
        return getattr(sys.modules["sympy"], symbol)(x) if is_symbolic(x) else number(x)

    return function


floor = _elementwise(math.floor, torch.floor, "floor")
ceil = _elementwise(math.ceil, torch.ceil, "ceiling")
sqrt = _elementwise(math.sqrt, torch.sqrt, "sqrt")
_cos = _elementwise(math.cos, torch.cos, "cos")


def cospi(x: Any) -> Any:
    """cos(π x)."""
    return _cos((sys.modules["sympy"].pi if is_symbolic(x) else math.pi) * x)


def at_least(low: int, x: Any) -> Any:
    """The larger of the two, elementwise."""
    if isinstance(x, torch.Tensor):
        return x.clamp(min=low)
    return sys.modules["sympy"].Max(low, x) if is_symbolic(x) else max(low, x)


def where(condition: Any, yes: Any, no: Any) -> Any:
    """`yes` where the condition holds, else `no`, elementwise; Piecewise on SymPy.

    `no` may be a function without arguments: on numbers it is called only if needed.
    """
    if not isinstance(condition, torch.Tensor) and not is_symbolic(condition):
        return yes if condition else no() if callable(no) else no
    no = no() if callable(no) else no
    if isinstance(condition, torch.Tensor):
        return torch.where(condition, yes, no)
    Piecewise = sys.modules["sympy"].Piecewise
    return Piecewise((yes, condition), *(no.args if isinstance(no, Piecewise) else [(no, True)]))
