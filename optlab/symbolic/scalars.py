"""The operations of `optlab.ops` on a SymPy expression, which may stand for any coordinate."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, ClassVar

import sympy

from optlab import ops


class Guarded(sympy.Function):
    """A quotient with a case of its own for zero.

    Its value is that of the general case, x / y; in a `record`, where nothing is evaluated,
    it stays.
    """

    @classmethod
    def eval(cls, x: Any, y: Any) -> Any:
        return x / y


def _guarded(operation: ops.Operation) -> Callable[..., Any]:
    quotient = type(operation.name, (Guarded,), {})
    # beside a vector, the quotient of each entry is the vector's
    return lambda x, y: quotient(x, y) if isinstance(y, sympy.Expr | int | float) else x / y


# On a scalar, which may stand for any coordinate.
ON_SCALARS: dict[ops.Operation, Callable[..., Any]] = {
    ops.sqrt: sympy.sqrt,
    ops.log: sympy.log,
    ops.floor: sympy.floor,
    ops.ceil: sympy.ceiling,
    ops.cospi: lambda x: sympy.cos(sympy.pi * x),
    ops.sign: sympy.sign,
    ops.maximum: sympy.Max,
    ops.minimum: sympy.Min,
    ops.divide: _guarded(ops.divide),
    ops.ratio: _guarded(ops.ratio),
    ops.zeros_like: lambda x: sympy.Integer(0),
    ops.copy: lambda x: x,
}
for _operation, _function in ON_SCALARS.items():
    _operation.register(sympy.Expr, _function)


def _choose(condition: Any, yes: Any, no: Any) -> Any:
    others = no.args if isinstance(no, sympy.Piecewise) else [(no, True)]
    return sympy.Piecewise((yes, condition), *others)


ops.choose.register(sympy.Basic, _choose)  # a condition is not an Expr


class OfTensor(sympy.Function):
    """A function of a tensor as a whole, or of its rows or columns.

    Of a scalar it has the value that it has of a tensor of one entry. In a `record`,
    where nothing is evaluated, it stays; `page` is how LaTeX writes it, and arguments that
    bind less closely than `closeness`, in SymPy's words for it, are put in brackets there.
    """

    page: ClassVar[Callable[..., str]]
    closeness: ClassVar[str]


def _of_tensor(operation: ops.Operation, page: Callable[..., str], closeness: str = "Mul") -> None:
    def value(cls: type, *args: Any) -> Any:
        return operation.dispatch(int)(*args)

    body = {"eval": classmethod(value), "page": staticmethod(page), "closeness": closeness}
    operation.register(sympy.Expr, type(operation.name, (OfTensor,), body))


_of_tensor(ops.mean, lambda x: rf"\operatorname{{mean}}\!\left({x}\right)", closeness="Lambda")
_of_tensor(ops.norm, lambda x: rf"\left\lVert {x} \right\rVert", closeness="Lambda")
# Of an n x m matrix; 1_n is the vector of n ones.
_of_tensor(ops.row_sums, lambda x: f"{x} 1_m")
_of_tensor(ops.column_sums, lambda x: rf"1_n^\top {x}")
_of_tensor(ops.row_means, lambda x: rf"\tfrac{{1}}{{m}} {x} 1_m")
_of_tensor(ops.column_means, lambda x: rf"\tfrac{{1}}{{n}} 1_n^\top {x}")
_of_tensor(ops.outer, lambda x, y: rf"{x} {y}^\top")
_of_tensor(ops.solve_root, lambda a, delta, x: rf"\left({delta} I + {a}^{{1/2}}\right)^{{-1}} {x}")
_of_tensor(ops.matmul, lambda x, y: f"{x} {y}")
_of_tensor(ops.transpose, lambda x: rf"{x}^\top", closeness="Pow")
_of_tensor(ops.polar, lambda x: rf"\operatorname{{polar}}\!\left({x}\right)", closeness="Lambda")
_of_tensor(ops.row_count, lambda x: "n", closeness="Lambda")
_of_tensor(ops.column_count, lambda x: "m", closeness="Lambda")
for _operation in (ops.zero_matrix, ops.zero_rows, ops.zero_columns):
    _operation.register(sympy.Expr, lambda x: sympy.Integer(0))
