"""Every page in Chromium, with everything on it opened."""

import gzip
import json
import os
from functools import cache
from pathlib import Path

import yaml
from axe_playwright_python.sync_playwright import Axe

LOOK, FITS, THIN, COLORS_OF, ONE_OF_EACH = (
    Path(__file__).with_name(f"{name}.js").read_text()
    for name in ("look", "fits", "thin", "colors", "one_of_each")
)
# preload: axe would fetch imported style sheets again, from the wrong folder.
AXE = {"resultTypes": ["violations"], "preload": False}
COLORS = ["color-contrast", "link-in-text-block"]  # the rules that a theme's colors can break
ALL_BUT_COLORS = {rule: {"enabled": False} for rule in COLORS}
THEME = "document.documentElement.dataset.theme"
WIDTHS = (1280, 768, 360)  # of a desk, a tablet and a small phone
DESK, ENDS, PHONE = 1280, (360, 1280), 390
# After a change of width or theme: what would slide or fade is there at once, and what watches
# sizes has been told of them.
SETTLE = """async (theme) => {
  const frame = () => new Promise((done) => requestAnimationFrame(() => setTimeout(done)));
  do await frame(); while (document.documentElement.dataset.theme !== theme);
  document.getAnimations().forEach((animation) => animation.finish());
  await frame();
}"""
# How high the first heading stands, of the text that is there at first.
TOP = "document.querySelector('article h2')?.getBoundingClientRect().top"
# Of each figure: its id, the widths of the column, of its panels together, and of each, as shown
# and as drawn.
FIGURES = """() => [...document.querySelectorAll(".cell .optlab-figure")].map((figure) => {
  const column = figure.closest(".cell").parentElement.getBoundingClientRect().width;
  const panels = [...figure.querySelectorAll(".figure-panel > svg")];
  const sizes = panels.map((p) => [p.getBoundingClientRect().width, p.viewBox.baseVal.width]);
  return [figure.id, column, figure.querySelector(".figure-panels").clientWidth, sizes];
})"""
# Of each picture, the letters that it asks for and the page does not have.
LETTERS = """() => [...document.querySelectorAll("svg")].flatMap((picture) => {
  const uses = [...picture.querySelectorAll("use")];
  const asked = uses.map((use) => use.getAttribute("href").slice(1));
  const missing = asked.filter((id) => !document.getElementById(id));
  const where = picture.closest("[id]")?.id;
  return missing.length ? [`${missing.length} letters are missing in ${where}`] : [];
})"""
FIRST_VISIT, NEXT_VISIT = 450_000, 250_000  # bytes of a page, compressed as servers do
# A test for each page, so that their number makes pytest-xdist share them out.
_TOC = yaml.safe_load((Path(__file__).parents[2] / "_toc.yml").read_text())
_FILES = [_TOC["root"], *(c["file"] for part in _TOC["parts"] for c in part["chapters"])]
NAMES = [f"{file.removesuffix('.ipynb')}.html" for file in _FILES]
ALONE = "404.html"  # without the theme: has a test of its own
OTHERS = "those of no file"  # the index and the search page
# Of each folder the first page: what is around the text is on all of them the same.
SAMPLES = {name.rpartition("/")[0]: name for name in reversed(NAMES)}.values()


class Visits:
    """What was measured of pages as they opened, on a desk and on a phone.

    Each opening takes two seconds of a core. So tests that open a page for another reason measure
    this in passing, and keep it in a folder that all processes of a run share.
    """

    def __init__(self, folder):
        self.folder = folder

    def _file(self, name, width):
        return self.folder / f"{width}-{name.replace('/', '-')}.json"

    def open(self, page, address, name, width):
        """Open a page of this width, measure and keep it."""
        page.goto(f"{address}/{name}", wait_until="domcontentloaded")
        self.keep(page, name, width)

    def keep(self, page, name, width):
        """Measure and keep a page whose text has just come; return when it has loaded."""
        assert page.evaluate("innerWidth") == width
        found = {"top": page.evaluate(TOP)}
        page.wait_for_load_state("load")
        found["figures"] = page.evaluate(FIGURES)
        kept = self._file(name, width)
        part = kept.with_suffix(f".{os.getpid()}")
        part.write_text(json.dumps(found))
        part.replace(kept)

    def of(self, name, width, window, address):
        """What was measured of a page; if it was not opened yet, it is now."""
        kept = self._file(name, width)
        if not kept.exists():
            page = window(width).new_page()
            self.open(page, address, name, width)
            page.close()
        return json.loads(kept.read_text())


@cache
def weight(path):
    """Bytes that a server sends for a file; fonts and pictures are compressed already."""
    data = path.read_bytes()
    return len(gzip.compress(data) if path.suffix in (".html", ".css", ".js", ".svg") else data)


def too_heavy(path, asked, site):
    """What is wrong with the weight of a page that asked for these files, at its opening."""
    first = sum(weight(site / name) for name in asked)
    own = {name for name in asked if name.endswith(".html") or "/formulas/" in name}
    again = sum(weight(site / name) for name in own)  # at most: fonts may be known
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


def trouble_on(name, address, window, site, visits):
    """What is wrong with a page, one line each.

    It is opened once, in a window that then takes each width, in both themes. These differ in
    colors only. What axe takes longest for is the contrast of texts: of those that look alike at
    each width and in both themes it is given one, and on a phone none if all look as on a desk.
    In a tablet's width it reads the samples, and of these each width in both themes.
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
        page.evaluate(SETTLE, theme)

    page.on("request", note)
    complaints = []
    for path in others(site) if name == OTHERS else [name]:
        asked.clear()
        page.emulate_media(color_scheme="dark")  # what the page must find out for itself
        page.set_viewport_size({"width": DESK, "height": 900})
        visits.open(page, address, path, DESK)
        assert page.evaluate(THEME) == "dark"
        page.evaluate("document.fonts.ready")
        trouble += too_heavy(path, asked, site)
        page.evaluate("document.querySelectorAll('details').forEach(d => { d.open = true })")
        page.evaluate("document.querySelectorAll('.toggle-button').forEach(b => b.click())")
        page.evaluate("document.fonts.ready")
        trouble += page.evaluate(LOOK)
        for width in WIDTHS:
            take(width)
            trouble += [f"{width} px: {what}" for what in page.evaluate(FITS)]
        trouble += page.evaluate(LETTERS)
        page.evaluate(THIN)
        looks = {}
        for width in reversed(WIDTHS) if path in SAMPLES else ENDS:
            take(width)
            found = violations(page, rules=ALL_BUT_COLORS)
            trouble += [f"{width} px: {what}" for what in found]
            looks[width, "dark"] = set(page.evaluate(COLORS_OF))
            take(width, "light")
            looks[width, "light"] = set(page.evaluate(COLORS_OF))
        page.evaluate(ONE_OF_EACH)
        for width, theme in sorted(looks, reverse=True):
            if path in SAMPLES or width == DESK or not looks[width, theme] <= looks[DESK, theme]:
                take(width, theme)
                found = violations(page, runOnly=COLORS)
                trouble += [f"{width} px, {theme}: {what}" for what in found]
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
