"""What the files of the site say: links, pictures, headings."""

import re
from urllib.parse import unquote, urlsplit

OUTSIDE = re.compile(r"^(https?:)?//")


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
            if target.name in ("explorer.html", "live.html") and "=" in parts.fragment:
                continue  # settings, which the page reads
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
    for name in pages:
        text = (site / name).read_text()
        assert not re.search("thebe|jsdelivr|unpkg|cdnjs", text, re.I), name


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
