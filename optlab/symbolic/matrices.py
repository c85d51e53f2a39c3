"""Matrices of SymPy expressions, and the operations of `optlab.ops` on them."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from itertools import chain
from operator import mul
from typing import Any

import sympy

from optlab import ops
from optlab.symbolic.entries import Entries, entrywise
from optlab.symbolic.vectors import Vector


class Matrix(Entries):
    """A matrix of SymPy expressions on which arithmetic is elementwise, as on a tensor.

    The other operand may be a Matrix of the same shape, a row or a column of it, or a scalar.
    Products are `ops.matmul`::

        X = matrix("X", 2, 3)
        ops.matmul(X, ops.transpose(X))
    """

    def __init__(self, rows: Sequence[Sequence[Any]]):
        self.rows = tuple(tuple(sympy.sympify(e) for e in row) for row in rows)
        if len({len(row) for row in self.rows}) != 1:
            raise ValueError("the rows of a matrix are of one length, and there is at least one")

    @property
    def shape(self) -> tuple[int, int]:
        return len(self.rows), len(self.rows[0])

    # a row or a column is repeated
    def map(self, f: Callable[..., Any], *others: Any) -> Matrix:
        shapes = [x.shape for x in (self, *others) if _is(x)]
        n, m = (max(sizes) for sizes in zip(*shapes, strict=True))
        return Matrix(
            [
                [f(*(_entry(x, i, j, (n, m)) for x in (self, *others))) for j in range(m)]
                for i in range(n)
            ]
        )

    def __getitem__(self, place: tuple[int, int]) -> sympy.Expr:
        return self.rows[place[0]][place[1]]

    def __eq__(self, other: object) -> bool:
        """Equal as expressions, entry by entry, after simplification."""
        if not isinstance(other, Matrix) or self.shape != other.shape:
            return NotImplemented
        pairs = zip(chain(*self.rows), chain(*other.rows), strict=True)
        return all(sympy.simplify(a - b) == 0 for a, b in pairs)

    __hash__ = None  # type: ignore[assignment]

    def __repr__(self) -> str:
        return f"Matrix({[list(row) for row in self.rows]})"


def _is(x: Any) -> bool:
    return isinstance(x, Matrix)


def _entry(x: Any, i: int, j: int, shape: tuple[int, int]) -> Any:
    if not _is(x):
        return x
    if any(own not in (1, n) for own, n in zip(x.shape, shape, strict=True)):
        raise ValueError(f"shapes {x.shape} and {shape} do not fit together")
    return x.rows[i if x.shape[0] > 1 else 0][j if x.shape[1] > 1 else 0]


def _product(x: Any, y: Any) -> Matrix | Vector:
    rows, columns = _matrix(x).rows, _transpose(y).rows
    if len(rows[0]) != len(columns[0]):
        raise ValueError(f"no product of {len(rows[0])} columns with {len(columns[0])} rows")
    product = [[sum(map(mul, row, column)) for column in columns] for row in rows]
    return Vector(chain(*product)) if isinstance(y, Vector) else Matrix(product)


def _matrix(x: Any) -> Matrix:
    """x, or the column that a vector is."""
    if isinstance(x, Vector):
        return Matrix([[a] for a in x])
    if not _is(x):
        raise TypeError(f"a product of matrices takes no {type(x).__name__}: give a Matrix")
    return x  # type: ignore[no-any-return]


def _transpose(x: Any) -> Matrix:
    return Matrix(list(zip(*_matrix(x).rows, strict=True)))


def _row_sums(x: Matrix) -> Matrix:
    return Matrix([[sum(row)] for row in x.rows])


def _column_sums(x: Matrix) -> Matrix:
    return _transpose(_row_sums(_transpose(x)))


_ON_MATRICES: dict[ops.Operation, Callable[..., Any]] = {
    ops.norm: lambda x: sympy.sqrt(sum(a**2 for row in x.rows for a in row)),
    ops.mean: lambda x: sum(chain(*x.rows)) / sympy.Integer(x.shape[0] * x.shape[1]),
    ops.row_sums: _row_sums,
    ops.column_sums: _column_sums,
    ops.row_means: lambda x: _row_sums(x) / sympy.Integer(x.shape[1]),
    ops.column_means: lambda x: _column_sums(x) / sympy.Integer(x.shape[0]),
    ops.zero_rows: lambda x: 0 * _row_sums(x),
    ops.zero_columns: lambda x: 0 * _column_sums(x),
}
_PRODUCTS: dict[ops.Operation, Callable[..., Any]] = {
    ops.matmul: _product,
    ops.transpose: _transpose,
    ops.row_count: lambda x: _matrix(x).shape[0],
    ops.column_count: lambda x: _matrix(x).shape[1],
}
entrywise(Matrix)
for _operation, _function in (_ON_MATRICES | _PRODUCTS).items():
    _operation.register(Matrix, _function)
for _operation, _function in _PRODUCTS.items():
    _operation.register(Vector, _function)


def matrix(name: str, n: int, m: int, **assumptions: bool) -> Matrix:
    """The n × m Matrix of symbols name_11, name_12, …, real unless `assumptions` say otherwise."""
    assumptions = assumptions or {"real": True}
    return Matrix(
        [
            [sympy.Symbol(f"{name}_{i}{j}", **assumptions) for j in range(1, m + 1)]
            for i in range(1, n + 1)
        ]
    )
