"""C for rules of rows and columns: a tensor is one matrix or several, cut into groups of rows.

What has an entry for each row, each column, each matrix or each tensor is little; it is
computed between two passes over the elements and kept in a scratch array of its own.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import Any

from torch import fx

from optlab import ops
from optlab.optim.native.expressions import expression, term
from optlab.optim.native.groups import in_groups
from optlab.optim.native.passes import MEANS, OVER_ALL, OVER_COLUMNS, OVER_ROWS, Extent, Passes

# Rows of one unit of work. Its column sums take one row of memory, so that more rows
# are less memory, and fewer units to share among threads.
ROWS = 64

# Entries of a row that are summed in the arrays' dtype before double takes over.
BLOCK = 1024

_SMALL = (Extent.WHOLE, Extent.MATRIX, Extent.ROW, Extent.COLUMN)
_NAME = {
    Extent.WHOLE: "per_tensor",
    Extent.MATRIX: "per_matrix",
    Extent.ROW: "per_row",
    Extent.COLUMN: "per_column",
}


def sizes(shape: Sequence[int]) -> tuple[int, int, int]:
    """How many matrices a tensor of this shape is, and of how many rows and columns."""
    if len(shape) < 2:
        raise ValueError(f"a tensor of shape {tuple(shape)} has no rows and columns")
    return math.prod(shape[:-2]), shape[-2], shape[-1]


def write(passes: Passes, real: str, step: str) -> str:
    """The C source of a rule's step, a function declared as `step`."""
    scratch = _Scratch(passes)
    stages = []
    for k in range(passes.last + 1):
        stages += [_Between(passes, scratch, k).write(), _Pass(passes, scratch, k).write()]
    stages.append(_stores(passes, scratch))
    code = _TEMPLATE
    for key, value in {
        "REAL": real,
        "SQRT": "sqrtf" if real == "float" else "sqrt",
        "ROWS": str(ROWS),
        "BLOCK": str(BLOCK),
        "ARRAYS": str(len(passes.arrays)),
        **{f"N_{_NAME[e]}": str(scratch.count(e)) for e in _SMALL},
        "N_totals": str(scratch.totals),
        "N_sums": str(scratch.column_sums),
        "POINTERS": " ".join(_pointer(k) for k in range(len(passes.arrays))),
        "STAGES": "\n".join(stages),
    }.items():
        code = code.replace(f"@{key}@", value)
    elements = "n[3 * i] * n[3 * i + 1] * n[3 * i + 2]"
    return code + in_groups(elements, sizes=3, passes=passes.last + 1, step=step)


class _Scratch:
    """Which scratch array each small value has, among those of its extent."""

    def __init__(self, passes: Passes):
        self.of = {e: [n for n in passes.small if passes.extent[n] == e] for e in _SMALL}
        self.over_all = [n for n in passes.sums if n.target in OVER_ALL]
        self.over_rows = [n for n in passes.sums if n.target in OVER_ROWS]
        self.totals, self.column_sums = len(self.over_all), len(self.over_rows)

    def count(self, extent: Extent) -> int:
        return len(self.of[extent])

    def place(self, x: fx.Node, extent: Extent) -> str:
        """The start of the array of x for the tensor at hand: of its whole list of entries."""
        name = _NAME[extent]
        return f"({name} + {self.of[extent].index(x)} * all_{name} + first_{name}[i])"


def _pointer(k: int) -> str:
    return f"REAL *a{k} = arrays[i * ARRAYS + {k}]; (void)a{k};"


