"""Plain papermill works too: other parameters run, bad ones are refused, help explains them."""

import os
import re
import subprocess
import sys
from pathlib import Path

import nbformat
import pytest
from click.testing import CliRunner
from papermill.cli import papermill as command_line

from optlab.report.claims import MIME, overturned

NOTEBOOKS = sorted(Path(__file__).parents[2].glob("notebooks/*.ipynb"))

# A second set of parameters for each notebook: other values, about as quick as the first.
SECOND = {
    "01-gradient-descent": {"seed": 1, "dimension": 3, "horizon": 256, "lr_scale": 0.5},
    "02-adagrad": {"seed": 1, "dimension": 3, "rounds": 50, "lr": 0.5},
    "03-adam": {"seed": 1, "lr": 0.05, "beta1": 0.8, "beta2": 0.5, "eps": 0.01},
    "04-adafactor": {"seed": 1, "rows": 5, "columns": 2, "beta2": 0.9, "horizon": 500},
    "06-weight-decay": {
        "seed": 1,
        "lr": 0.002,
        "weight_decay": 0.3,
        "l2": 0.0005,
        "beta1": 0.8,
        "beta2": 0.99,
        "eps": 1e-10,
    },
    "05-amsgrad": {"seed": 1, "spike": 5.0, "alpha": 0.2, "horizon": 20000, "half_width": 0.5},
    "11-linear-decay": {"seed": 100, "T": 26, "cut_frac": 0.3, "ratio": 8.0},
    "12-sgdr": {"seed": 1, "T_0": 4, "T_mult": 3, "tolerance": 0.08},
    "07-adamw": {"seed": 100, "eps": 1e-10},
    "08-adamwr": {"seed": 100, "norm": 0.02},
    "09-lars": {"seed": 100, "momentum": 0.8, "trust": 0.002},
    "10-lamb": {"seed": 100, "weight_decay": 0.2, "layers": 2, "phi_high": 3.0},
    "13-snapshot-ensembles": {"seed": 1, "members": 3, "classes": 2},
    "14-sophia": {"seed": 100, "draws": 200, "batch": 60},
    "15-choosing-an-optimizer": {"seed": 100, "norm": 0.025, "tolerance": 0.2},
    "99-sample": {"seed": 1, "lr": 0.5},
}


def papermill(*arguments, apart=False):
    """What papermill's command does: (exit status, what it prints, what it ends with).

    The command is called here, and its kernels are forked; apart: as users do, by its name.
    """
    words = ["--no-progress-bar", *map(str, arguments)]
    own = {"JUPYTER_PATH": f"{sys.prefix}/share/jupyter"}
    if apart:
        command = [sys.executable, "-m", "papermill", *words]
        environment = {**os.environ, **own}
        done = subprocess.run(command, capture_output=True, text=True, env=environment)
        return done.returncode, done.stdout, done.stderr
    done = CliRunner().invoke(command_line, words, env=own)
    return done.exit_code, done.stdout, f"{done.stderr}\n{done.exception or ''}"


def with_parameters(notebook, output, values, **how):
    options = [word for name, value in values.items() for word in ("-p", name, value)]
    return papermill(notebook, output, "--cwd", notebook.parent, *options, **how)


SAMPLE = "99-sample"  # the one notebook that is run apart


@pytest.fixture(params=[*NOTEBOOKS, None], ids=lambda path: path.stem if path else "sample")
def notebook(request):
    return request.param or request.getfixturevalue("executed_sample")


def test_a_second_set_of_parameters_runs(notebook, tmp_path):
    values = SECOND[notebook.stem]
    apart = notebook.stem == SAMPLE
    status, _, error = with_parameters(notebook, tmp_path / "out.ipynb", values, apart=apart)
    assert status == 0, error[-2000:]
    book = nbformat.read(tmp_path / "out.ipynb", 4)
    [injected] = [c for c in book.cells if "injected-parameters" in c.metadata.get("tags", [])]
    assert [line.split(" = ")[0] for line in injected.source.splitlines()[1:]] == list(values)
    shown = [o.get("data", {}).get(MIME) for c in book.cells for o in c.get("outputs", [])]
    assert [d for d in shown if d and overturned(d["verdict"])] == []


def test_a_bad_value_is_refused_by_the_check_cell(notebook, tmp_path):
    out = tmp_path / "out.ipynb"
    apart = notebook.stem == SAMPLE
    status, _, error = with_parameters(notebook, out, {"device": "tpu", "seed": -1}, apart=apart)
    assert status == 1
    lines = [line for line in error.splitlines() if "is refused" in line]
    assert any(line.endswith("with -p seed VALUE") for line in lines)
    assert any(
        "device = 'tpu' is refused: it must be 'auto', 'cpu' or 'cuda'" in line for line in lines
    )
    code = [c for c in nbformat.read(out, 4).cells if c.cell_type == "code" and c.source]
    [error] = [o for c in code for o in c.outputs if o.output_type == "error"]
    assert error.ename == "ParameterError"
    assert len(error.traceback) == 2  # the two lines, and no stack
    assert all(c.execution_count is None for c in code[code_index(code) + 1 :])


def code_index(code):
    return next(i for i, c in enumerate(code) if any(o.output_type == "error" for o in c.outputs))


def test_help_lists_typed_explained_parameters(notebook):
    _, printed, _ = papermill("--help-notebook", notebook, apart=notebook.stem == SAMPLE)
    lines = printed.splitlines()
    listed = []
    for line in lines:
        if "(default " in line:
            listed.append(line.strip())
        elif listed:  # the explanation stands on the next line where there is no room for it
            listed[-1] += f" {line.strip()}"
    assert any(line.startswith("seed: int (default ") for line in listed)
    assert any(line.startswith("device: str (default ") for line in listed)
    assert "Unknown type" not in "".join(lines)
    assert [line for line in listed if not re.search(r"\(default .*\)\s+\S", line)] == []
