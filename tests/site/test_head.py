"""What a page tells search engines, previews, and a reader at its foot."""

import json
import re
import shutil
import struct
import subprocess
import sys
from pathlib import Path

import pytest

import optlab

ROOT = Path(__file__).parents[2]
ADDRESSED = [
    "address",
    "describe_pages",
    "not_found",
    "preview_image",
    "tidy_pages",
]  # extensions that use the address


def content(page, **attributes):
    tag = page.find("meta", attributes)
    return tag and tag["content"]


def described(pages):
    return {n: p for n, p in pages.items() if n not in ("search.html", "genindex.html", "404.html")}


def test_each_page_describes_itself_in_plain_text(pages):
    for name, page in described(pages).items():
        text = content(page, name="description")
        assert text, name
        assert 20 < len(text) <= 200, (name, text)
        assert not re.search(r"[\\$`{}\ufffd]|\*\*", text), (name, text)
        assert content(page, property="og:description") == text
        title = content(page, property="og:title")
        assert title in page.title.text
        assert title.casefold() in text.casefold(), (name, text)  # it names its subject


def test_each_page_says_when_and_from_what_it_was_made(pages):
    inside = (ROOT / ".git").exists()
    for name, page in described(pages).items():
        foot = page.select_one(".colophon").get_text(" ", strip=True)
        assert f"optlab {optlab.__version__}" in foot, name
        if inside and shutil.which("git"):
            assert re.search(r"commit [0-9a-f]{8}", foot), name


def test_without_a_public_address_nothing_points_to_one(site, pages):
    assert not (site / "sitemap.xml").exists()
    for name, page in pages.items():
        assert not page.find("link", rel="canonical"), name
        assert not page.find("meta", property="og:url"), name
        assert not page.find("meta", property="og:image"), name
        assert not page.select('a[href*="github.com//"], a[href*="/edit/"], a[href*="issues/new"]')


@pytest.mark.parametrize("base", ["", "https://books.example/optimizers/"])
def test_one_public_address_gives_the_rest(tmp_path, base):
    shutil.copytree(ROOT / "site/extensions", tmp_path / "ext")
    (tmp_path / "templates").mkdir()
    shutil.copy(ROOT / "site/templates/not-found.html", tmp_path / "templates")
    (tmp_path / "index.md").write_text("# A page\n\nOne sentence that says what it is about.\n")
    (tmp_path / "_toc.yml").write_text("format: jb-book\nroot: index\n")
    (tmp_path / "_config.yml").write_text(
        json.dumps(
            {
                "title": "A book",
                "repository": {"url": "https://github.com/owner/name/", "branch": "main"},
                "html": {"baseurl": base},
                "sphinx": {
                    "local_extensions": dict.fromkeys(ADDRESSED, "ext"),
                    "config": {"templates_path": ["templates"]},
                },
            }
        )
    )
    builder = Path(sys.executable).with_name("jupyter-book")
    subprocess.run([builder, "build", tmp_path], check=True, capture_output=True)
    html = (tmp_path / "_build/html/index.html").read_text()
    root = "/optimizers/" if base else "/name/"
    assert f'href="{root}index.html"' in (tmp_path / "_build/html/404.html").read_text()
    where = f"{base or 'https://owner.github.io/name/'}index.html"
    assert f'<link rel="canonical" href="{where}" />' in html
    assert f'<meta property="og:url" content="{where}">' in html
    picture = f"{where.removesuffix('index.html')}_static/preview.png"
    assert f'<meta property="og:image" content="{picture}">' in html
    png = (tmp_path / "_build/html/_static/preview.png").read_bytes()
    assert png[:8] == b"\x89PNG\r\n\x1a\n"
    assert struct.unpack(">II", png[16:24]) == (1200, 630)
    assert f"<loc>{where}</loc>" in (tmp_path / "_build/html/sitemap.xml").read_text()
    for place in ("/edit/main/index.md", "/issues/new?title="):
        assert f"https://github.com/owner/name{place}" in html