class _Pass:
    """Writes one pass over all elements of all tensors."""

    def __init__(self, passes: Passes, scratch: _Scratch, k: int):
        self.passes, self.scratch, self.k = passes, scratch, k
        self.unit: list[str] = []  # once for each unit of work
        self.row: list[str] = []  # once for each row
        self.inside: list[str] = []  # once for each element
        self.names: dict[fx.Node, str] = {}
        self.loads = {v: p for p, v in passes.stores if passes.when[p] < k}

    def write(self) -> str:
        passes, scratch = self.passes, self.scratch
        here = [n for n in passes.sums if passes.level[n] == self.k]
        writes = [
            f"a{passes.arrays.index(p)}[e] = {self.value(v)};"
            for p, v in passes.stores
            if passes.when[p] == self.k
        ]
        if not here and not writes:
            return ""
        over_all = {n: scratch.over_all.index(n) for n in here if n.target in OVER_ALL}
        over_columns = {n: i for i, n in enumerate(here) if n.target in OVER_COLUMNS}
        over_rows = {n: scratch.over_rows.index(n) for n in here if n.target in OVER_ROWS}

        sums = [
            *(f"all{i}" for i in over_all.values()),
            *(f"row{i}" for i in over_columns.values()),
        ]
        clause = f" reduction(+:{', '.join(sums)})" if sums else ""
        added = [f"all{i} += {term(n, self.value)};" for n, i in over_all.items()]
        added += [f"row{i} += {term(n, self.value)};" for n, i in over_columns.items()]
        added += [f"columns{i}[j] += {term(n, self.value)};" for n, i in over_rows.items()]
        unit = [f"double whole{i} = 0;" for i in over_all.values()]
        unit += [
            f"REAL *restrict columns{i} = sums + {i} * all_sums + first_sum[u];"
            for i in over_rows.values()
        ]
        unit += [
            f"for (int64_t j = 0; j < cols; j++) columns{i}[j] = 0;" for i in over_rows.values()
        ]
        after_row = []
        for n, i in over_columns.items():
            value = f"whole_row{i} / (double)cols" if n.target in MEANS else f"whole_row{i}"
            after_row.append(f"{scratch.place(n, Extent.ROW)}[b * rows + r] = (REAL)({value});")
        return f"""
    #pragma omp parallel for schedule(static) num_threads(threads)
    for (int64_t u = 0; u < units; u++) {{
        const int64_t i = tensor[u], b = matrix[u], from = start[u];
        SIZES POINTERS
        const int64_t to = from + UNIT_ROWS < rows ? from + UNIT_ROWS : rows;
        {_lines(self.unit + unit, 8)}
        for (int64_t r = from; r < to; r++) {{
            {_lines(self.row + [f"double whole_row{i} = 0;" for i in over_columns.values()], 12)}
            for (int64_t begin = 0; begin < cols; begin += BLOCK) {{
                const int64_t end = begin + BLOCK < cols ? begin + BLOCK : cols;
                const int64_t here = (b * rows + r) * cols;
                {_lines([f"REAL {s} = 0;" for s in sums], 16)}
                #pragma omp simd{clause}
                for (int64_t j = begin; j < end; j++) {{
                    const int64_t e = here + j;
                    {_lines(self.inside + added + writes, 20)}
                }}
                {_lines([f"whole{i} += all{i};" for i in over_all.values()], 16)}
                {_lines([f"whole_row{i} += row{i};" for i in over_columns.values()], 16)}
            }}
            {_lines(after_row, 12)}
        }}
        {_lines([f"partial[u * TOTALS + {i}] = whole{i};" for i in over_all.values()], 8)}
    }}"""

    def value(self, x: Any) -> str:
        """A C expression for a value, with what it needs written before it."""
        if not isinstance(x, fx.Node):
            return f"(REAL)({x})"
        if x not in self.names:
            self.names[x] = self._name(x)
        return self.names[x]

    def _name(self, x: fx.Node) -> str:
        extent = self.passes.extent[x]
        if extent == Extent.NUMBER:
            return f"c[{x.args[1]}]"
        if extent == Extent.FULL:
            if x in self.loads or x.op == "placeholder":
                return f"a{self.passes.arrays.index(self.loads.get(x, x))}[e]"
            name = f"x_{x.name}"
            self.inside.append(f"const REAL {name} = {expression(x, self.value)};")
            return name
        if x.op == "placeholder":
            place = f"a{self.passes.arrays.index(x)}"
        else:
            place = self.scratch.place(x, extent)
        name = f"x_{x.name}"
        if extent == Extent.COLUMN:
            self.unit.append(f"const REAL *restrict {name} = {place} + b * cols;")
            return f"{name}[j]"
        if extent == Extent.ROW:
            self.row.append(f"const REAL {name} = {place}[b * rows + r];")
        else:
            at = "b" if extent == Extent.MATRIX else "0"
            self.unit.append(f"const REAL {name} = {place}[{at}];")
        return name


