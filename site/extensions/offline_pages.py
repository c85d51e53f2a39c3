"""Pages that ask no other host for anything, and ship only what they use."""

import shutil
from pathlib import Path

from docutils import nodes

# Shipped by the theme and extensions, asked for by no page of this book.
UNUSED = (
    "images/logo_*",
    "locales",
    "sbt-webpack-macros.html",
    "scripts/*.LICENSE.txt",
    "scripts/*.map",
    "scripts/fontawesome.js",
    "sphinx-thebe.*",
    "styles/*.map",
    "vendor/fontawesome/webfonts/*.ttf",  # beside the same fonts as woff2
    "webpack-macros.html",
)


# Jupyter Book always loads sphinx-thebe, whose scripts fail where no Binder is configured.
def drop_thebe_config(app, doctree, docname):
    for node in list(doctree.findall(nodes.raw)):
        if "thebe" in node.astext():
            node.parent.remove(node)


def drop_thebe_assets(app, pagename, templatename, context, doctree):
    def thebe(asset):
        body = getattr(asset, "attributes", {}).get("body") or ""
        return "thebe" in f"{getattr(asset, 'filename', asset)} {body}".lower()

    for kind in ("script_files", "css_files"):
        context[kind] = [asset for asset in context[kind] if not thebe(asset)]


def prune(app, exception):
    if exception is None and app.builder.format == "html":
        for pattern in UNUSED:
            for path in Path(app.outdir, "_static").glob(pattern):
                shutil.rmtree(path) if path.is_dir() else path.unlink()


def setup(app):
    app.connect("doctree-resolved", drop_thebe_config, priority=900)
    app.connect("html-page-context", drop_thebe_assets, priority=900)
    app.connect("build-finished", prune, priority=900)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
