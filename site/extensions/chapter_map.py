"""The directive `chapter-map`: a table of the chapters, whose numbers and titles are their own.

    :::{chapter-map}
    01-gradient-descent | Algorithm 1 | Why does a projected step keep the regret small?
    :::

Each chapter has a line: its file, where the deck has it, and the question that it answers. A
chapter without one is a warning.
"""

from pathlib import Path

from docutils import nodes
from sphinx import addnodes
from sphinx.util import logging
from sphinx.util.docutils import SphinxDirective

HEAD = ("Chapter", "The question it answers", "In the deck")
WIDTHS = (25, 50, 25)
logger = logging.getLogger(__name__)


class ChapterMap(SphinxDirective):
    has_content = True

    def run(self):
        lines = [
            [part.strip() for part in line.split("|")] for line in self.content if line.strip()
        ]
        given = [file for file, _, _ in lines]
        there = sorted(p.stem for p in Path(self.env.srcdir, "notebooks").glob("*.ipynb"))
        if given != there:
            names = ", ".join(sorted(set(given) ^ set(there))) or "their order"
            logger.warning(
                "the map and the chapters differ: %s", names, location=self.get_location()
            )
        rows = [[self.link(file), self.text(asks), self.text(deck)] for file, deck, asks in lines]
        return [table([[nodes.Text(name)] for name in HEAD], rows)]

    def link(self, file):
        """The chapter's number, and its title as it is called in the menu."""
        text = nodes.inline("", "", nodes.Text(f"{int(file.split('-')[0])}  "))
        target = addnodes.pending_xref(
            "",
            nodes.inline("", ""),
            refdomain="std",
            reftype="doc",
            refdoc=self.env.docname,
            refexplicit=False,
            reftarget=f"/notebooks/{file}",
            refwarn=True,
        )
        return [text, target]

    def text(self, source):
        found, messages = self.parse_inline(source)
        return [*found, *messages]


def table(head, rows):
    def row(cells):
        return nodes.row("", *(nodes.entry("", nodes.paragraph("", "", *c)) for c in cells))

    group = nodes.tgroup("", cols=len(head))
    group += [nodes.colspec(colwidth=width) for width in WIDTHS]
    group += nodes.thead("", row(head))
    group += nodes.tbody("", *map(row, rows))
    return nodes.table("", group, classes=["chapter-map"])


def setup(app):
    app.add_directive("chapter-map", ChapterMap)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