class _Between:
    """Writes what comes before a pass: its sums gathered, and the small values known by then."""

    def __init__(self, passes: Passes, scratch: _Scratch, k: int):
        self.passes, self.scratch, self.k = passes, scratch, k

    def write(self) -> str:
        passes, scratch = self.passes, self.scratch
        done = [n for n in passes.sums if passes.level[n] == self.k - 1]
        due = [
            n
            for n in passes.small
            if (n in done or (n not in passes.sums and passes.level[n] == self.k))
        ]
        gathered = [self._gather(n) for n in done if n.target in OVER_ROWS]
        lines = [line for n in due for line in self._loop(n)]
        totals = [n for n in done if n.target in OVER_ALL]
        adding = [
            f"total[tensor[u] * TOTALS + {scratch.over_all.index(n)}] += "
            f"partial[u * TOTALS + {scratch.over_all.index(n)}];"
            for n in totals
        ]
        parts = gathered
        if adding:
            parts.append(
                f"""
    for (int64_t u = 0; u < units; u++) {{
        {_lines(adding, 8)}
    }}"""
            )
        if lines:
            parts.append(
                f"""
    #pragma omp parallel for schedule(dynamic) num_threads(threads)
    for (int64_t i = 0; i < count; i++) {{
        SIZES POINTERS
        {_lines(lines, 8)}
    }}"""
            )
        return "\n".join(parts)

    def _gather(self, x: fx.Node) -> str:
        """Column sums of the units, added up in order."""
        i = self.scratch.over_rows.index(x)
        value = "sum[j] / (double)rows" if x.target in MEANS else "sum[j]"
        return f"""
    #pragma omp parallel for schedule(dynamic) num_threads(threads)
    for (int64_t q = 0; q < slices; q++) {{
        const int64_t i = slice_tensor[q], b = slice_matrix[q], from = slice_start[q];
        SIZES
        const int64_t length = from + BLOCK < cols ? BLOCK : cols - from;
        double sum[BLOCK] = {{0}};
        const int64_t last = first_unit[i] + (b + 1) * units_of_rows(rows);
        for (int64_t u = first_unit[i] + b * units_of_rows(rows); u < last; u++) {{
            const REAL *restrict part = sums + {i} * all_sums + first_sum[u] + from;
            for (int64_t j = 0; j < length; j++) sum[j] += part[j];
        }}
        REAL *restrict result = {self.scratch.place(x, Extent.COLUMN)} + b * cols + from;
        for (int64_t j = 0; j < length; j++) result[j] = (REAL)({value});
    }}"""

    def _loop(self, x: fx.Node) -> list[str]:
        """The loop over the entries of a small value."""
        extent = self.passes.extent[x]
        if x in self.passes.sums:
            if x.target not in OVER_ALL:
                return []  # the pass has written row sums, and `_gather` column sums
            total = f"total[i * TOTALS + {self.scratch.over_all.index(x)}]"
            result = (
                f"sqrt({total})" if x.target is ops.norm else f"{total} / (double)(n * rows * cols)"
            )
            return [f"{self.scratch.place(x, extent)}[0] = (REAL)({result});"]
        target = self.scratch.place(x, extent)
        if extent == Extent.MATRIX and x.target in (*OVER_ROWS, *OVER_COLUMNS):
            length = "rows" if x.target in OVER_ROWS else "cols"
            value = self._entry(x.args[0], f"b * {length} + j", "b")
            result = f"sum / (double){length}" if x.target in MEANS else "sum"
            return [
                "for (int64_t b = 0; b < n; b++) {",
                "    double sum = 0;",
                f"    for (int64_t j = 0; j < {length}; j++) sum += {value};",
                f"    {target}[b] = (REAL)({result});",
                "}",
            ]
        length = {
            Extent.WHOLE: "1",
            Extent.MATRIX: "n",
            Extent.ROW: "n * rows",
            Extent.COLUMN: "n * cols",
        }[extent]
        matrix = {Extent.ROW: "j / rows", Extent.COLUMN: "j / cols"}.get(extent, "j")
        text = expression(x, self._at("j", matrix))
        return [f"for (int64_t j = 0; j < {length}; j++) {target}[j] = {text};"]

    def _at(self, index: str, matrix: str) -> Callable[[Any], str]:
        return lambda x: self._entry(x, index, matrix)

    def _entry(self, x: Any, index: str, matrix: str) -> str:
        """The entry of a small value at hand, when a loop stands at `index` in that `matrix`."""
        if not isinstance(x, fx.Node):
            return f"(REAL)({x})"
        extent = self.passes.extent[x]
        if extent == Extent.NUMBER:
            return f"c[{x.args[1]}]"
        if x.op == "placeholder":
            return f"a{self.passes.arrays.index(x)}[{index}]"
        at = {Extent.WHOLE: "0", Extent.MATRIX: matrix}.get(extent, index)
        return f"{self.scratch.place(x, extent)}[{at}]"


