"""A rule as one C function for the CPU: all tensors in one call, each array touched once a pass.

torch.compile makes as good a loop, but needs seconds to compile it and a tenth of a
millisecond to call it, for each tensor. The tensor part of a split rule is straight-line
arithmetic, so it is written as C directly. Where it takes a norm or a mean, it becomes
several passes: what one pass has stored is read back in the next, and the rest is computed
again from that, so that no memory is needed for intermediate arrays.
"""

from __future__ import annotations

import ctypes
import functools
import hashlib
import operator
import os
import platform
import shutil
import subprocess
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from torch import fx

from optlab import ops
from optlab.optim.nonfinite import select

REAL = {torch.float32: "float", torch.float64: "double"}
FLAGS = ("-O3", "-march=native", "-fno-math-errno", "-fno-trapping-math", "-ffp-contract=fast")

# Elements of one unit of work. A sum is taken in the arrays' dtype within a unit, short enough
# for that, and then in double over the units in order: the same with any number of threads.
BLOCK = 4096

_INFIX = {operator.add: "+", operator.sub: "-", operator.mul: "*", operator.truediv: "/"}
_SUMS: dict[Any, str] = {ops.norm: "{0} * {0}", ops.mean: "{0}"}
_CALLS: dict[Any, str] = {
    ops.sqrt: "SQRT({0})",
    ops.sign: "(({0} > 0) - ({0} < 0))",
    ops.maximum: "({0} < {1} || {1} != {1} ? {1} : {0})",  # as in torch, NaN wins
    ops.minimum: "({1} < {0} || {1} != {1} ? {1} : {0})",
    ops.divide: "({1} == 0 ? {0} : {0} / {1})",
    ops.ratio: "({0} > 0 && {1} > 0 ? {0} / {1} : 1)",
    select: "({2} != 0 ? {0} : {1})",
}


class CannotWrite(Exception):
    """The rule has an operation that C is not written for here."""


class CannotCompile(Exception):
    """The C compiler is missing or refused."""


@dataclass(frozen=True)
class Kernel:
    """A compiled rule: `kernel(arrays, numbers)` takes one step in place."""

    function: Any
    arrays: int
    dtype: torch.dtype

    def __call__(self, arrays: Sequence[Sequence[torch.Tensor]], numbers: torch.Tensor) -> None:
        """arrays: for each tensor its parameter, gradient and state, contiguous and of one
        length; numbers: those of the split rule, in the arrays' dtype."""
        count = len(arrays)
        lengths = (ctypes.c_int64 * count)(*[a[0].numel() for a in arrays])
        pointers = (ctypes.c_void_p * (count * self.arrays))(
            *[x.data_ptr() for tensors in arrays for x in tensors]
        )
        numbers = numbers.contiguous()
        status = self.function(
            count, lengths, pointers, ctypes.c_void_p(numbers.data_ptr()), torch.get_num_threads()
        )
        if status:
            raise MemoryError("no memory for the sums of a step")


def kernel(text: fx.Graph, dtype: torch.dtype) -> Kernel:
    """Write, compile and load the C function of a split rule's tensor part.

    Raises CannotWrite or CannotCompile.
    """
    source, arrays = write(text, REAL[dtype])
    function = ctypes.CDLL(str(_library(source))).step
    function.argtypes = [ctypes.c_int64, *(ctypes.c_void_p,) * 3, ctypes.c_int]
    function.restype = ctypes.c_int
    return Kernel(function, arrays, dtype)


def write(text: fx.Graph, real: str) -> tuple[str, int]:
    """The C source, and the number of arrays of each tensor."""
    nodes = list(text.nodes)
    arrays = [n for n in nodes if n.op == "placeholder" and n.name != "c"]
    stores = [
        (n.args[0], n.args[1]) for n in nodes if n.target == "copy_" and n.args[0] is not n.args[1]
    ]
    passes, whole = _passes(nodes)
    sums = [n for n in nodes if n.target in _SUMS]
    last = max((passes[value] for _, value in stores), default=0)
    when = _when_to_store(stores, passes, whole, last)

    bodies = []
    for k in range(last + 1):
        body = _Pass(arrays, whole, sums, stores, when, k)
        here = [n for n in sums if passes[n] == k]
        bodies.append(body.write(here, first=k == 0))
    code = _TEMPLATE
    for key, value in {
        "REAL": real,
        "SQRT": "sqrtf" if real == "float" else "sqrt",
        "BLOCK": str(BLOCK),
        "POINTERS": _pointers(len(arrays)),
        "ARRAYS": str(len(arrays)),
        "SUMS": str(len(sums)),
        "PASSES": "\n".join(bodies),
    }.items():
        code = code.replace(f"@{key}@", value)
    return code, len(arrays)


