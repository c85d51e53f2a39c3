"""The directive `explorer`: the explorer on its own page, or a small one on another.

    :::{explorer} opening
    :whole:
    :::

    :::{explorer} landscape=game&shown=adam,amsgrad
    :::

The argument is the part after # of an address that the explorer's page shows, or `opening`, with
which that page begins. A small one that is `:bare:` has what a first look needs, and no more.

The explorer's page has its views as links above the map: those of its text that set something.
Scripts are loaded on the pages that have an explorer, and on no other; those of a small one when
the reader comes near it.
"""

import re
from html import escape
from typing import ClassVar

from docutils import nodes
from docutils.parsers.rst import directives
from sphinx.util.docutils import SphinxDirective

from optlab.explorer.still import still

PAGE = "book/explorer"
STYLE = "explorer/explorer.css"
LATER = "explorer/later.js"
SCRIPTS = [f"explorer/{name}.js" for name in ("rules", "run", "draw", "controls", "explorer")]
MOVES = "On the page, a script lets you change what is set."
# A lesson: in a narrow valley, each at the best of the rates that its slider has.
OPENING = (
    "landscape=quadratic&c=100&steps=100&shown=gd,momentum,adam&focus=gd"
    "&gd.lr=0.018&momentum.lr=0.032&momentum.momentum=0.67&adam.lr=0.2"
)
VIEW = re.compile(r'<a href="#(landscape=[^"]*)">')


class Explorer(SphinxDirective):
    optional_arguments = 1
    option_spec: ClassVar = {"whole": directives.flag, "bare": directives.flag}

    def run(self):
        node = nodes.container("", classes=["explorer-place"])
        given = "".join(self.arguments[0].split()) if self.arguments else ""
        node["settings"] = OPENING if given in ("", "opening") else given
        node["whole"], node["bare"] = "whole" in self.options, "bare" in self.options
        return [node]


def places(doctree):
    return [n for n in doctree.findall(nodes.container) if "explorer-place" in n["classes"]]


def views(doctree):
    """The links of a page's text that set an explorer: (settings, title, what its item says)."""
    for raw in doctree.findall(nodes.raw):
        if (found := VIEW.fullmatch(raw.astext())) and isinstance(raw.parent, nodes.paragraph):
            inside = raw.parent.children
            begin = inside.index(raw)
            end = next(i for i in range(begin, len(inside)) if inside[i].astext() == "</a>")
            words = "".join(n.astext() for n in inside[begin + 1 : end]).rstrip(".")
            title = re.sub(r"_(\d)", lambda digit: chr(0x2080 + int(digit[1])), words)
            yield found[1].replace("&amp;", "&"), title, inside[end + 1 :]


def chips(doctree):
    """The views as a row of links, and what the first of them shows."""
    found = list(views(doctree))
    if not found:
        return []
    links = "".join(
        f'<a href="#{escape(settings)}">{escape(title)}</a>' for settings, title, _ in found
    )
    row = f'<nav class="explorer-views" aria-label="Views">{links}</nav>'
    said = nodes.paragraph("", "", *(n.deepcopy() for n in found[0][2]))
    return [nodes.raw("", row, format="html"), nodes.container("", said, classes=["explorer-said"])]


def fill(app, doctree, docname):
    for number, node in enumerate(places(doctree), start=1):
        settings = node["settings"]
        picture, text = still(settings, f"still-{number}")
        text = f"{text} {MOVES}"
        kind = f' data-settings="{escape(settings)}"'
        if not node["whole"]:
            page = app.builder.get_relative_uri(docname, PAGE)
            kind += f' data-small data-page="{page}"' + " data-bare" * node["bare"]
        frame = f'<div class="explorer-still" role="img" aria-label="{escape(text)}">'
        html = f'<div class="explorer"{kind}>{frame}{picture}</div><p>{escape(text)}</p></div>'
        node += chips(doctree) if node["whole"] else []
        node += nodes.raw("", html, format="html")


def add_files(app, pagename, templatename, context, doctree):
    found = places(doctree) if doctree is not None else []
    if found:
        app.add_css_file(STYLE)
        whole = any(node["whole"] for node in found)
        for script in SCRIPTS if whole else [LATER]:
            app.add_js_file(script, loading_method="defer")


def setup(app):
    app.add_directive("explorer", Explorer)
    app.connect("doctree-resolved", fill)
    app.connect("html-page-context", add_files)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