def _stores(passes: Passes, scratch: _Scratch) -> str:
    """Write the new state of rows and columns."""
    lines = []
    for place, value in passes.small_stores:
        extent = passes.extent[value]
        length = "n * rows" if extent == Extent.ROW else "n * cols"
        lines.append(
            f"for (int64_t j = 0; j < {length}; j++) "
            f"a{passes.arrays.index(place)}[j] = {scratch.place(value, extent)}[j];"
        )
    return f"""
    for (int64_t i = 0; i < count; i++) {{
        SIZES POINTERS
        {_lines(lines, 8)}
    }}"""


def _lines(lines: list[str], indent: int) -> str:
    return ("\n" + " " * indent).join(lines)


_TEMPLATE = """\
#include <math.h>
#include <stdint.h>
#include <stdlib.h>
#define REAL @REAL@
#define SQRT @SQRT@
#define ARRAYS @ARRAYS@
#define TOTALS @N_totals@
#define UNIT_ROWS @ROWS@
#define BLOCK @BLOCK@
#define SIZES const int64_t n = size[3 * i], rows = size[3 * i + 1], cols = size[3 * i + 2]; \\
    (void)n; (void)rows; (void)cols;
#define POINTERS @POINTERS@

static inline int64_t units_of_rows(int64_t rows) { return (rows + UNIT_ROWS - 1) / UNIT_ROWS; }

static int some(int64_t count, const int64_t *size, REAL **arrays, const REAL *c, int threads) {
    int64_t units = 0, slices = 0, all_sums = 0;
    int64_t all_per_tensor = count, all_per_matrix = 0, all_per_row = 0, all_per_column = 0;
    for (int64_t i = 0; i < count; i++) {
        SIZES
        units += n * units_of_rows(rows), slices += n * ((cols + BLOCK - 1) / BLOCK);
        all_per_matrix += n, all_per_row += n * rows, all_per_column += n * cols;
        all_sums += n * units_of_rows(rows) * cols;
    }
    const int64_t integers = 5 * count + 4 * units + 3 * slices + 1;
    const int64_t doubles = TOTALS * (count + units) + 1;
    const int64_t reals = @N_per_tensor@ * all_per_tensor + @N_per_matrix@ * all_per_matrix
                          + @N_per_row@ * all_per_row + @N_per_column@ * all_per_column
                          + @N_sums@ * all_sums + 1;
    int64_t *table = malloc(integers * sizeof *table);
    double *total = calloc(doubles, sizeof *total), *partial = total + TOTALS * count;
    REAL *per_tensor = malloc(reals * sizeof *per_tensor);
    if (!table || !total || !per_tensor) { free(table); free(total); free(per_tensor); return 1; }
    REAL *per_matrix = per_tensor + @N_per_tensor@ * all_per_tensor;
    REAL *per_row = per_matrix + @N_per_matrix@ * all_per_matrix;
    REAL *per_column = per_row + @N_per_row@ * all_per_row;
    REAL *sums = per_column + @N_per_column@ * all_per_column;
    int64_t *first_per_tensor = table, *first_per_matrix = first_per_tensor + count;
    int64_t *first_per_row = first_per_matrix + count, *first_per_column = first_per_row + count;
    int64_t *first_unit = first_per_column + count, *tensor = first_unit + count;
    int64_t *matrix = tensor + units, *start = matrix + units, *first_sum = start + units;
    int64_t *slice_tensor = first_sum + units, *slice_matrix = slice_tensor + slices;
    int64_t *slice_start = slice_matrix + slices;
    int64_t at_matrix = 0, at_row = 0, at_column = 0, at_sum = 0, u = 0, q = 0;
    for (int64_t i = 0; i < count; i++) {
        SIZES
        first_per_tensor[i] = i, first_per_matrix[i] = at_matrix, first_unit[i] = u;
        first_per_row[i] = at_row, first_per_column[i] = at_column;
        at_matrix += n, at_row += n * rows, at_column += n * cols;
        for (int64_t b = 0; b < n; b++) {
            for (int64_t from = 0; from < rows; from += UNIT_ROWS, u++, at_sum += cols)
                tensor[u] = i, matrix[u] = b, start[u] = from, first_sum[u] = at_sum;
            for (int64_t from = 0; from < cols; from += BLOCK, q++)
                slice_tensor[q] = i, slice_matrix[q] = b, slice_start[q] = from;
        }
    }
@STAGES@
    free(table);
    free(total);
    free(per_tensor);
    return 0;
}
"""
