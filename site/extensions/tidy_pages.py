"""What libraries leave on a page twice, empty or unnamed.

- Each id is on one element: of those that share one, the first, to which links led anyway.
- The empty corner of a table is no heading, which would be read aloud as one without a name.
- One <meta> of each name, of those that Sphinx, docutils and the theme write each for itself.
- The book's first page has its title once, and the root, which leads there, says where it leads.
"""

import re
from html import escape
from pathlib import Path

from built_pages import built_pages
from docutils import nodes

VIEWPORT = re.compile(r'\s*<meta name="viewport"[^>]*>')
TWICE = re.compile(r"<title>(.*?) (?:&#8212;|—) \1</title>")
CORNER = re.compile(r'<th\b(?: scope="\w+")?([^>]*)>\s*(?:<p>\s*</p>)?\s*</th>')
ROOT = """<!DOCTYPE html>
<html lang="en">
  <head>
    <meta charset="utf-8">
    <meta name="viewport" content="width=device-width, initial-scale=1">
    <meta http-equiv="Refresh" content="0; url={home}">
    <title>{title}</title>
    <meta name="description" content="{title}: the book begins at {home}.">
{canonical}  </head>
  <body>
    <p><a href="{home}">{title}</a></p>
  </body>
</html>
"""


def give_ids_once(app, doctree, docname):
    if app.builder.name == "singlehtml":  # chapters have sections of the same name, all numbered
        return
    seen = set()
    for node in doctree.findall(nodes.Element):
        if ids := node.get("ids"):
            node["ids"] = [name for name in ids if name not in seen]
            seen.update(ids)


def tidy(app, exception):
    if exception or app.builder.name != "html":
        return
    out = Path(app.outdir)
    for page in built_pages(out):
        head, mark, body = page.read_text("utf-8").partition("</head>")
        first = VIEWPORT.search(head)
        if first:
            head = head[: first.end()] + VIEWPORT.sub("", head[first.end() :])
        head = TWICE.sub(r"<title>\1</title>", head)
        page.write_text(head + mark + CORNER.sub(r"<td\1></td>", body), "utf-8")
    home = app.builder.get_target_uri(app.config.root_doc)
    base = app.config.html_baseurl
    link = f'    <link rel="canonical" href="{base.rstrip("/")}/{home}">\n' if base else ""
    if home != "index.html":
        root = ROOT.format(home=home, title=escape(app.config.html_title), canonical=link)
        (out / "index.html").write_text(root, "utf-8")


def setup(app):
    app.connect("doctree-resolved", give_ids_once, priority=999)
    app.connect("build-finished", tidy, priority=930)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