def _passes(nodes: list[fx.Node]) -> tuple[dict[fx.Node, int], set[fx.Node]]:
    """The pass in which each value is known, and the values that are one for a whole tensor."""
    passes: dict[fx.Node, int] = {}
    whole: set[fx.Node] = set()
    for node in nodes:
        inputs = node.all_input_nodes
        passes[node] = max((passes[i] + (i.target in _SUMS) for i in inputs), default=0)
        if node.op == "placeholder":
            if node.name == "c":
                whole.add(node)
        elif node.target in _SUMS or all(i in whole for i in inputs):
            whole.add(node)
    return passes, whole


def _when_to_store(
    stores: list[tuple[Any, Any]], passes: dict[fx.Node, int], whole: set[fx.Node], last: int
) -> dict[fx.Node, int]:
    """The pass in which each place is written: as early as its value is known, unless a later
    pass needs what stood there before."""
    when = {place: passes[value] for place, value in stores}
    moved = True
    while moved:
        moved = False
        for k in range(1, last + 1):
            stored = {value for place, value in stores if when[place] < k}
            need = [v for place, v in stores if when[place] == k]
            need += [n.args[0] for n in passes if n.target in _SUMS and passes[n] == k]
            for leaf in _leaves(need, whole | stored):
                if when.get(leaf, k) < k:
                    when[leaf], moved = k, True
    return when


def _leaves(need: list[Any], known: set[fx.Node]) -> set[fx.Node]:
    """The arrays whose old values are needed to compute `need` from what is known."""
    found, seen, todo = set(), set(), list(need)
    while todo:
        node = todo.pop()
        if not isinstance(node, fx.Node) or node in seen or node in known:
            continue
        seen.add(node)
        if node.op == "placeholder":
            found.add(node)
        todo += node.all_input_nodes
    return found


class _Pass:
    """Writes one pass over all tensors."""

    def __init__(
        self,
        arrays: list[fx.Node],
        whole: set[fx.Node],
        sums: list[fx.Node],
        stores: list[tuple[Any, Any]],
        when: dict[fx.Node, int],
        k: int,
    ):
        self.arrays, self.whole, self.sums, self.stores = arrays, whole, sums, stores
        self.when, self.k = when, k
        self.before: list[str] = []  # once for each block
        self.inside: list[str] = []  # once for each element
        self.names: dict[fx.Node, str] = {}
        self.loads = {v: p for p, v in stores if when[p] < k}

    def write(self, sums: list[fx.Node], first: bool) -> str:
        terms = [(self.sums.index(n), _SUMS[n.target].format(self.value(n.args[0]))) for n in sums]
        writes = [
            (self.arrays.index(p), self.value(v)) for p, v in self.stores if self.when[p] == self.k
        ]
        lines = [f"REAL sum{i} = 0;" for i, _ in terms]
        clause = f" reduction(+:{', '.join(f'sum{i}' for i, _ in terms)})" if terms else ""
        body = [
            *self.inside,
            *(f"sum{i} += {term};" for i, term in terms),
            *(f"a{i}[j] = {value};" for i, value in writes),
        ]
        loop = "\n            ".join(body)
        tail = "\n        ".join(f"partial[b * SUMS + {i}] = sum{i};" for i, _ in terms)
        head = "\n        ".join([*self.before, *lines])
        gather = (
            "\n    ".join(
                [
                    "for (int64_t b = 0; b < blocks; b++) {",
                    *(
                        f"    total[tensor[b] * SUMS + {i}] += partial[b * SUMS + {i}];"
                        for i, _ in terms
                    ),
                    "}",
                ]
            )
            if terms
            else ""
        )
        return f"""
    #pragma omp parallel for schedule(static) num_threads(threads)
    for (int64_t b = 0; b < blocks; b++) {{
        POINTERS
        {head}
        #pragma omp simd{clause}
        for (int64_t j = from; j < to; j++) {{
            {loop}
        }}
        {tail}
    }}
    {gather}"""

    def value(self, x: Any) -> str:
        """A C expression for a value, with what it needs written before it."""
        if not isinstance(x, fx.Node):
            return f"(REAL)({x})"
        if x not in self.names:
            self.names[x] = self._name(x)
        return self.names[x]

    def _name(self, x: fx.Node) -> str:
        if x in self.loads or x.op == "placeholder":
            return f"a{self.arrays.index(self.loads.get(x, x))}[j]"
        if x.target is operator.getitem:
            return f"c[{x.args[1]}]"
        name = f"x_{x.name}"
        if x.target in _SUMS:
            total = f"total[i * SUMS + {self.sums.index(x)}]"
            result = f"sqrt({total})" if x.target is ops.norm else f"{total} / (double)n[i]"
            self.before.append(f"const REAL {name} = (REAL)({result});")
            return name
        expression = self._expression(x)
        (self.before if x in self.whole else self.inside).append(
            f"const REAL {name} = {expression};"
        )
        return name

    def _expression(self, x: fx.Node) -> str:
        if x.target in _INFIX:
            return f" {_INFIX[x.target]} ".join(self.value(a) for a in x.args)
        if x.target is operator.neg:
            return f"-{self.value(x.args[0])}"
        if x.target is operator.pow and x.args[1] == 2:
            return "{0} * {0}".format(self.value(x.args[0]))
        if x.target in _CALLS:
            return _CALLS[x.target].format(*(self.value(a) for a in x.args))
        raise CannotWrite(f"no C for {x.target}")


