"""The site as a reader meets it: links, figures, and every page in Chromium.

One file, so that one worker builds the site once.
"""

import re
from pathlib import Path
from urllib.parse import unquote, urlsplit

import pytest
from bs4 import BeautifulSoup

LOOK, THIN = (Path(__file__).with_name(name).read_text() for name in ("look.js", "thin.js"))
OUTSIDE = re.compile(r"^(https?:)?//")
# preload: axe would fetch imported style sheets again, from the wrong folder.
AXE = {"resultTypes": ["violations"], "preload": False}
VIEWS = [(width, theme) for width in (1280, 390) for theme in ("light", "dark")]


@pytest.fixture(scope="session")
def pages(site):
    """Path relative to the site, and parsed page, of every page but the redirect at the root."""
    parsed = {
        path.relative_to(site).as_posix(): BeautifulSoup(path.read_text(), "html.parser")
        for path in sorted(site.rglob("*.html"))
        if "_static" not in path.parts
    }
    redirect = parsed.pop("index.html")
    assert "book/index.html" in str(redirect.find("meta", {"http-equiv": "Refresh"}))
    assert len(parsed) >= 7
    return parsed


def test_internal_links_resolve(site, pages):
    places = {name: {tag["id"] for tag in page.find_all(id=True)} for name, page in pages.items()}
    broken = []
    for name, page in pages.items():
        for tag in page.find_all(True):
            link = tag.get("href") or tag.get("src")
            if not link or OUTSIDE.match(link) or link.startswith(("mailto:", "data:")):
                continue
            parts = urlsplit(link)
            target = (site / name).parent / unquote(parts.path) if parts.path else site / name
            if not target.is_file():
                broken.append(f"{name}: {link}")
                continue
            there = places.get(target.resolve().relative_to(site.resolve()).as_posix())
            if parts.fragment and there is not None and unquote(parts.fragment) not in there:
                broken.append(f"{name}: {link} (no such place on the page)")
    assert not broken


def test_nothing_is_loaded_from_another_host(site, pages):
    loaded = [
        f"{name}: {tag.get('src') or tag.get('href')}"
        for name, page in pages.items()
        for tag in page.find_all(["script", "link", "img", "iframe", "source"])
        if OUTSIDE.match(tag.get("src") or tag.get("href") or "")
    ]
    assert not loaded
    for name, page in pages.items():
        assert not re.search("thebe|jsdelivr|unpkg|cdnjs", str(page), re.I), name


def test_every_picture_has_a_text(pages):
    silent = [
        f"{name}: {str(picture)[:100]}"
        for name, page in pages.items()
        for picture in page.select("main img, main svg")
        if picture.get("aria-hidden") != "true"
        and not (picture.get("alt") or "").strip()
        and not any(
            (tag.get("aria-label") or "").strip() for tag in [picture, *picture.find_parents()][:4]
        )
    ]
    assert not silent


def test_each_page_has_one_heading_of_the_first_level(pages):
    # The theme repeats the title in a part that only a printer sees.
    counts = {name: len(page.select("h1:not(.onlyprint *)")) for name, page in pages.items()}
    assert {n: c for n, c in counts.items() if c != 1} == {}


@pytest.mark.parametrize(("width", "theme"), VIEWS)
def test_every_page_reads_well(browser, address, pages, width, theme):
    from axe_playwright_python.sync_playwright import Axe

    axe = Axe()
    context = browser.new_context(
        viewport={"width": width, "height": 900}, color_scheme=theme, reduced_motion="reduce"
    )
    page = context.new_page()
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
    page.on(
        "request",
        lambda request: (
            request.url.startswith((address, "data:", "blob:"))
            or trouble.append(f"asks another host: {request.url}")
        ),
    )
    complaints = []
    for name in pages:
        page.goto(f"{address}/{name}")
        assert page.evaluate("document.documentElement.dataset.theme") == theme
        page.evaluate("window.MathJax && MathJax.startup && MathJax.startup.promise")
        page.evaluate("document.querySelectorAll('details').forEach(d => { d.open = true })")
        page.evaluate("document.querySelectorAll('.toggle-button').forEach(b => b.click())")
        page.evaluate("document.fonts.ready")
        page.wait_for_timeout(50)  # for what watches the size of what has just been opened
        trouble += page.evaluate(LOOK)
        page.evaluate(THIN)
        violations = axe.run(page, options=AXE).response["violations"]
        trouble += [
            f"axe, {v['id']} in {len(v['nodes'])} places: {v['nodes'][0]['html'][:150]}"
            for v in violations
            if v["impact"] in ("serious", "critical")
        ]
        complaints += [f"{name}: {what}" for what in trouble]
        trouble.clear()
    context.close()
    assert not complaints, "\n".join(complaints)
