"""The ledger: each of the deck's statements with what the notebooks that exist found."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from pathlib import Path

from optlab.report.claims import MIME, Statement, Verdict

NOT_YET = "not yet"  # the status of a statement whose notebook has not judged it


def verdicts(notebook: Path) -> list[dict[str, str]]:
    """The claims that a notebook's stored outputs show, in order: id, verdict and evidence."""
    cells = json.loads(notebook.read_text(encoding="utf-8"))["cells"]
    outputs = [output for cell in cells for output in cell.get("outputs", [])]
    return [output["data"][MIME] for output in outputs if MIME in output.get("data", {})]


def ledger(statements: Iterable[Statement], notebooks: Path) -> Iterator[Verdict]:
    """Every statement in the given order, with its chapter's verdict and evidence.

    notebooks: the folder of the executed notebooks. A statement that none of them has
    judged has the verdict `NOT_YET`.
    """
    found = {
        (path.stem, data["id"]): data
        for path in sorted(notebooks.glob("*.ipynb"))
        for data in verdicts(path)
    }
    for statement in statements:
        data = found.get((statement.notebook, statement.id))
        if data is None:
            yield Verdict(statement, NOT_YET, "")
        else:
            yield Verdict(statement, data["verdict"], data["evidence"])
