"""A rule as one C function for the CPU: all tensors in one call, each array touched once a pass.

torch.compile makes as good a loop, but needs seconds to compile it and a tenth of a
millisecond to call it, for each tensor. The tensor part of a split rule is straight-line
arithmetic, so it is written as C directly. Where it takes a norm or a mean, it becomes
several passes: what one pass has stored is read back in the next, and the rest is computed
again from that, so that no memory is needed for intermediate arrays.

This is the one door into C: who asks `kernel` for a split rule's function gives it tensors, and
sees neither sources nor pointers. What goes wrong is a CannotWrite, a CannotCompile or, in a step,
a MemoryError.
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
from optlab.optim.native.groups import ALL_RUNS
from optlab.optim.native.library import load
from optlab.optim.native.passes import CannotWrite, Passes, read
from optlab.optim.native.places import Places, places_of
from optlab.optim.native.toolchain import CannotCompile, compiler
from optlab.optim.split import Split
from optlab.rules import Rule

__all__ = [
    "REAL",
    "CannotCompile",
    "CannotWrite",
    "Kernel",
    "Places",
    "Table",
    "compiler",
    "kernel",
    "passes_of",
    "places_of",
    "serves",
    "write",
]

REAL = {torch.float32: "float", torch.float64: "double"}


def serves(device: torch.device, dtype: torch.dtype) -> bool:
    """Whether tensors of this kind can be stepped by C here, if their rule can be written."""
    return device.type == "cpu" and dtype in REAL and compiler() is not None


@dataclass(frozen=True)
class Kernel:
    """A compiled rule: `kernel(arrays, numbers)` takes one step in place.

    arrays: how many each tensor has. flat: whether tensors are vectors to it. code: the type of
    their entries, as Python's `array` has it. numbers: how many of them a step has. runs: whether
    tensors are stacked, runs × shape, and a step has numbers for each run.
    """

    function: Any
    arrays: int
    flat: bool
    code: str
    numbers: int
    runs: bool

    def __call__(self, arrays: Sequence[Sequence[torch.Tensor]], numbers: torch.Tensor) -> None:
        """arrays: for each tensor its parameter, gradient and state, contiguous; numbers: those
        of the split rule, in the arrays' dtype."""
        self.of(arrays).run(numbers)

    def of(self, arrays: Sequence[Sequence[torch.Tensor]]) -> Table:
        """The step of these tensors, which are to stay where they are.

        arrays: for each tensor its parameter, gradient and state, contiguous.
        """
        if self.runs:
            shapes = [tensors[0].shape[1:] for tensors in arrays]
            runs = range(len(arrays[0][0]))
            arrays = [[x[r] for x in tensors] for r in runs for tensors in arrays]
        else:
            shapes = [tensors[0].shape for tensors in arrays]
        table = self.table([[x.data_ptr() for x in tensors] for tensors in arrays], shapes)
        table.keeps = arrays
        return table

    def table(self, addresses: Sequence[Sequence[int]], shapes: Sequence[torch.Size]) -> Table:
        """The step of tensors of these shapes.

        addresses: for each tensor (of the first run, then of the second, …), those of its arrays.
        """
        if self.flat:
            sizes = list(map(math.prod, shapes))
        else:
            sizes = [n for shape in shapes for n in matrices.sizes(shape)]
        pointers = array("Q", itertools.chain.from_iterable(addresses))
        return Table(self, len(shapes), array("q", sizes), pointers)


class Table:
    """What a kernel is told of the tensors that it steps: their sizes and addresses.

    keeps: the tensors, which must not go before it; empty where somebody else sees to that.
    """

    keeps: Sequence[Sequence[torch.Tensor]] = ()

    def __init__(self, kernel: Kernel, count: int, sizes: array[int], pointers: array[int]):
        self.kernel, self._sizes, self._pointers = kernel, sizes, pointers
        told: tuple[int, ...] = count, sizes.buffer_info()[0], pointers.buffer_info()[0]
        if kernel.runs:
            told = len(pointers) // max(1, count * kernel.arrays), kernel.numbers, *told
        self._told = told

    def move_gradients(self, addresses: Sequence[int]) -> None:
        """The gradients are at other addresses now."""
        self._pointers[1 :: self.kernel.arrays] = array("Q", addresses)

    def run(self, numbers: torch.Tensor | Sequence[float]) -> None:
        """Take one step. numbers: a tensor in the arrays' dtype, or numbers on their own; with
        runs, a tensor of runs × numbers.

        Raises MemoryError.
        """
        if isinstance(numbers, torch.Tensor):
            numbers = numbers.contiguous()
            at = numbers.data_ptr()
        else:
            numbers = array(self.kernel.code, numbers)
            at = numbers.buffer_info()[0]
        if self.kernel.function(*self._told, at, torch.get_num_threads()):
            raise MemoryError("no memory for the sums of a step")


def kernel(cut: Split, dtype: torch.dtype, *, runs: bool = False) -> Kernel:
    """Write, compile and load the C function of a split rule's tensor part.

    runs: for tensors that are stacked, runs × shape, each run with numbers of its own; norms and
    means are those of each run's tensor alone.

    Raises CannotWrite or CannotCompile.
    """
    declared = "static int one" if runs else "int step"
    source, arrays, flat = write(cut.text, cut.rule, REAL[dtype], declared)
    function = load(source + ALL_RUNS if runs else source)
    integers = (ctypes.c_int64,) * (3 if runs else 1)
    function.argtypes = [*integers, *(ctypes.c_void_p,) * 3, ctypes.c_int]
    function.restype = ctypes.c_int
    (c,) = (node for node in cut.text.nodes if node.target == "c")
    code = "f" if dtype is torch.float32 else "d"
    return Kernel(function, arrays, flat, code, len(c.users), runs)


def write(text: fx.Graph, rule: Rule, real: str, step: str = "int step") -> tuple[str, int, bool]:
    """The C source, the number of arrays of each tensor, and whether tensors are vectors to it.

    step: how the function is declared; `load` wants one named step.
    """
    passes = passes_of(text, rule)
    by_rows = any(start in (ops.zero_rows, ops.zero_columns) for start in rule.initial.values())
    flat = not by_rows and not any(n.target in ops.OF_ROWS_AND_COLUMNS for n in text.nodes)
    source = (elements if flat else matrices).write(passes, real, step)
    return source, len(passes.arrays), flat


def passes_of(text: fx.Graph, rule: Rule) -> Passes:
    """The passes that the C of a split rule's tensor part makes."""
    rows = tuple(f"s_{k}" for k, start in rule.initial.items() if start is ops.zero_rows)
    columns = tuple(f"s_{k}" for k, start in rule.initial.items() if start is ops.zero_columns)
    return read(text, rows, columns)
