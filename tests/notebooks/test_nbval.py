"""nbval with the hooks of notebooks/conftest.py: exits, dead kernels, selected cells, pictures."""

import shutil
import sys
import time
from pathlib import Path

import nbformat
import pytest
from nbformat.v4 import new_code_cell, new_notebook

from optlab.running.execute import renew_outputs

ROOT = Path(__file__).parents[2]
DRAW = """\
from optlab import report
def curve(ax):
    ax.plot([1, 2, 3], [a, 2, 1], color="#0072b2")
report.figure(curve, caption="c", alt="a", name="sample")"""


@pytest.fixture
def nbval(pytester, monkeypatch):
    """Run pytest on a notebook of these cells. executed: store their outputs first. change: of
    the notebook, after that."""
    monkeypatch.setenv("JUPYTER_PATH", str(Path(sys.prefix, "share", "jupyter")))
    shutil.copy(ROOT / "notebooks" / "conftest.py", pytester.path / "conftest.py")

    def run(*sources, executed=True, change=None, arguments=()):
        path = pytester.path / "sample.ipynb"
        if sources:
            kernel = {"name": "python3", "display_name": "Python 3", "language": "python"}
            cells = [new_code_cell(text, id=f"cell-{i}") for i, text in enumerate(sources)]
            nbformat.write(new_notebook(cells=cells, metadata={"kernelspec": kernel}), path)
        if executed and sources:
            renew_outputs(path)
        if change:
            book = nbformat.read(path, 4)
            change(book)
            nbformat.write(book, path)
        sanitize = f"--nbval-sanitize-with={ROOT / 'tests' / 'nbval.cfg'}"
        options = ["--nbval", sanitize, "--nbval-current-env", "--nbval-cell-timeout=300"]
        return pytester.runpytest_subprocess(*options, *arguments)

    return run


@pytest.mark.parametrize(
    ("source", "said"),
    [
        ("exit()", "*the cell ends the kernel with exit()*"),
        ("raise SystemExit(0)", "*SystemExit*"),
        ("import os; os._exit(0)", "*the kernel died; was there enough memory?*"),
    ],
)
def test_a_cell_that_exits_fails_at_once(nbval, source, said):
    start = time.monotonic()
    result = nbval("a = 1", source, executed=False)
    assert time.monotonic() - start < 100  # not the timeout of a cell
    result.assert_outcomes(passed=1, failed=1)
    result.stdout.fnmatch_lines([said])


def wrong(book):
    book.cells[2].outputs[0].text = "another\n"


def test_cells_that_are_run_alone_have_those_above_them(nbval, pytester):
    cells = ["a = 1", "a += 1", "print(a)", "print(a + 1)"]
    result = nbval(*cells, change=wrong)
    result.assert_outcomes(passed=3, failed=1)
    result = nbval(arguments=["--lf"])
    result.assert_outcomes(failed=1)
    result.stdout.fnmatch_lines(["*another*"])  # compared, and not a name that is not there
    one, other = ("sample.ipynb::Cell 3", "sample.ipynb::Cell 1")
    nbval(arguments=["-k", "Cell and 3"]).assert_outcomes(passed=1, deselected=3)
    (pytester.path / "shuffle.py").write_text(SHUFFLE)
    result = nbval(arguments=["-p", "shuffle", "--deselect", "sample.ipynb::Cell 2"])
    result.assert_outcomes(passed=3, deselected=1)
    assert nbval(arguments=[one, other]).parseoutcomes()["passed"] == 2


SHUFFLE = """\
import pytest
@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(items):
    items.reverse()
"""


def test_pictures_are_compared(nbval):
    result = nbval("a = 3", DRAW)
    result.assert_outcomes(passed=2)

    def recolor(book):
        data = book.cells[1].outputs[0].data
        data["text/html"] = data["text/html"].replace("#0072b2", "#d55e00")

    result = nbval(change=recolor)
    result.assert_outcomes(passed=1, failed=1)
    result.stdout.fnmatch_lines(["*its style stroke was #d55e00 and is #0072b2*"])
