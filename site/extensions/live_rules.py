"""The editor of rules: below each rule that a chapter shows, and on the page of `live-page`.

    :::{live-page}
    What a reader sees who has no script.
    :::

It is put together from `site/live`, by npm's packages, while pages are written, and what it needs
is in `_static/live`, loaded when a reader asks for it. Where the packages are missing, there is no
editor, and its page says so.
"""

import gzip
import json
import os
import re
import shutil
import subprocess
from concurrent.futures import ThreadPoolExecutor
from hashlib import sha256
from html import escape
from pathlib import Path

import live_archive
from docutils import nodes
from sphinx.util import logging
from sphinx.util.docutils import SphinxDirective
from typesetter import FONTS, MATHJAX, PARTS, WITHOUT

from optlab import live
from optlab.explorer import OPTIMIZERS
from optlab.symbolic import JAVASCRIPT_OPERATIONS

logger = logging.getLogger(__name__)

PAGE = "book/live"
LATER = "live/later.js"
SOURCES = Path(__file__).parents[1] / "live"
SHOWN = re.compile(r"^report\.source\(rules\.(\w+)\)$", re.M)
EXPLORER = re.compile(r"^:::\{explorer\} (landscape=\S+)", re.M)
RARE = re.compile("Fraktur|SansSerif|Script|Typewriter|Vector")  # fonts for no letter of a rule
OPERATION = re.compile(r"^const (\w+) =", re.M)
BY_RULE = {choice.rule.name: name for name, choice in reversed(OPTIMIZERS.items())}
WITHOUT_EDITOR = (
    "This copy of the book was built without the editor, for which packages of npm were missing."
)


class LivePage(SphinxDirective):
    has_content = True

    def run(self):
        text = nodes.container("", classes=["live-place"])
        if not live_archive.has_packages():
            return [nodes.paragraph("", WITHOUT_EDITOR)]
        self.state.nested_parse(self.content, self.content_offset, text)
        start = nodes.raw("", '<div class="live-page">', format="html")
        return [start, text, nodes.raw("", "</div>", format="html")]


def add_links(app, doctree, docname):
    """Below each rule of the catalogue that a chapter prints, the way to its editor."""
    chapter = docname.rpartition("/")[2]
    if app.builder.name != "html" or not live_archive.has_packages():
        return
    known = {rule["name"] for rule in live.chapters().get(chapter, {}).get("rules", ())}
    page = app.builder.get_relative_uri(docname, PAGE)
    for cell in [node for node in doctree.findall(nodes.container) if "cell" in node["classes"]]:
        found = SHOWN.search(cell.astext())
        if found and found[1] in known:
            name = found[1]
            link = f"{page}#chapter={chapter}&rule={name}"
            html = f'<p class="live-open"><a href="{escape(link)}">Edit this rule</a></p>'
            place = cell.parent.index(cell) + 1
            cell.parent.insert(place, nodes.raw("", html, format="html"))


def add_script(app, pagename, templatename, context, doctree):
    if live_archive.has_packages() and ("live-open" in context.get("body", "") or pagename == PAGE):
        app.add_js_file(LATER, loading_method="defer")


def catalogue(folder):
    """What may be edited: rules, exercises, and the landscape of each chapter's explorer."""
    offered = live.chapters()
    for name, chapter in offered.items():
        for rule in chapter["rules"]:
            rule["explorer"] = BY_RULE.get(rule["name"])
        text = (folder / f"notebooks/{name}.md").read_text("utf-8")
        found = EXPLORER.search(text)
        chapter["settings"] = found[1] if found else ""
    return offered


def mathjax(macros):
    """MathJax as the book's typesetter has it, for a browser."""
    config = {
        "startup": {"typeset": False},
        "chtml": {"adaptiveCSS": False},
        "tex": {"packages": {"[-]": WITHOUT}, "macros": macros},
    }
    begin = (
        f"globalThis.MathJax = {json.dumps(config)};\n"
        "MathJax.startup.ready = () => {};\n"
        'MathJax.chtml.fontURL = new URL("fonts", document.currentScript.src).href;\n'
    )
    parts = [part for part in PARTS if part != "adaptors/liteDOM"]
    return begin + "\n".join((MATHJAX / f"{part}.js").read_text("utf-8") for part in parts)


