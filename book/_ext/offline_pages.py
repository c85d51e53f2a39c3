"""Pages that ask no other host for anything, and ship only what they use."""

import shutil
from importlib.util import find_spec
from pathlib import Path

MATHJAX = ("tex-chtml-full.js", "output/chtml/fonts/woff-v2")
# Shipped by extensions and the theme, asked for by no page of this book.
UNUSED = (
    "sphinx-thebe.*",
    "locales",
    "scripts/*.map",
    "scripts/*.LICENSE.txt",
    "styles/*.map",
    "webpack-macros.html",
    "sbt-webpack-macros.html",
    "images/logo_*.svg",
)


def add_mathjax(app):
    """Copy MathJax from the wheel sphinx-mathjax-offline: nothing vendored, no npm."""
    if app.builder.format != "html":
        return
    source = Path(find_spec("sphinx-mathjax-offline").origin).parent / "static" / "mathjax"
    target = Path(app.outdir, "_static", "mathjax")
    for name in MATHJAX:
        (target / name).parent.mkdir(parents=True, exist_ok=True)
        if (source / name).is_dir():
            shutil.copytree(source / name, target / name, dirs_exist_ok=True)
        else:
            shutil.copy2(source / name, target / name)


def drop_thebe(app, pagename, templatename, context, doctree):
    """The theme adds thebe's scripts to every page, where they fail without a Binder."""

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
    app.connect("builder-inited", add_mathjax)
    app.connect("html-page-context", drop_thebe, priority=900)
    app.connect("build-finished", prune, priority=900)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
