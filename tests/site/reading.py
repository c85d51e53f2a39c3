"""Every page in Chromium, with everything on it opened."""

import gzip
from functools import cache
from pathlib import Path

import yaml
from axe_playwright_python.sync_playwright import Axe

LOOK, THIN = (Path(__file__).with_name(name).read_text() for name in ("look.js", "thin.js"))
# preload: axe would fetch imported style sheets again, from the wrong folder.
AXE = {"resultTypes": ["violations"], "preload": False}
COLORS = ["color-contrast", "link-in-text-block"]  # the rules that a theme's colors can break
THEME = "document.documentElement.dataset.theme"
FIRST_VISIT, NEXT_VISIT = 700_000, 250_000  # bytes of a page, compressed as servers do
# A test for each page, so that their number makes pytest-xdist share them out.
_TOC = yaml.safe_load((Path(__file__).parents[2] / "_toc.yml").read_text())
_FILES = [_TOC["root"], *(c["file"] for part in _TOC["parts"] for c in part["chapters"])]
NAMES = [f"{file.removesuffix('.ipynb')}.html" for file in _FILES]
ALONE = "404.html"  # without the theme: has a test of its own
OTHERS = "those of no file"  # the index and the search page


@cache
def weight(path):
    """Bytes that a server sends for a file; fonts and pictures are compressed already."""
    data = path.read_bytes()
    return len(gzip.compress(data) if path.suffix in (".html", ".css", ".js", ".svg") else data)


def too_heavy(path, asked, site):
    """What is wrong with the weight of a page that asked for these files, at its opening."""
    first = sum(weight(site / name) for name in asked)
    shared = {name for name in asked if not name.endswith((".html", ".woff"))}
    again = sum(weight(site / name) for name in asked - shared)  # at most: fonts may be known
    return [
        f"{path} weighs {what / 1000:.0f} kB at {visit}"
        for what, limit, visit in ((first, FIRST_VISIT, "first"), (again, NEXT_VISIT, "later"))
        if what > limit
    ]


def violations(page, **options):
    """What axe finds seriously wrong, one line for each rule."""
    return [
        f"axe, {v['id']} in {len(v['nodes'])} places: {v['nodes'][0]['html'][:150]}"
        for v in Axe().run(page, options={**AXE, **options}).response["violations"]
        if v["impact"] in ("serious", "critical")
    ]


def trouble_on(name, pages, address, window, themes, site):
    """What is wrong with a page in that window, one line each.

    It is opened in the first theme and switched to the second, in which only colors differ.
    """
    page = window.new_page()
    trouble = []
    page.on("pageerror", lambda error: trouble.append(f"script error: {error}"))
    page.on(
        "console",
        lambda message: message.type == "error" and trouble.append(f"console: {message.text}"),
    )
    page.on("requestfailed", lambda request: trouble.append(f"request failed: {request.url}"))
    page.on(
        "response",
        lambda answer: answer.status >= 400 and trouble.append(f"{answer.status}: {answer.url}"),
    )
    asked = set()

    def note(request):
        if request.url.startswith(f"{address}/"):
            asked.add(request.url.removeprefix(f"{address}/").split("?")[0].split("#")[0])
        elif not request.url.startswith(("data:", "blob:")):
            trouble.append(f"asks another host: {request.url}")

    page.on("request", note)
    complaints = []
    for path in [p for p in pages if p not in (*NAMES, ALONE)] if name == OTHERS else [name]:
        asked.clear()
        page.emulate_media(color_scheme=themes[0])
        page.goto(f"{address}/{path}")
        assert page.evaluate(THEME) == themes[0]
        page.evaluate("window.MathJax && MathJax.startup && MathJax.startup.promise")
        page.evaluate("document.fonts.ready")
        trouble += too_heavy(path, asked, site)
        page.evaluate("document.querySelectorAll('details').forEach(d => { d.open = true })")
        page.evaluate("document.querySelectorAll('.toggle-button').forEach(b => b.click())")
        page.evaluate("document.fonts.ready")
        page.wait_for_timeout(50)  # for what watches the size of what has just been opened
        trouble += page.evaluate(LOOK)
        page.evaluate(THIN)
        trouble += violations(page)
        page.emulate_media(color_scheme=themes[1])
        page.locator(f"html[data-theme={themes[1]}]").wait_for(state="attached")
        trouble += [f"{themes[1]}: {what}" for what in violations(page, runOnly=COLORS)]
        complaints += [f"{path}: {what}" for what in trouble]
        trouble.clear()
    page.close()
    return complaints