_TEMPLATE = """\
#include <math.h>
#include <stdint.h>
#include <stdlib.h>
#define REAL @REAL@
#define SQRT @SQRT@
#define ARRAYS @ARRAYS@
#define SUMS @SUMS@
#define POINTERS \\
    const int64_t i = tensor[b], from = start[b]; \\
    const int64_t to = from + @BLOCK@ < n[i] ? from + @BLOCK@ : n[i]; \\
    @POINTERS@

int step(int64_t count, const int64_t *n, REAL **arrays, const REAL *c, int threads) {
    int64_t blocks = 0;
    for (int64_t i = 0; i < count; i++) blocks += (n[i] + @BLOCK@ - 1) / @BLOCK@;
    int64_t *tensor = malloc((2 * blocks + 1) * sizeof *tensor), *start = tensor + blocks;
    double *total = calloc(SUMS * (count + blocks) + 1, sizeof *total);
    double *partial = total + SUMS * count;
    if (!tensor || !total) { free(tensor); free(total); return 1; }
    for (int64_t i = 0, b = 0; i < count; i++)
        for (int64_t from = 0; from < n[i]; from += @BLOCK@, b++) tensor[b] = i, start[b] = from;
@PASSES@
    free(tensor);
    free(total);
    return 0;
}
"""


def _pointers(arrays: int) -> str:
    lines = [f"REAL *restrict a{k} = arrays[i * ARRAYS + {k}];" for k in range(arrays)]
    lines += [f"(void)a{k};" for k in range(arrays)]
    return " ".join(lines)


def compiler() -> str | None:
    """The C compiler: what CC names, or cc, gcc or clang."""
    named = os.environ.get("CC")
    return shutil.which(named) if named else next(filter(None, map(shutil.which, _COMPILERS)), None)


_COMPILERS = ("cc", "gcc", "clang")


def _library(source: str) -> Path:
    """The shared library of `source`: from the cache, or compiled into it."""
    cc = compiler()
    if cc is None:
        raise CannotCompile("no C compiler found: install gcc, or set CC")
    key = hashlib.sha256("\0".join([source, cc, *FLAGS, _processor()]).encode()).hexdigest()[:24]
    library = _cache() / f"{key}.so"
    if not library.exists():
        library.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(dir=library.parent) as folder:
            text, made = Path(folder, "step.c"), Path(folder, "step.so")
            text.write_text(source)
            shared = ["-fopenmp", "-shared", "-fPIC"]
            command = [cc, *FLAGS, *shared, "-o", str(made), str(text), "-lm"]
            done = subprocess.run(command, capture_output=True, text=True, check=False)
            if done.returncode:
                raise CannotCompile(f"{cc} failed: {done.stderr.strip()[:500]}")
            made.replace(library)
    return library


def _cache() -> Path:
    if "OPTLAB_CACHE" in os.environ:
        return Path(os.environ["OPTLAB_CACHE"])
    base = os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache"
    return Path(base, "optlab", "kernels")


@functools.cache
def _processor() -> str:
    """What -march=native depends on, so that a shared cache serves each processor its own."""
    try:
        lines = Path("/proc/cpuinfo").read_text().splitlines()
        return next((x for x in lines if x.startswith(("flags", "Features"))), "")
    except OSError:
        return f"{platform.machine()} {platform.processor()}"
