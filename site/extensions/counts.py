"""The role `counted`: how many there are, so that no page has such a number typed.

{counted}`exercises` is the number of exercises in the chapters; COUNTS has all the names.
"""

import re
from functools import cache
from pathlib import Path

import nbformat
import yaml
from docutils import nodes
from pybtex.database import parse_file
from sphinx.util.docutils import SphinxRole

import optlab.optim
from optlab.explorer import LANDSCAPES, OPTIMIZERS
from optlab.report.claims import parse
from optlab.report.ledger import ledger

FIGURE = '<figure id="'  # in a notebook's outputs
HOLDS = ("proved", "proved under conditions", "checked", "reproduced")
PROOF = re.compile(r"^:{3,}\{prf:proof\}", re.M)
EXERCISE = re.compile(r"\{exercise\}")


@cache
def notebooks(source):
    return [nbformat.read(path, 4) for path in sorted(Path(source, "notebooks").glob("*.ipynb"))]


def cells(source, kind):
    return [c for book in notebooks(source) for c in book.cells if c.cell_type == kind]


def written(source, pattern):
    return sum(len(pattern.findall(cell.source)) for cell in cells(source, "markdown"))


def figures(source):
    data = [o.get("data", {}) for c in cells(source, "code") for o in c.outputs]
    return sum(d.get("text/html", "").count(FIGURE) for d in data)


@cache
def verdicts(source):
    entries = yaml.safe_load(Path(source, "optlab/report/claims.yml").read_text("utf-8"))
    return list(ledger(parse(entries).values(), Path(source, "notebooks")))


COUNTS = {
    "cells of code": lambda source: len(cells(source, "code")),
    "chapters": lambda source: len(notebooks(source)),
    "exercises": lambda source: written(source, EXERCISE),
    "figures": figures,
    "landscapes": lambda _: len(LANDSCAPES),
    "optimizers": lambda _: len(optlab.optim.OPTIMIZERS),
    "optimizers to explore": lambda _: len(OPTIMIZERS),
    "proofs": lambda source: written(source, PROOF),
    "sources": lambda source: len(parse_file(Path(source, "book/references.bib")).entries),
    "statements": lambda source: len(verdicts(source)),
    "statements that hold": lambda source: sum(v.verdict in HOLDS for v in verdicts(source)),
    "statements with an erratum": lambda source: sum(
        bool(v.statement.erratum) for v in verdicts(source)
    ),
}


class Counted(SphinxRole):
    def run(self):
        self.env.note_reread()  # what is counted stands in other files
        if self.text not in COUNTS:
            text = f"counted: no {self.text!r}; there are {', '.join(COUNTS)}"
            message = self.inliner.reporter.error(text, line=self.lineno)
            return [nodes.problematic(self.rawtext, self.rawtext)], [message]
        return [nodes.Text(str(COUNTS[self.text](self.env.srcdir)))], []


def setup(app):
    app.add_role("counted", Counted())
    return {"parallel_read_safe": True, "parallel_write_safe": True}
