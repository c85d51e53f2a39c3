"""The directive `interaction`: controls and a picture that follows them.

    :::{interaction} word-frequency
    What a reader sees who has no script.
    :::

Its argument is a name in `site/static/interactions/settings.js`; its text says what it shows, and
is replaced where scripts run. They are loaded when the reader comes near.
"""

import re
from html import escape
from pathlib import Path

from docutils import nodes
from sphinx.util.docutils import SphinxDirective

STYLE = "interactions/interactions.css"
LATER = "interactions/later.js"
SETTINGS = Path(__file__).parents[1] / "static/interactions/settings.js"


def names():
    """The interactions that there are, as the script returns them."""
    returned = SETTINGS.read_text("utf-8").rsplit("  return {", 1)[1]
    return re.findall(r'^    "?([a-z-]+)"?[:,]', returned, re.M)


class Interaction(SphinxDirective):
    required_arguments = 1
    has_content = True

    def run(self):
        (name,) = self.arguments
        if name not in names():
            raise self.error(f"no interaction {name!r}; there are: {', '.join(names())}")
        self.env.note_dependency(str(SETTINGS))
        text = nodes.container("", classes=["play-text"])
        self.state.nested_parse(self.content, self.content_offset, text)
        start = nodes.raw("", f'<div class="play" data-name="{escape(name)}">', format="html")
        place = nodes.container("", start, text, nodes.raw("", "</div>", format="html"))
        place["classes"] += ["play-place"]
        return [place]


def add_files(app, pagename, templatename, context, doctree):
    if doctree is not None and any(
        "play-place" in node["classes"] for node in doctree.findall(nodes.container)
    ):
        app.add_css_file(STYLE)
        app.add_js_file(LATER, loading_method="defer")


def setup(app):
    app.add_directive("interaction", Interaction)
    app.connect("html-page-context", add_files)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