def bundled(name, form):
    """A script of `site/live` with all that it imports, as one."""
    node = live_archive.NODE
    command = [node / "node", node / "node_modules/esbuild/bin/esbuild", SOURCES / f"{name}.js"]
    options = [
        "--bundle",
        "--minify",
        "--legal-comments=none",
        f"--format={form}",
        "--external:node:*",
    ]
    environment = {**os.environ, "NODE_PATH": str(node / "node_modules")}
    done = subprocess.run([*command, *options], env=environment, capture_output=True)
    if done.returncode:
        raise RuntimeError(f"{name}.js of the editor was not made: {done.stderr.decode()[-2000:]}")
    return done.stdout


def named(name, data, ending):
    """A name that tells what is in the file, so that a browser keeps it for ever."""
    return f"{name}.{sha256(data).hexdigest()[:12]}.{ending}"


def make(folder, macros):
    """The files of `_static/live`: path there, and bytes."""
    pyodide = live_archive.PYODIDE
    archives = {
        "wasm": gzip.compress((pyodide / "pyodide.asm.wasm").read_bytes(), mtime=0),
        "python": live_archive.compiled("python", live_archive.of_libraries(), 2).read_bytes(),
        "optlab": live_archive.compiled("optlab", live_archive.of_optlab(), 0).read_bytes(),
    }
    lock = json.loads((pyodide / "pyodide-lock.json").read_text("utf-8"))
    version = json.loads((pyodide / "package.json").read_text("utf-8"))["version"]
    worker = bundled("worker", "esm")
    names = {name: named(name, data, "bin") for name, data in archives.items()}
    listed = {
        "pyodide": f"pyodide-{version}/",
        "lock": {"info": lock["info"], "packages": {}},  # no package is installed later
        "worker": named("worker", worker, "js"),
        "files": {k: {"name": names[k], "size": len(archives[k])} for k in archives},
    }
    operations = OPERATION.findall(JAVASCRIPT_OPERATIONS)
    return {
        **{names[k]: data for k, data in archives.items()},
        f"pyodide-{version}/pyodide.asm.mjs": (pyodide / "pyodide.asm.mjs").read_bytes(),
        listed["worker"]: worker,
        "files.json": json.dumps(listed).encode(),
        "catalogue.json": json.dumps(catalogue(folder)).encode(),
        "live.js": bundled("live", "iife"),
        "live.css": (SOURCES / "live.css").read_bytes(),
        "paths.js": (SOURCES / "paths.js").read_bytes(),
        "operations.js": (
            f"{JAVASCRIPT_OPERATIONS}\nvar operations = {{ {', '.join(operations)} }};\n"
        ).encode(),
        "mathjax.js": mathjax(macros).encode(),
        **{
            f"fonts/{path.name}": path.read_bytes()
            for path in FONTS.glob("*.woff")
            if not RARE.search(path.name)
        },
    }


def begin(app):
    if app.builder.name == "html" and live_archive.has_packages():
        thread = ThreadPoolExecutor(1)
        app.live_files = thread.submit(make, Path(app.srcdir), app.config.formula_macros)
        thread.shutdown(wait=False)


def finish(app, exception):
    if exception or app.builder.name != "html":
        return
    target = Path(app.outdir, "_static/live")
    later = (SOURCES.parent / "static" / LATER).read_bytes()
    shutil.rmtree(target, ignore_errors=True)
    if not live_archive.has_packages():
        logger.info("the editor of rules is left out: npm's packages are not in .node")
        return
    for name, data in {**app.live_files.result(), "later.js": later}.items():
        (target / name).parent.mkdir(parents=True, exist_ok=True)
        (target / name).write_bytes(data)


def setup(app):
    # when they come or go, pages that stand from the last build are made anew
    app.add_config_value("live_packages", live_archive.has_packages(), "env", types=[bool])
    app.add_directive("live-page", LivePage)
    app.connect("builder-inited", begin)
    app.connect("doctree-resolved", add_links)
    app.connect("html-page-context", add_script)
    app.connect(
        "build-finished", finish, priority=960
    )  # after classes of style sheets were counted
    return {"parallel_read_safe": True, "parallel_write_safe": True}
