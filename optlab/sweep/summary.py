"""The summary of a sweep: a notebook that reads its folder, executed."""

# mypy: untyped-calls-exclude=nbformat

from __future__ import annotations

import tempfile
from pathlib import Path

import nbformat
from nbformat.v4 import new_code_cell, new_markdown_cell, new_notebook

from optlab.running.execute import run_into
from optlab.sweep import files
from optlab.sweep.figures import read_results
from optlab.sweep.folder import Folder

SUMMARY = "summary.ipynb"


def write_summary(folder: Folder) -> Path:
    """Make the summary of what is there now; where it is.

    It can be run again, and changed, as any notebook. RunError if a cell of it fails.
    """
    plan, results = folder.plan(), read_results(folder.path)
    cells = [
        new_markdown_cell(
            f"# A sweep of {plan.notebook}\n\nMeans are over seeds. Of a claim whose verdict "
            "differs between runs, the mean is the share of runs in which it held. "
            "`results.table` has a row for each run."
        ),
        new_code_cell(
            "from optlab.sweep.figures import means, picture, read_results\n\n"
            "results = read_results()\nresults"
        ),
        new_code_cell("means(results)"),
        *(new_code_cell(f"picture(results, {column!r})") for column in results.columns),
    ]
    kernel = {"name": "python3", "display_name": "Python 3", "language": "python"}
    with tempfile.TemporaryDirectory() as name:
        plain, executed = Path(name, "plain.ipynb"), Path(name, SUMMARY)
        nbformat.write(new_notebook(cells=cells, metadata={"kernelspec": kernel}), plain)
        run_into(plain, executed, {}, cwd=folder.path, progress=False)
        with folder.writing_table():
            files.write(folder.path / SUMMARY, executed.read_bytes())
    return folder.path / SUMMARY
