"""For those who teach: the directives `figure-index` and `exercise-index`, lists by chapter."""

import re
from html import unescape
from pathlib import Path

import nbformat
from chapter_figures import CAPTION, FIGURE
from docutils import nodes
from sphinx.util.docutils import SphinxDirective

EXERCISE = re.compile(r"\{exercise\} *(?P<title>.*)\n(?::.*\n)*?:label: *(?P<label>\S+)")
SENTENCE = re.compile(r"\s*(.*?[.?!])(?=\s|$)", re.S)
TAG = re.compile(r"<[^>]*>")


def figures(book):
    """The figures of a notebook, in order: name, and the first sentence of the caption."""
    for cell in book.cells:
        for output in cell.get("outputs", ()):
            html = output.get("data", {}).get("text/html", "")
            if (figure := FIGURE.search(html)) and (found := CAPTION.search(html)):
                caption = unescape(TAG.sub("", found["caption"]))
                first = SENTENCE.match(caption)
                yield figure["name"], " ".join((first[1] if first else caption).split())


def exercises(book):
    """The exercises of a notebook, in order: label and title."""
    for cell in book.cells:
        if cell.cell_type == "markdown":
            for found in EXERCISE.finditer(cell.source):
                yield found["label"], found["title"].strip()


class Index(SphinxDirective):
    """A list for each chapter that has items, under the chapter's number and title."""

    def run(self):
        self.env.note_reread()  # the notebooks are no sources of this page
        made = []
        for path in sorted(Path(self.env.srcdir, "notebooks").glob("*.ipynb")):
            book, number = nbformat.read(path, 4), int(path.stem.split("-")[0])
            page = f"notebooks/{path.stem}"
            items = [
                nodes.list_item("", nodes.paragraph("", "", *self.item(page, number, n, *found)))
                for n, found in enumerate(self.found(book), start=1)
            ]
            if items:
                head = nodes.paragraph("", "", nodes.strong("", f"Chapter {number}"))
                made += [head, nodes.bullet_list("", *items)]
        return [nodes.container("", *made, classes=["teaching-index"])]

    def link(self, page, anchor, text):
        uri = self.env.app.builder.get_relative_uri(self.env.docname, page)
        return nodes.reference("", text, internal=True, refuri=f"{uri}#{anchor}")


class FigureIndex(Index):
    found = staticmethod(figures)

    def item(self, page, chapter, n, name, sentence):
        return self.link(page, name, f"Figure {chapter}.{n}"), nodes.Text(f"  {sentence}")


class ExerciseIndex(Index):
    found = staticmethod(exercises)

    def item(self, page, chapter, n, label, title):
        said, messages = self.parse_inline(title)
        return self.link(page, label, f"Exercise {chapter}.{n}"), nodes.Text("  "), *said, *messages


def setup(app):
    app.add_directive("figure-index", FigureIndex)
    app.add_directive("exercise-index", ExerciseIndex)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
