"""C for rules that look at no rows and columns: a tensor is a vector, cut into blocks."""

from __future__ import annotations

import operator
from typing import Any

from torch import fx

from optlab import ops
from optlab.optim.native.expressions import expression, term
from optlab.optim.native.groups import in_groups
from optlab.optim.native.passes import Extent, Passes

# Elements of one unit of work. A sum is taken in the arrays' dtype within a unit, short enough
# for that, and then in double over the units in order: the same with any number of threads.
BLOCK = 4096


def write(passes: Passes, real: str, step: str) -> str:
    """The C source of a rule's step, a function declared as `step`."""
    code = _TEMPLATE
    for key, value in {
        "REAL": real,
        "SQRT": "sqrtf" if real == "float" else "sqrt",
        "BLOCK": str(BLOCK),
        "POINTERS": _pointers(len(passes.arrays)),
        "ARRAYS": str(len(passes.arrays)),
        "SUMS": str(len(passes.sums)),
        "PASSES": "\n".join(_Pass(passes, k).write() for k in range(passes.last + 1)),
    }.items():
        code = code.replace(f"@{key}@", value)
    return code + in_groups("n[i]", sizes=1, passes=passes.last + 1, step=step)


class _Pass:
    """Writes one pass over all tensors."""

    def __init__(self, passes: Passes, k: int):
        self.passes, self.k = passes, k
        self.before: list[str] = []  # once for each block
        self.inside: list[str] = []  # once for each element
        self.names: dict[fx.Node, str] = {}
        self.loads = {v: p for p, v in passes.stores if passes.when[p] < k}

    def write(self) -> str:
        passes = self.passes
        here = [n for n in passes.sums if passes.level[n] == self.k]
        terms = [(passes.sums.index(n), term(n, self.value)) for n in here]
        writes = [
            (passes.arrays.index(p), self.value(v))
            for p, v in passes.stores
            if passes.when[p] == self.k
        ]
        lines = [f"REAL sum{i} = 0;" for i, _ in terms]
        clause = f" reduction(+:{', '.join(f'sum{i}' for i, _ in terms)})" if terms else ""
        body = [
            *self.inside,
            *(f"sum{i} += {text};" for i, text in terms),
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
            return f"a{self.passes.arrays.index(self.loads.get(x, x))}[j]"
        if x.target is operator.getitem:
            return f"c[{x.args[1]}]"
        name = f"x_{x.name}"
        if x in self.passes.sums:
            total = f"total[i * SUMS + {self.passes.sums.index(x)}]"
            result = f"sqrt({total})" if x.target is ops.norm else f"{total} / (double)n[i]"
            self.before.append(f"const REAL {name} = (REAL)({result});")
            return name
        inside = self.passes.extent[x] == Extent.FULL
        text = expression(x, self.value)
        (self.inside if inside else self.before).append(f"const REAL {name} = {text};")
        return name


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

static int some(int64_t count, const int64_t *n, REAL **arrays, const REAL *c, int threads) {
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
