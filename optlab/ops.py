"""What a rule needs beyond arithmetic operators.

Each function dispatches on the type of its argument, so that one rule runs on
numbers, torch tensors, lists of tensors, traced values and SymPy vectors. The
interpretations register their own types; `torch.Tensor` is registered here.
"""

from __future__ import annotations

import math
from functools import singledispatch
from typing import Any

import torch


@singledispatch
def sqrt(x: Any) -> Any:
    """Square root, elementwise."""
    return math.sqrt(x)


@singledispatch
def zeros_like(x: Any) -> Any:
    """Zero, in the shape of x."""
    return 0 * x


sqrt.register(torch.Tensor, torch.sqrt)
zeros_like.register(torch.Tensor, torch.zeros_like)
