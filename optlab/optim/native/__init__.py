"""A rule as one C function for the CPU: all tensors in one call, each array touched once a pass.

torch.compile makes as good a loop, but needs seconds to compile it and a tenth of a
millisecond to call it, for each tensor. The tensor part of a split rule is straight-line
arithmetic, so it is written as C directly. Where it takes a norm or a mean, it becomes
several passes: what one pass has stored is read back in the next, and the rest is computed
again from that, so that no memory is needed for intermediate arrays.
"""

from __future__ import annotations

import ctypes
import math
from array import array
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch import fx

from optlab import ops
from optlab.optim.native import elements, matrices
from optlab.optim.native.library import load
from optlab.optim.native.plan import CannotWrite, Plan, read
from optlab.optim.native.toolchain import CannotCompile, compiler
from optlab.rules import Rule

__all__ = [
    "REAL",
    "CannotCompile",
    "CannotWrite",
    "Kernel",
    "compiler",
    "kernel",
    "plan_of",
    "write",
]

REAL = {torch.float32: "float", torch.float64: "double"}


@dataclass(frozen=True)
class Kernel:
    """A compiled rule: `kernel(arrays, numbers)` takes one step in place."""

    function: Any
    arrays: int
    flat: bool

    def __call__(self, arrays: Sequence[Sequence[torch.Tensor]], numbers: torch.Tensor) -> None:
        """arrays: for each tensor its parameter, gradient and state, contiguous; numbers: those
        of the split rule, in the arrays' dtype."""
        addresses = [x.data_ptr() for tensors in arrays for x in tensors]
        self.at(addresses, [a[0].shape for a in arrays], numbers)

    def at(
        self, addresses: Sequence[int], shapes: Sequence[torch.Size], numbers: torch.Tensor
    ) -> None:
        """A step of tensors of these shapes. addresses: for each, those of its arrays."""
        if self.flat:
            sizes = list(map(math.prod, shapes))
        else:
            sizes = [n for shape in shapes for n in matrices.sizes(shape)]
        pointers, lengths = array("Q", addresses), array("q", sizes)
        numbers = numbers.contiguous()
        status = self.function(
            len(shapes),
            lengths.buffer_info()[0],
            pointers.buffer_info()[0],
            numbers.data_ptr(),
            torch.get_num_threads(),
        )
        if status:
            raise MemoryError("no memory for the sums of a step")


def kernel(text: fx.Graph, rule: Rule, dtype: torch.dtype) -> Kernel:
    """Write, compile and load the C function of a split rule's tensor part.

    Raises CannotWrite or CannotCompile.
    """
    source, arrays, flat = write(text, rule, REAL[dtype])
    function = load(source)
    function.argtypes = [ctypes.c_int64, *(ctypes.c_void_p,) * 3, ctypes.c_int]
    function.restype = ctypes.c_int
    return Kernel(function, arrays, flat)


def write(text: fx.Graph, rule: Rule, real: str, step: str = "int step") -> tuple[str, int, bool]:
    """The C source, the number of arrays of each tensor, and whether tensors are vectors to it.

    step: how the function is declared; `load` wants one named step.
    """
    plan = plan_of(text, rule)
    by_rows = any(start in (ops.zero_rows, ops.zero_columns) for start in rule.initial.values())
    flat = not by_rows and not any(n.target in ops.OF_ROWS_AND_COLUMNS for n in text.nodes)
    source = (elements if flat else matrices).write(plan, real, step)
    return source, len(plan.arrays), flat


def plan_of(text: fx.Graph, rule: Rule) -> Plan:
    """The passes that the C of a split rule's tensor part makes."""
    rows = tuple(f"s_{k}" for k, start in rule.initial.items() if start is ops.zero_rows)
    columns = tuple(f"s_{k}" for k, start in rule.initial.items() if start is ops.zero_columns)
    return read(text, rows, columns)
