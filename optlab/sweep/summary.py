"""The summary of a sweep: a notebook that reads its folder, executed."""

# mypy: untyped-calls-exclude=nbformat

from __future__ import annotations

import tempfile
from pathlib import Path

import nbformat
from nbformat.v4 import new_code_cell, new_markdown_cell, new_notebook

from optlab import writing
from optlab.running.execute import run_into
from optlab.running.notebook import INJECTED, tagged
from optlab.sweep.figures import read_results
from optlab.sweep.folder import Folder
from optlab.sweep.plan import Plan

SUMMARY = "summary.ipynb"


def write_summary(folder: Folder, plan: Plan) -> Path:
    """Make the summary of what is there now; where it is.

    It can be run again, and changed, as any notebook. Its kernel works in an empty folder of its
    own: the kernel's working folder is on its module path, and files in a folder of data are not
    to be run. RunError if a cell of it fails.
    """
    results = read_results(folder.path)
    cells = [
        new_markdown_cell(
            f"# A sweep of {plan.notebook}\n\nMeans are over seeds. Of a claim whose verdict "
            "differs between runs, the mean is the share of runs in which it held. "
            "`results.table` has a row for each run."
        ),
        new_code_cell("folder: str = '.'  # of the sweep", metadata={"tags": ["parameters"]}),
        new_code_cell(
            "from optlab.sweep.figures import means, picture, read_results\n\n"
            "results = read_results(folder)\nresults"
        ),
        new_code_cell("means(results)"),
        *(new_code_cell(f"picture(results, {column!r})") for column in results.columns),
    ]
    kernel = {"name": "python3", "display_name": "Python 3", "language": "python"}
    with tempfile.TemporaryDirectory() as name:
        plain, executed, empty = Path(name, "plain.ipynb"), Path(name, SUMMARY), Path(name, "empty")
        empty.mkdir()
        nbformat.write(new_notebook(cells=cells, metadata={"kernelspec": kernel}), plain)
        here = {"folder": str(folder.path.resolve())}
        run_into(plain, executed, here, cwd=empty, progress=False)
        with folder.writing_table():
            writing.write(folder.path / SUMMARY, _without_injected(executed).encode())
    return folder.path / SUMMARY


def _without_injected(executed: Path) -> str:
    """The notebook without the cell that set the folder: it is to be run where it
    lies, wherever that will be."""
    book = nbformat.read(executed, 4)
    book.cells = [cell for cell in book.cells if not tagged(cell, INJECTED)]
    return str(nbformat.writes(book)) + "\n"
