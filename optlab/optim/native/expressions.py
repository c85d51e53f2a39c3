"""The C of one operation."""

from __future__ import annotations

import operator
from collections.abc import Callable
from typing import Any

from torch import fx

from optlab import ops
from optlab.optim.native.passes import CannotWrite
from optlab.optim.nonfinite import select

_INFIX = {operator.add: "+", operator.sub: "-", operator.mul: "*", operator.truediv: "/"}
_CALLS: dict[Any, str] = {
    ops.sqrt: "SQRT({0})",
    ops.sign: "(({0} > 0) - ({0} < 0))",
    ops.maximum: "({0} < {1} || {1} != {1} ? {1} : {0})",  # as in torch, NaN wins
    ops.minimum: "({1} < {0} || {1} != {1} ? {1} : {0})",
    ops.divide: "({1} == 0 ? {0} : {0} / {1})",
    ops.ratio: "({0} > 0 && {1} > 0 ? {0} / {1} : 1)",
    select: "({2} != 0 ? {0} : {1})",
}


def expression(x: fx.Node, value: Callable[[Any], str]) -> str:
    """The C expression of a call, of the names that `value` gives its arguments."""
    if x.target in _INFIX:
        return f" {_INFIX[x.target]} ".join(value(a) for a in x.args)
    if x.target is operator.neg:
        return f"-{value(x.args[0])}"
    if x.target is operator.pow and x.args[1] == 2:
        return "{0} * {0}".format(value(x.args[0]))
    if x.target in _CALLS:
        return _CALLS[x.target].format(*(value(a) for a in x.args))
    raise CannotWrite(f"no C for {x.target}")


def term(x: fx.Node, value: Callable[[Any], str]) -> str:
    """What a sum over elements adds up."""
    form = "{0} * {0}" if x.target is ops.norm else "{0}"
    return form.format(value(x.args[0]))
