"""Lengths and sums where squares and sums of the numbers themselves would leave their range.

Scaling by powers of two is exact, so that in the common range every result is, to the bit, what
the plain formula gives.
"""

from __future__ import annotations

import math
import sys

import torch
from torch import Tensor

LARGEST = sys.float_info.max
SMALLEST = math.ulp(0.0)


def shifted(x: Tensor, exponent: int) -> Tensor:
    """x * 2**exponent, in two factors, since one of them may be no number."""
    if exponent == 0:
        return x
    half = exponent // 2
    return x * math.ldexp(1.0, half) * math.ldexp(1.0, exponent - half)


def shifted_number(x: float, exponent: int) -> float:
    """x * 2**exponent, infinite where that is too large."""
    try:
        return math.ldexp(x, exponent)
    except OverflowError:
        return math.copysign(math.inf, x)


def exponent_of(largest: float) -> int:
    """The e with 2**e <= largest < 2**(e + 1); 0 for 0."""
    return math.frexp(largest)[1] - 1 if largest else 0


def scaled(x: Tensor) -> tuple[Tensor, int]:
    """u and e with x = u * 2**e, the largest |u| in [1, 2) unless x is 0. x is finite float64."""
    e = exponent_of(float(x.abs().max()))
    return shifted(x, -e), e


def norm(x: Tensor) -> float:
    """The Euclidean length of finite x, at most the largest float."""
    u, e = scaled(x)
    return min(shifted_number(float(torch.linalg.vector_norm(u)), e), LARGEST)


def difference(x: Tensor, y: Tensor) -> tuple[Tensor, int]:
    """u and e with x - y = u * 2**e, as `scaled` has them."""
    z = x - y
    if bool(torch.isfinite(z).all()):
        return scaled(z)
    u, e = scaled(x / 4 - y / 4)
    return u, e + 2
