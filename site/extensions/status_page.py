"""The status page: what was run, how long it took, with what, and what it found."""

import json
from collections import Counter
from pathlib import Path

import nbformat
import yaml
from docutils import nodes
from ledger_pages import ORDER, badge, paragraph
from sphinx.util.docutils import SphinxDirective

from optlab.report.claims import parse
from optlab.report.ledger import ledger

TIMES = "book/status.json"


class Status(SphinxDirective):
    """The conditions of the last run, and a row for each notebook."""

    def run(self):
        self.env.note_reread()
        source = Path(self.env.srcdir)
        times = json.loads((source / TIMES).read_text("utf-8"))
        folder = source / "optlab/report"
        entries = [
            entry
            for file in ("claims.yml", "papers.yml")
            for entry in yaml.safe_load((folder / file).read_text("utf-8"))
        ]
        found = {}
        for verdict in ledger(parse(entries).values(), source / "notebooks"):
            found.setdefault(verdict.statement.notebook, Counter())[verdict.verdict] += 1
        notebooks = sorted((source / "notebooks").glob("*.ipynb"))
        rows = [
            [
                [self.link(path.stem)],
                [nodes.Text(str(cells(path)))],
                [nodes.Text(seconds(times, path))],
                list(badges(found.get(path.stem, Counter()))),
            ]
            for path in notebooks
        ]
        versions = ", ".join(f"{name} {v}" for name, v in times["versions"].items())
        measured = [times["seconds"][p.stem] for p in notebooks if p.stem in times["seconds"]]
        conditions = (
            f"{len(measured)} of {len(notebooks)} notebooks are measured, {sum(measured):.0f} "
            f"seconds in all, one after another; the last on {times['date']}, on "
            f"{times['processor']}, with {versions}."
        )
        head = ["Notebook", "Code cells", "Seconds", "Verdicts on statements"]
        return [paragraph("", nodes.Text(conditions)), table(head, rows)]

    def link(self, name):
        uri = self.env.app.builder.get_relative_uri(self.env.docname, f"notebooks/{name}")
        return nodes.reference("", name, internal=True, refuri=uri)


def seconds(times, path):
    return f"{taken:.0f}" if (taken := times["seconds"].get(path.stem)) else "not measured"


def cells(path):
    return sum(cell.cell_type == "code" for cell in nbformat.read(path, 4).cells)


def badges(counts):
    for name in sorted(counts, key=ORDER.index):
        yield from (badge(f"{counts[name]} {name}", name), nodes.Text(" "))


def table(head, rows):
    def row(cells):
        return nodes.row("", *(nodes.entry("", paragraph("", *cell)) for cell in cells))

    group = nodes.tgroup("", cols=len(head))
    group += [nodes.colspec(colwidth=1) for _ in head]
    group += nodes.thead("", row([[nodes.Text(title)] for title in head]))
    group += nodes.tbody("", *map(row, rows))
    return nodes.table("", group, classes=["status"])


def setup(app):
    app.add_directive("status", Status)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
