"""The order of tensors and passes: a few tensors at a time, so that what one pass has
read is still in the cache when the next reads it."""

from __future__ import annotations

# Elements of a group of tensors; a larger tensor is a group of its own. Half a megabyte an array.
GROUP = 2**17


def in_groups(elements: str, sizes: int, passes: int, step: str) -> str:
    """The C function which takes the tensors to `some` in groups, in order.

    elements: the expression for the number of elements of tensor i.
    sizes: how many numbers describe a tensor's size.
    passes: over all elements, in `some`; if there is one, so is the group.
    step: its declaration up to the parameters, such as "int step".
    """
    code = _ALL if passes == 1 else _GROUPS
    for key, value in {"STEP": step, "ELEMENTS": elements, "SIZES": str(sizes)}.items():
        code = code.replace(f"@{key}@", value)
    return code


_ALL = """
@STEP@(int64_t count, const int64_t *n, REAL **arrays, const REAL *c, int threads) {
    return some(count, n, arrays, c, threads);
}
"""

_GROUPS = f"""
@STEP@(int64_t count, const int64_t *n, REAL **arrays, const REAL *c, int threads) {{
    for (int64_t first = 0, i = 0; first < count; first = i) {{
        int64_t elements = 0;
        for (; i < count && (i == first || elements + @ELEMENTS@ <= {GROUP}); i++)
            elements += @ELEMENTS@;
        if (some(i - first, n + @SIZES@ * first, arrays + ARRAYS * first, c, threads)) return 1;
    }}
    return 0;
}}
"""

# What steps the tensors of several runs: they are of the same sizes, each run's numbers its own.
ALL_RUNS = """
int step(int64_t runs, int64_t each, int64_t count, const int64_t *n, REAL **arrays,
         const REAL *numbers, int threads) {
    int failed = 0;
    #pragma omp parallel for schedule(static) num_threads(threads) reduction(|:failed)
    for (int64_t r = 0; r < runs; r++)
        failed |= one(count, n, arrays + r * count * ARRAYS, numbers + r * each, 1);
    return failed;
}
"""
