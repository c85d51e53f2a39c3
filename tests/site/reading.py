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
WIDTHS = (1280, 768, 360)  # of a desk, a tablet and a small phone
# After a change of width or theme: what would slide or fade is there at once, and what watches
# sizes has been told of them.
SETTLE = """async () => {
  const frame = () => new Promise((done) => requestAnimationFrame(() => setTimeout(done)));
  await frame();
  document.getAnimations().forEach((animation) => animation.finish());
  await frame();
}"""
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
    axe = Axe("") if page.evaluate("'axe' in window") else Axe()  # its script is long
    return [
        f"axe, {v['id']} in {len(v['nodes'])} places: {v['nodes'][0]['html'][:150]}"
        for v in axe.run(page, options={**AXE, **options}).response["violations"]
        if v["impact"] in ("serious", "critical")
    ]


def trouble_on(name, address, window, site):
    """What is wrong with a page, one line each.

    It is opened once, in a window that then takes each width, in both themes. These differ in
    colors only, and none depends on the width between that of a phone and a desk.
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

    def take(width, theme="dark"):
        page.set_viewport_size({"width": width, "height": 900})
        page.emulate_media(color_scheme=theme)
        page.locator(f"html[data-theme={theme}]").wait_for(state="attached")
        page.evaluate(SETTLE)

    page.on("request", note)
    complaints = []
    for path in others(site) if name == OTHERS else [name]:
        asked.clear()
        page.emulate_media(color_scheme="dark")  # what the page must find out for itself
        page.goto(f"{address}/{path}")
        assert page.evaluate(THEME) == "dark"
        page.evaluate("window.MathJax && MathJax.startup && MathJax.startup.promise")
        page.evaluate("document.fonts.ready")
        trouble += too_heavy(path, asked, site)
        page.evaluate("document.querySelectorAll('details').forEach(d => { d.open = true })")
        page.evaluate("document.querySelectorAll('.toggle-button').forEach(b => b.click())")
        page.evaluate("document.fonts.ready")
        for width in WIDTHS:
            take(width)
            trouble += [f"{width} px: {what}" for what in page.evaluate(LOOK)]
        page.evaluate(THIN)
        for width in reversed(WIDTHS):
            take(width)
            trouble += [f"{width} px: {what}" for what in violations(page)]
            if width != 768:
                take(width, "light")
                found = violations(page, runOnly=COLORS)
                trouble += [f"{width} px, light: {what}" for what in found]
        complaints += [f"{path}: {what}" for what in trouble]
        trouble.clear()
    page.close()
    return complaints


def others(site):
    """The pages that come from no file of the book."""
    for path in sorted(site.rglob("*.html")):
        name = path.relative_to(site).as_posix()
        if "_static" not in path.parts and name not in (*NAMES, ALONE, "index.html"):
            yield name
