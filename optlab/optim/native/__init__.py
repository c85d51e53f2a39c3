"""A rule as one C function for the CPU: all tensors in one call, each array touched once a pass.

torch.compile makes as good a loop, but needs seconds to compile it and a tenth of a
millisecond to call it, for each tensor. The tensor part of a split rule is straight-line
arithmetic, so it is written as C directly. Where it takes a norm or a mean, it becomes
several passes: what one pass has stored is read back in the next, and the rest is computed
again from that, so that no memory is needed for intermediate arrays.
"""

from __future__ import annotations

import ctypes
import itertools
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
    """A compiled rule: `kernel(arrays, numbers)` takes one step in place.

    arrays: how many each tensor has. flat: whether tensors are vectors to it. code: the type of
    their entries, as Python's `array` has it.
    """

    function: Any
    arrays: int
    flat: bool
    code: str

    def __call__(self, arrays: Sequence[Sequence[torch.Tensor]], numbers: torch.Tensor) -> None:
        """arrays: for each tensor its parameter, gradient and state, contiguous; numbers: those
        of the split rule, in the arrays' dtype."""
        addresses = [[x.data_ptr() for x in tensors] for tensors in arrays]
        self.table(addresses, [a[0].shape for a in arrays]).run(numbers)

    def table(self, addresses: Sequence[Sequence[int]], shapes: Sequence[torch.Size]) -> Table:
        """For tensors of these shapes. addresses: for each tensor, those of its arrays."""
        if self.flat:
            sizes = list(map(math.prod, shapes))
        else:
            sizes = [n for shape in shapes for n in matrices.sizes(shape)]
        pointers = array("Q", itertools.chain.from_iterable(addresses))
        return Table(self, len(shapes), array("q", sizes), pointers)


@dataclass(frozen=True)
class Table:
    """What a kernel is told of the tensors that it steps: their sizes and addresses."""

    kernel: Kernel
    count: int
    sizes: array[int]
    pointers: array[int]

    def move_gradients(self, addresses: Sequence[int]) -> None:
        """The gradients are at other addresses now."""
        self.pointers[1 :: self.kernel.arrays] = array("Q", addresses)

    def run(self, numbers: torch.Tensor | Sequence[float]) -> None:
        """Take one step. numbers: a tensor in the arrays' dtype, or numbers on their own."""
        if isinstance(numbers, torch.Tensor):
            numbers = numbers.contiguous()
            at = numbers.data_ptr()
        else:
            numbers = array(self.kernel.code, numbers)
            at = numbers.buffer_info()[0]
        status = self.kernel.function(
            self.count,
            self.sizes.buffer_info()[0],
            self.pointers.buffer_info()[0],
            at,
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
    return Kernel(function, arrays, flat, "f" if dtype is torch.float32 else "d")


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
