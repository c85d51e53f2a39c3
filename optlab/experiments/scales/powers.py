"""Grids of rates and coefficients."""

from __future__ import annotations


def powers_of_two(first: int, last: int, base: float = 1.0) -> tuple[float, ...]:
    """base · 2^first, …, base · 2^last."""
    return tuple(base * 2.0**k for k in range(first, last + 1))
