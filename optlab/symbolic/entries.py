"""Arithmetic entry by entry, for vectors and matrices of SymPy expressions alike."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Self

from optlab.symbolic.scalars import ON_SCALARS


class Entries:
    """Base of what has entries: `map` applies a function to each of them."""

    # f(entry, other, …) for each entry; the others are scalars, or have entries too.
    def map(self, f: Callable[..., Any], *others: Any) -> Self:
        raise NotImplementedError

    def __add__(self, other: Any) -> Self:
        return self.map(lambda a, b: a + b, other)

    def __sub__(self, other: Any) -> Self:
        return self.map(lambda a, b: a - b, other)

    def __mul__(self, other: Any) -> Self:
        return self.map(lambda a, b: a * b, other)

    def __truediv__(self, other: Any) -> Self:
        return self.map(lambda a, b: a / b, other)

    def __pow__(self, other: Any) -> Self:
        return self.map(lambda a, b: a**b, other)

    def __radd__(self, other: Any) -> Self:
        return self.map(lambda a, b: b + a, other)

    def __rsub__(self, other: Any) -> Self:
        return self.map(lambda a, b: b - a, other)

    def __rmul__(self, other: Any) -> Self:
        return self.map(lambda a, b: b * a, other)

    def __rtruediv__(self, other: Any) -> Self:
        return self.map(lambda a, b: b / a, other)

    def __neg__(self) -> Self:
        return self.map(lambda a: -a)


def entrywise(cls: type[Entries]) -> None:
    """Give the operations on scalars their meaning on `cls`."""
    for operation, function in ON_SCALARS.items():
        operation.register(cls, _of_entries(cls, function))


def _of_entries(cls: type[Entries], f: Callable[..., Any]) -> Callable[..., Any]:
    def on_entries(*args: Any) -> Any:
        first = next(a for a in args if isinstance(a, cls))
        return first.map(lambda _, *rest: f(*rest), *args)

    return on_entries
