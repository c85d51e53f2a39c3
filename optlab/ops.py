"""What rules and schedules need beyond arithmetic operators.

Each operation dispatches on the type of its arguments, so that one rule runs on
numbers, torch tensors, lists of tensors, traced values and SymPy vectors. Here is what
each means on numbers; whoever brings another type registers its meaning. Those of torch
and of SymPy are loaded with the first value that asks for them, so that a rule can be read,
and run on numbers, without either.
"""

from __future__ import annotations

import math
import sys
from collections.abc import Callable
from functools import update_wrapper
from importlib import import_module
from numbers import Number
from typing import Any

# Where the meanings on the types of a library are.
MEANINGS = {"torch": "optlab.tensors", "sympy": "optlab.symbolic"}

# Types whose values count as numbers beside lists of them or symbols: torch.Tensor, once it is
# there.
AS_NUMBERS: list[type] = []

# What to do about a rule that asks of its values what only numbers or tensors know.
REMEDY = "A rule is written with arithmetic and optlab.ops: see CONTRIBUTING, Add an optimizer"


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
        if (function := self._registered(cls)) is not None:
            return function
        libraries = {c.__module__.partition(".")[0] for c in cls.__mro__} & {*MEANINGS}
        for library in libraries:
            import_module(MEANINGS[library])
            if (function := self._registered(cls)) is not None:
                return function
        if "sympy" in libraries:  # numbers among them: they stay exact
            raise TypeError(
                f"{self.name} has no meaning for SymPy's {cls.__name__}: "
                "give it SymPy scalars, or the vectors of optlab.symbolic"
            )
        if issubclass(cls, Number):
            return self._on_numbers
        raise TypeError(
            f"{self.name} has no meaning for {cls.__name__}: "
            "give numbers, tensors, or symbols for which it has one"
        )

    def _registered(self, cls: type) -> Callable[..., Any] | None:
        return next((self._functions[c] for c in cls.__mro__ if c in self._functions), None)

    def __call__(self, *args: Any) -> Any:
        special = [a for a in args if not isinstance(a, int | float)] or args
        # Beside a list, a tensor is a number that lives on a device.
        tensors = tuple(AS_NUMBERS)
        chosen = next((a for a in special if not isinstance(a, tensors)), special[0])
        return self.dispatch(type(chosen))(*args)

    def __repr__(self) -> str:
        return f"<operation {self.name}>"


@Operation
def sqrt(x: Any) -> Any:
    """Square root, elementwise."""
    return math.sqrt(x)


@Operation
def log(x: Any) -> Any:
    """Natural logarithm, elementwise."""
    return math.log(x)


@Operation
def floor(x: Any) -> Any:
    """The largest whole number that is at most x, elementwise."""
    return math.floor(x)


@Operation
def ceil(x: Any) -> Any:
    """The smallest whole number that is at least x, elementwise."""
    return math.ceil(x)


@Operation
def cospi(x: Any) -> Any:
    """cos(π x), elementwise."""
    return math.cos(math.pi * x)


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
def matmul(x: Any, y: Any) -> Any:
    """The product of two matrices: its first dimension is that of x, the others are those of y.

    A vector is a column. A tensor of more dimensions is the matrix of its first dimension by all
    others together, as for the weights of a convolution.
    """
    return x * y


@Operation
def transpose(x: Any) -> Any:
    """The transpose of x, taken as `matmul` takes it: always of two dimensions."""
    return x


@Operation
def polar(x: Any) -> Any:
    """The polar factor U Vᵀ of x = U S Vᵀ, taken as `matmul` takes it: singular values become 1.

    Those that are 0 stay 0; with tensors, those that rounding leaves where there should be none.
    """
    return sign(x)


@Operation
def row_count(x: Any) -> Any:
    """The number of rows of x, taken as `matmul` takes it."""
    return 1


@Operation
def column_count(x: Any) -> Any:
    """The number of columns of x, taken as `matmul` takes it."""
    return 1


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


@Operation
def choose(condition: Any, yes: Any, no: Any) -> Any:
    return yes if condition else no() if callable(no) else no


def where(condition: Any, yes: Any, no: Any) -> Any:
    """`yes` where the condition holds, else `no`, elementwise; Piecewise on SymPy.

    `no` may be a function without arguments: on numbers it is called only if needed.
    """
    if is_tensor(condition) or is_symbolic(condition):
        no = no() if callable(no) else no
        return choose.dispatch(type(condition))(condition, yes, no)
    return choose.dispatch(bool)(condition, yes, no)


def is_tensor(*values: Any) -> bool:
    """Whether one of the values is a torch tensor."""
    torch = sys.modules.get("torch")
    return torch is not None and any(isinstance(x, torch.Tensor) for x in values)


def is_symbolic(*values: Any) -> bool:
    """Whether one of the values is a SymPy object."""
    sympy = sys.modules.get("sympy")
    return sympy is not None and any(isinstance(x, sympy.Basic) for x in values)


# Operations that make one number of a tensor, those that it may not be flattened for, and those
# that no compiler fuses.
OVER_A_TENSOR = (norm, mean)
OF_ROWS_AND_COLUMNS = (row_sums, column_sums, row_means, column_means)
OF_PRODUCTS = (matmul, transpose, row_count, column_count)
OF_MATRICES = (outer, solve_root, polar, *OF_PRODUCTS)
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
