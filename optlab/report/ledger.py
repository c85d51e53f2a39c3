"""The ledger: statements, the deck's or later papers', with what the notebooks that exist found."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from pathlib import Path

from optlab.report.claims import MIME, Statement, Verdict
from optlab.report.outputs import shown

NOT_YET = "not yet"  # the status of a statement whose notebook has not judged it


def verdicts(notebook: Path) -> list[dict[str, str]]:
    """The claims that a notebook's stored outputs show, in order: id, verdict and evidence."""
    return shown(notebook, MIME)


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
