"""The directive `explorer`: the explorer on its own page, or a small one in a chapter.

    :::{explorer}
    :::

    :::{explorer} landscape=game&shown=adam,amsgrad
    :::

The argument of a small one is the part after # of an address that the explorer's page shows.
Its scripts are loaded on the pages that have one, and on no other; in a chapter, when the reader
comes near it.
"""

from html import escape

from docutils import nodes
from sphinx.util.docutils import SphinxDirective

from optlab.explorer.still import still

PAGE = "book/explorer"
STYLE = "explorer/explorer.css"
LATER = "explorer/later.js"
SCRIPTS = ("explorer/rules.js", "explorer/run.js", "explorer/draw.js", "explorer/explorer.js")
MOVES = "On the page, a script lets you change what is set."
WITHOUT = "The paths of optimizers on a landscape, drawn by a script, which has not run here."


class Explorer(SphinxDirective):
    optional_arguments = 1

    def run(self):
        node = nodes.container("", classes=["explorer-place"])
        node["settings"] = "".join(self.arguments[0].split()) if self.arguments else None
        return [node]


def places(doctree):
    return [n for n in doctree.findall(nodes.container) if "explorer-place" in n["classes"]]


def fill(app, doctree, docname):
    for number, node in enumerate(places(doctree), start=1):
        small, picture, text = "", "", WITHOUT
        if node["settings"] is not None:
            page = app.builder.get_relative_uri(docname, PAGE)
            small = f' data-small data-settings="{escape(node["settings"])}" data-page="{page}"'
            picture, text = still(node["settings"], f"still-{number}")
            text = f"{text} {MOVES}"
            frame = f'<div class="explorer-still" role="img" aria-label="{escape(text)}">'
            picture = f"{frame}{picture}</div>"
        html = f'<div class="explorer"{small}>{picture}<p>{escape(text)}</p></div>'
        node += nodes.raw("", html, format="html")


def add_files(app, pagename, templatename, context, doctree):
    found = places(doctree) if doctree is not None else []
    if found:
        app.add_css_file(STYLE)
        whole = any(node["settings"] is None for node in found)
        for script in SCRIPTS if whole else [LATER]:
            app.add_js_file(script, loading_method="defer")


def setup(app):
    app.add_directive("explorer", Explorer)
    app.connect("doctree-resolved", fill)
    app.connect("html-page-context", add_files)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
