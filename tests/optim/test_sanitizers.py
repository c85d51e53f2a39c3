"""All kernels in C under the address and the undefined-behavior sanitizer, over arrays with guarded
ends: a kernel that reads or writes one entry too many ends the program."""

import os
import re
import subprocess

import pytest
import torch
from test_native import ALL, MATRICES, cut

from optlab import ops
from optlab.optim import native

SANITIZE = ("-fsanitize=address,undefined", "-fno-sanitize-recover=all", "-fopenmp", "-O1", "-g")

_MAIN = """
#include <stdio.h>
#include <stdlib.h>
#include <stdint.h>
typedef int (*Step)(int64_t, const int64_t *, void **, const void *, int);
#define COUNT 8
static const int64_t shapes[COUNT][3] = {
    {1, 0, 3}, {1, 1, 1}, {1, 7, 1}, {1, 1, 1023},
    {1, 64, 64}, {1, 17, 241}, {3, 65, 5}, {2, 3, 1025}};

static void run(Step step, const char *kinds, int flat, int numbers) {
    int arrays = 0;
    while (kinds[arrays]) arrays++;
    REAL *c = malloc(numbers * sizeof *c);
    for (int k = 0; k < numbers; k++) c[k] = (REAL)0.1;
    for (int threads = 1; threads < 4; threads++) {
        int64_t *size = malloc(COUNT * (flat ? 1 : 3) * sizeof *size);
        void **all = malloc(COUNT * arrays * sizeof *all);
        for (int i = 0; i < COUNT; i++) {
            const int64_t n = shapes[i][0], rows = shapes[i][1], cols = shapes[i][2];
            if (flat) size[i] = n * rows * cols;
            else size[3 * i] = n, size[3 * i + 1] = rows, size[3 * i + 2] = cols;
            for (int k = 0; k < arrays; k++) {
                int64_t m = n * rows * cols;
                if (kinds[k] == 'r') m = n * rows;
                if (kinds[k] == 'c') m = n * cols;
                REAL *x = malloc(m * sizeof *x);
                for (int64_t j = 0; j < m; j++) x[j] = (REAL)(0.5 + (j % 7) * 0.01);
                all[i * arrays + k] = x;
            }
        }
        for (int t = 0; t < 2; t++) if (step(COUNT, size, all, c, threads)) abort();
        if (step(0, size, all, c, threads)) abort();
        for (int k = 0; k < COUNT * arrays; k++) free(all[k]);
        free(all), free(size);
    }
    free(c);
}
"""


def program(names, real, change=lambda source: source):
    """One C program that runs the kernels of these rules."""
    parts, calls = [f"#define REAL {real}", _MAIN, "#undef REAL"], []
    for k, name in enumerate(names):
        split = cut(name)
        source, arrays, flat = native.write(split.text, split.rule, real, f"static int step{k}")
        source = re.sub(r"\b(some|units_of_rows)\b", rf"\g<1>{k}", change(source))
        macros = re.findall(r"#define (\w+)", source)
        parts += [source, *(f"#undef {macro}" for macro in macros)]
        starts = split.rule.initial.values()
        kinds = "xx" + "".join(
            "r" if s is ops.zero_rows else "c" if s is ops.zero_columns else "x" for s in starts
        )
        assert len(kinds) == arrays
        numbers = len(split.numbers(1, *(0.5 for _ in ALL[name])))
        calls.append(f'run((Step)step{k}, "{kinds}", {int(flat)}, {numbers});')
    return "\n".join([*parts, "int main(void) {", *calls, "return 0; }"])


def run_program(folder, text):
    source, made = folder / "all.c", folder / "all"
    source.write_text(text)
    done = subprocess.run(
        [*native.compiler(), *SANITIZE, "-o", str(made), str(source), "-lm"],
        capture_output=True, text=True,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr[-3000:]
    env = {**os.environ, "ASAN_OPTIONS": "detect_leaks=0", "OMP_NUM_THREADS": "2"}
    return subprocess.run([str(made)], capture_output=True, text=True, env=env)


@pytest.fixture(scope="module")
def sanitizers(tmp_path_factory):
    if native.compiler() is None:
        pytest.skip("no C compiler")
    folder = tmp_path_factory.mktemp("sanitizers")
    (folder / "a.c").write_text("int main(void) { return 0; }")
    made = [*native.compiler(), *SANITIZE, "-o", str(folder / "a"), str(folder / "a.c")]
    if subprocess.run(made, capture_output=True).returncode:
        pytest.skip("no C compiler with sanitizers")


@pytest.mark.usefixtures("sanitizers")
@pytest.mark.parametrize("real", ["float", "double"])
def test_no_kernel_leaves_its_arrays(tmp_path, real):
    done = run_program(tmp_path, program(ALL, real))
    assert done.returncode == 0, done.stderr[:3000]


@pytest.mark.usefixtures("sanitizers")
@pytest.mark.parametrize(
    ("name", "right", "wrong"),
    [("adam", "j < to", "j <= to"), (next(iter(MATRICES)), "j < end", "j <= end")],
)
def test_one_entry_too_many_is_seen(tmp_path, name, right, wrong):
    def change(source):
        assert right in source
        return source.replace(right, wrong)

    done = run_program(tmp_path, program([name], "float", change))
    assert done.returncode
    assert "heap-buffer-overflow" in done.stderr


def test_what_is_written_for_is_what_is_run():
    assert set(native.REAL.values()) == {"float", "double"}
    assert torch.float32 in native.REAL
