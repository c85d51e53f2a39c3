"""Previews of references: what they show, how they come and go, and what they cost."""

import json
import re
import sys
from pathlib import Path

import pytest

sys.path.append(str(Path(__file__).parents[2] / "site/extensions"))

import previews

CHAPTER = "notebooks/06-weight-decay.html"
BOX = "#preview"
SHIFT = """() => new Promise((done) => {
  let sum = 0;
  new PerformanceObserver((list) => {
    for (const entry of list.getEntries()) sum += entry.value;
  }).observe({ type: "layout-shift", buffered: true });
  requestAnimationFrame(() => setTimeout(() => done(sum), 100));
})"""


@pytest.fixture
def chapter(window, address):
    page = window(1280).new_page()
    wrong = []
    page.on("pageerror", lambda error: wrong.append(str(error)))
    page.on("console", lambda message: message.type == "error" and wrong.append(message.text))
    page.goto(f"{address}/{CHAPTER}")
    yield page
    page.close()
    assert not wrong


def reference(page, href):
    """A reference whose address has this, scrolled to where there is room."""
    link = page.locator(f'main a.reference.internal[href*="{href}"]:visible').first
    link.evaluate("it => it.scrollIntoView({ block: 'center', behavior: 'instant' })")
    return link


def test_an_element_is_found_whole_and_moves_with_its_links():
    html = (
        '<div class="x" id="other"></div><div class="proof lemma" id="lem-a"><p id="p">A '
        '<a href="#b">b</a> <a href="../book/c.html#d">d</a> <a href="https://e.f/">e</a>'
        '<div>in</div></p></div><div id="after"></div>'
    )
    part = previews.element(html, "lem-a")
    assert part.startswith('<div class="proof')
    assert part.endswith("<div>in</div></p></div>")
    assert previews.element(html, "lem") is None
    assert previews.is_previewed(part)
    assert not previews.is_previewed(previews.element(html, "other"))
    moved = previews.moved(part, "notebooks/x.html", "book/api/y.html")
    assert re.findall(r'href="([^"]*)"', moved) == [
        "../../notebooks/x.html#b",
        "../c.html#d",
        "https://e.f/",
    ]
    assert " id=" not in moved


def test_a_heavy_figure_leaves_its_caption():
    picture = f"<svg>{'<path/>' * previews.HEAVIEST}</svg>"
    figure = f'<figure class="optlab-figure" id="f">{picture}<figcaption>What</figcaption></figure>'
    moved = previews.moved(figure, "a.html", "b.html")
    assert moved == '<figure class="optlab-figure"><figcaption>What</figcaption></figure>'


def test_a_picture_keeps_the_names_of_its_parts():
    picture = '<svg><path id="glyph"/><use href="#glyph"/></svg>'
    figure = f'<figure class="optlab-figure" id="f">{picture}<a href="#f">F</a>{picture}</figure>'
    assert previews.moved(figure, "a.html", "b.html") == (
        f'<figure class="optlab-figure">{picture}<a href="a.html#f">F</a>{picture}</figure>'
    )


def test_every_citation_and_statement_elsewhere_has_its_preview(site, pages):
    kinds, weights = set(), []
    places = {name: {tag["id"]: tag for tag in page.select("[id]")} for name, page in pages.items()}
    for name, page in pages.items():
        folder, *files = page.html.get("data-previews", "").split(" ")
        found = {}
        for file in files:
            text = (site / name).parent.joinpath(f"{folder}{file}.js").read_text("utf-8")
            found |= json.loads(text.removeprefix("bookPreviews(").removesuffix(");\n"))
            weights.append(len(text))
        for link in page.select("main a.reference.internal[href*='#']"):
            path, _, anchor = link["href"].partition("#")
            other = (site / name).parent.joinpath(path).resolve()
            there = path and places[other.relative_to(site.resolve()).as_posix()].get(anchor)
            if there and previews.PREVIEWED & set(there.get("class", [])):
                kinds |= previews.PREVIEWED & set(there["class"])
                assert link["href"] in found, (name, link["href"])
    assert {"citation", "proof"} <= kinds
    assert max(weights) < 250_000


def test_a_reference_shows_what_it_leads_to_under_the_pointer(chapter):
    link = reference(chapter, "#prop-")
    before = chapter.evaluate(SHIFT)
    link.hover()
    box = chapter.locator(BOX)
    box.wait_for()
    assert link.get_attribute("aria-describedby") == "preview"
    title = chapter.evaluate(
        "a => document.querySelector(a + ' .admonition-title').textContent.trim()",
        link.get_attribute("href"),
    )
    assert box.inner_text().startswith(title.split(" (")[0])
    assert chapter.evaluate("document.querySelectorAll('#preview [id]').length") == 0
    box.hover()  # it stays while the pointer is on it
    chapter.wait_for_timeout(400)
    assert box.is_visible()
    chapter.mouse.move(5, 5)
    box.wait_for(state="detached")
    assert link.get_attribute("aria-describedby") is None
    assert chapter.evaluate(SHIFT) == before


def test_by_keyboard_it_comes_with_the_focus_and_goes_with_escape(chapter):
    link = reference(chapter, "references.html#")
    chapter.keyboard.press("Tab")  # so that the keyboard is what is used
    link.focus()
    box = chapter.locator(BOX)
    box.wait_for()
    assert re.search(r"\b(19|20)\d\d\b", box.inner_text())
    chapter.keyboard.press("Escape")
    box.wait_for(state="detached")
    assert link.evaluate("it => it === document.activeElement")
    chapter.keyboard.press("Tab")
    chapter.keyboard.press("Shift+Tab")
    box.wait_for()
    room = chapter.evaluate("document.documentElement.clientWidth")
    placed = box.bounding_box()
    assert placed["x"] >= 0
    assert placed["x"] + placed["width"] <= room


def test_a_finger_gets_no_preview_and_nothing_is_loaded_for_it(browser, address):
    context = browser.new_context(viewport={"width": 390, "height": 844}, has_touch=True)
    page = context.new_page()
    asked = []
    page.on("request", lambda request: asked.append(request.url))
    page.goto(f"{address}/{CHAPTER}")
    link = reference(page, "#prop-")
    link.tap()
    page.wait_for_function("location.hash.startsWith('#prop-')")
    page.wait_for_timeout(400)
    assert page.locator(BOX).count() == 0
    assert not [url for url in asked if "/previews/" in url]
    context.close()


def test_a_page_that_is_opened_as_a_file_has_previews(window, site):
    page = window(1280).new_page()
    page.goto(f"file://{site / CHAPTER}")
    reference(page, "references.html#").hover()
    page.locator(BOX).wait_for()
    page.close()
