"""Plain papermill works too: other parameters run, bad ones are refused, help explains them."""

import os
import re
import subprocess
import sys
from pathlib import Path

import mutations
import nbformat
import pytest
from click.testing import CliRunner
from papermill.cli import papermill as command_line
from second_runs import SECOND, Second

from optlab.report.claims import MIME, overturned

NOTEBOOKS = sorted(Path(__file__).parents[2].glob("notebooks/*.ipynb"))


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


def with_parameters(notebook, output, values, folder, apart):
    options = [word for name, value in values.items() for word in ("-p", name, value)]
    return papermill(notebook, output, "--cwd", folder, *options, apart=apart)


SAMPLE = "99-sample"  # the one notebook that is run apart


@pytest.fixture(params=[*NOTEBOOKS, None], ids=lambda path: path.stem if path else "sample")
def notebook(request):
    return request.param or request.getfixturevalue("executed_sample")


def test_a_second_set_of_parameters_runs(notebook, tmp_path, pytestconfig):
    second = SECOND[notebook.stem]
    values = second.parameters
    edited = nbformat.read(notebook, 4)
    if not pytestconfig.getoption("whole"):
        second.shrink(edited)
    changes = mutations.table(notebook.stem)
    mutations.insert(edited, changes)
    folder, notebook = notebook.parent, tmp_path / notebook.name
    nbformat.write(edited, notebook)
    apart = notebook.stem == SAMPLE
    status, _, error = with_parameters(notebook, tmp_path / "out.ipynb", values, folder, apart)
    assert status == 0, error[-2000:]
    book = nbformat.read(tmp_path / "out.ipynb", 4)
    [injected] = [c for c in book.cells if "injected-parameters" in c.metadata.get("tags", [])]
    assert [line.split(" = ")[0] for line in injected.source.splitlines()[1:]] == list(values)
    data = [o.get("data", {}).get(MIME) for c in book.cells for o in c.get("outputs", [])]
    shown = {d["id"]: d["verdict"] for d in data if d}
    # With fewer seeds an experiment may well be undecided, but not come out otherwise.
    wrong = {id: verdict for id, verdict in shown.items() if overturned(verdict)}
    assert [id for id, v in wrong.items() if not v.endswith(", but undecided here")] == []
    tried = mutations.found(book)
    assert tried.keys() == changes.keys()
    assert mutations.survivors(shown, tried) == {}


def test_a_bad_value_is_refused_by_the_check_cell(notebook, tmp_path):
    out = tmp_path / "out.ipynb"
    values = {"device": "tpu", "seed": -1}
    status, _, error = with_parameters(
        notebook, out, values, notebook.parent, apart=notebook.stem == SAMPLE
    )
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


def cells(*sources):
    return nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell(text) for text in sources])


def test_an_edit_is_made_where_its_text_is():
    book = cells("seeds = 8", "print(seeds)")
    Second({}, {"seeds = 8": "seeds = 2"}).shrink(book)
    assert [cell.source for cell in book.cells] == ["seeds = 2", "print(seeds)"]


@pytest.mark.parametrize(
    "sources", [["seeds = 9"], ["seeds = 8", "seeds = 8"], ["seeds = 8\n" * 2]]
)
def test_an_edit_that_finds_its_text_not_once_is_an_error(sources):
    with pytest.raises(ValueError, match=r"'seeds = 8' is \d times in the code, not once"):
        Second({}, {"seeds = 8": "seeds = 2"}).shrink(cells(*sources))


@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)
def test_an_edit_changes_no_parameter_and_no_verdict(path):
    """What is smaller is the work: the cells with parameters and with claims stay as they are."""
    before, after = nbformat.read(path, 4), nbformat.read(path, 4)
    SECOND[path.stem].shrink(after)
    changed = [b for a, b in zip(before.cells, after.cells, strict=True) if a != b]
    assert not [c for c in changed if c.metadata.get("tags", []).count("parameters")]
    assert not [c for c in changed if "report.claim(" in c.source]
    assert len(changed) <= len(SECOND[path.stem].smaller)
