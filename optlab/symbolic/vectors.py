"""Vectors of SymPy expressions, and the operations of `optlab.ops` on them."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import sympy

from optlab import ops
from optlab.symbolic.entries import Entries, entrywise


class Vector(Entries):
    """A vector of n SymPy expressions on which arithmetic is elementwise, as on a tensor.

    The other operand may be a Vector of the same length or a scalar.
    """

    def __init__(self, entries: Any):
        self.entries = tuple(sympy.sympify(e) for e in entries)

    def map(self, f: Callable[..., Any], *others: Any) -> Vector:
        columns = [o.entries if isinstance(o, Vector) else (o,) * len(self) for o in others]
        return Vector(f(*row) for row in zip(self.entries, *columns, strict=True))

    def __len__(self) -> int:
        return len(self.entries)

    def __iter__(self) -> Iterator[sympy.Expr]:
        return iter(self.entries)

    def __getitem__(self, i: int) -> sympy.Expr:
        return self.entries[i]

    def __eq__(self, other: object) -> bool:
        """Equal as expressions, entry by entry, after simplification."""
        if not isinstance(other, Vector) or len(self) != len(other):
            return NotImplemented
        return all(sympy.simplify(a - b) == 0 for a, b in zip(self, other, strict=True))

    __hash__ = None  # type: ignore[assignment]

    def __repr__(self) -> str:
        return f"Vector({list(self.entries)})"


entrywise(Vector)
ops.norm.register(Vector, lambda x: sympy.sqrt(sum(a**2 for a in x)))
ops.mean.register(Vector, lambda x: sum(x) / len(x))


def vector(name: str, n: int, **assumptions: bool) -> Vector:
    """The Vector (name_1, …, name_n) of symbols, real unless `assumptions` say otherwise."""
    assumptions = assumptions or {"real": True}
    return Vector(sympy.Symbol(f"{name}_{i}", **assumptions) for i in range(1, n + 1))
