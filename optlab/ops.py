"""What a rule needs beyond arithmetic operators.

Each operation dispatches on the type of its arguments, so that one rule runs on
numbers, torch tensors, lists of tensors, traced values and SymPy vectors. Numbers
and `torch.Tensor` are here; the other interpretations register their own types.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from functools import update_wrapper
from numbers import Number
from typing import Any

import torch


class Operation:
    """A function that is chosen by the type of its first argument that is not a number."""

    def __init__(self, on_numbers: Callable[..., Any]):
        update_wrapper(self, on_numbers)
        self._on_numbers = on_numbers
        self.name = on_numbers.__name__
        self._functions: dict[type, Callable[..., Any]] = {}

    def register(self, cls: type, function: Callable[..., Any]) -> None:
        """Use `function` where an argument is a `cls`."""
        self._functions[cls] = function

    def dispatch(self, cls: type) -> Callable[..., Any]:
        """The function that serves arguments of type `cls`."""
        for c in cls.__mro__:
            if c in self._functions:
                return self._functions[c]
        if cls.__module__.partition(".")[0] == "sympy":  # numbers among them: they stay exact
            raise TypeError(
                f"{self.name} has no meaning for SymPy's {cls.__name__}: "
                "import optlab.symbolic, and give it SymPy scalars or the vectors from there"
            )
        if issubclass(cls, Number):
            return self._on_numbers
        raise TypeError(
            f"{self.name} has no meaning for {cls.__name__}: "
            "give numbers, tensors, or symbols for which it has one"
        )

    def __call__(self, *args: Any) -> Any:
        special = [a for a in args if not isinstance(a, int | float)] or args
        # Beside a list, a tensor is a number that lives on a device.
        chosen = next((a for a in special if not isinstance(a, torch.Tensor)), special[0])
        return self.dispatch(type(chosen))(*args)

    def __repr__(self) -> str:
        return f"<operation {self.name}>"


@Operation
def sqrt(x: Any) -> Any:
    """Square root, elementwise."""
    return math.sqrt(x)


@Operation
def sign(x: Any) -> Any:
    """-1, 0 or 1, elementwise."""
    return (x > 0) - (x < 0)


@Operation
def maximum(x: Any, y: Any) -> Any:
    """The larger of x and y, elementwise; either may be a number."""
    return max(x, y)


@Operation
def minimum(x: Any, y: Any) -> Any:
    """The smaller of x and y, elementwise; either may be a number."""
    return min(x, y)


@Operation
def divide(x: Any, y: Any) -> Any:
    """x / y, elementwise, where a divisor of 0 counts as 1: 0/0 is 0, and x/0 is x.

    0/0 = 0 is what algorithms need that divide a gradient by the root of the sum of its squares
    so far. x/0 = x has no such reason: it is finite, and has the sign of x.
    """
    return x if y == 0 else x / y


@Operation
def ratio(x: Any, y: Any) -> Any:
    """x / y for two norms, and 1 where either of them is 0."""
    return x / y if x > 0 and y > 0 else 1.0


@Operation
def norm(x: Any) -> Any:
    """Euclidean norm of all entries of a tensor together."""
    return abs(x)


@Operation
def mean(x: Any) -> Any:
    """Mean of all entries of a tensor together."""
    return x


@Operation
def row_sums(x: Any) -> Any:
    """Sums over the last dimension: n × m to n × 1."""
    return x


@Operation
def column_sums(x: Any) -> Any:
    """Sums over the last dimension but one: n × m to 1 × m."""
    return x


@Operation
def row_means(x: Any) -> Any:
    """Means over the last dimension: n × m to n × 1."""
    return x


@Operation
def column_means(x: Any) -> Any:
    """Means over the last dimension but one: n × m to 1 × m."""
    return x


@Operation
def outer(x: Any, y: Any) -> Any:
    """The matrix x yᵀ of two tensors, taken as vectors of d entries: d × d."""
    return x * y


@Operation
def solve_root(a: Any, delta: Any, x: Any) -> Any:
    """(delta I + A^½)⁻¹ x for a positive semidefinite d × d matrix A, in the shape of x.

    Where delta and an eigenvalue are 0, that direction of the result is 0; with tensors, where
    delta + root is below 1e-7 of the largest.
    """
    return divide(x, delta + sqrt(a))


@Operation
def zeros_like(x: Any) -> Any:
    """Zero, in the shape of x."""
    return 0 * x


@Operation
def zero_matrix(x: Any) -> Any:
    """The d × d zero matrix for a tensor of d entries, in float64."""
    return 0 * x


@Operation
def zero_rows(x: Any) -> Any:
    """Zeros in the shape of row_sums(x)."""
    return 0 * x


@Operation
def zero_columns(x: Any) -> Any:
    """Zeros in the shape of column_sums(x)."""
    return 0 * x


@Operation
def copy(x: Any) -> Any:
    """x itself, as a value of its own."""
    return x


# Operations that make one number of a tensor, those that it may not be flattened for, and those
# that no compiler fuses.
OVER_A_TENSOR = (norm, mean)
OF_ROWS_AND_COLUMNS = (row_sums, column_sums, row_means, column_means)
OF_MATRICES = (outer, solve_root)
INITIAL = (zeros_like, zero_matrix, zero_rows, zero_columns, copy)
OPERATIONS = (
    sqrt,
    sign,
    maximum,
    minimum,
    divide,
    ratio,
    norm,
    mean,
    *OF_ROWS_AND_COLUMNS,
    *OF_MATRICES,
)


def _maximum(x: Any, y: Any) -> torch.Tensor:
    if isinstance(x, torch.Tensor) and isinstance(y, torch.Tensor):
        return torch.maximum(x, y)
    return x.clamp(min=y) if isinstance(x, torch.Tensor) else y.clamp(min=x)


def _minimum(x: Any, y: Any) -> torch.Tensor:
    if isinstance(x, torch.Tensor) and isinstance(y, torch.Tensor):
        return torch.minimum(x, y)
    return x.clamp(max=y) if isinstance(x, torch.Tensor) else y.clamp(max=x)


def _divide(x: Any, y: torch.Tensor) -> Any:
    return x / torch.where(y == 0, torch.ones_like(y), y)


def _ratio(x: torch.Tensor, y: torch.Tensor) -> torch.Tensor:
    return torch.where((x > 0) & (y > 0), x / y, torch.ones_like(y))


# Of float32 on a CPU, torch adds squares up in order and in float32: of 3e7 normal numbers the norm
# is then off by 2e-3, and training by as much. Up to EXACT entries are added up in float64, which
# torch does slowly; of more, pieces of _PIECE entries in float32 (off by at most 5e-7, for equal
# entries) and their norms in float64.
EXACT, _PIECE = 2**14, 2**9


def _norm(x: torch.Tensor) -> torch.Tensor:
    """The Euclidean norm of x, in its dtype, with sums in at least float64 on a CPU."""
    if x.dtype != torch.float32 or x.device.type != "cpu":
        norm: torch.Tensor = torch.linalg.vector_norm(x)
        return norm
    whole = torch.compiler.is_compiling() or type(x) not in (torch.Tensor, torch.nn.Parameter)
    if whole or x.numel() <= EXACT:
        norm = torch.linalg.vector_norm(x, dtype=torch.float64).to(x.dtype)
        return norm
    flat = _in_order_of_memory(x).reshape(-1)
    most = flat.numel() // _PIECE * _PIECE
    pieces = torch.linalg.vector_norm(flat[:most].view(-1, _PIECE), dim=1)
    parts = torch.stack([_norm(pieces), _norm(flat[most:])])
    norm = torch.linalg.vector_norm(parts, dtype=torch.float64).to(x.dtype)
    return norm


def _in_order_of_memory(x: torch.Tensor) -> torch.Tensor:
    """x with its dimensions in the order that may spare a copy where it is flattened."""
    if x.is_contiguous():
        return x
    return x.permute(sorted(range(x.dim()), key=x.stride, reverse=True))


def _outer(x: torch.Tensor, y: torch.Tensor) -> torch.Tensor:
    return torch.outer(x.flatten().double(), y.flatten().double())


def _solve_root(a: torch.Tensor, delta: Any, x: torch.Tensor) -> torch.Tensor:
    # In float64 whatever x is: the root doubles the relative error of small eigenvalues.
    values, vectors = torch.linalg.eigh(a.double())
    roots = delta + values.clamp(min=0).sqrt()
    along = vectors.T @ x.flatten().double()
    # Rounding leaves eigenvalues of about 1e-16 of the largest where there should be none.
    noise = roots <= 1e-7 * roots[-1:]  # eigenvalues come in ascending order
    along = torch.where(noise, 0.0, along / torch.where(noise, 1.0, roots))
    solution: torch.Tensor = (vectors @ along).to(x.dtype).view_as(x)
    return solution


_ON_TENSORS: dict[Operation, Callable[..., Any]] = {
    sqrt: torch.sqrt,
    sign: torch.sign,
    maximum: _maximum,
    minimum: _minimum,
    divide: _divide,
    ratio: _ratio,
    norm: _norm,
    mean: torch.mean,
    row_sums: lambda x: x.sum(-1, keepdim=True),
    column_sums: lambda x: x.sum(-2, keepdim=True),
    row_means: lambda x: x.mean(-1, keepdim=True),
    column_means: lambda x: x.mean(-2, keepdim=True),
    outer: _outer,
    solve_root: _solve_root,
    zeros_like: torch.zeros_like,
    zero_matrix: lambda x: x.new_zeros(x.numel(), x.numel(), dtype=torch.float64),
    zero_rows: lambda x: torch.zeros_like(row_sums(x)),
    zero_columns: lambda x: torch.zeros_like(column_sums(x)),
    copy: torch.clone,
}
for _operation, _on_tensors in _ON_TENSORS.items():
    _operation.register(torch.Tensor, _on_tensors)
