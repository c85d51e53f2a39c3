"""The home page: its numbers are counted, its tree is the data's, and it looks as it should."""

import re
import sys
from itertools import combinations, pairwise
from pathlib import Path
from types import SimpleNamespace

import pytest
import yaml

sys.path.append(str(Path(__file__).parents[2] / "site/extensions"))

import counts
import family_tree

from optlab.report.claims import load

ROOT = Path(__file__).parents[2]
HOME = "book/index.html"
FOUND = family_tree.methods(ROOT)
SIZES = [family_tree.WIDE, family_tree.NARROW]
CUT = """() => [...document.querySelectorAll('.family-tree svg')].flatMap((svg) =>
  [...svg.querySelectorAll('a')].filter((a) => {
    const [box, text] = [a.querySelector('rect').getBBox(), a.querySelector('text').getBBox()];
    return svg.clientWidth && (text.x < box.x || text.x + text.width > box.x + box.width
      || text.y < box.y || text.y + text.height > box.y + box.height);
  }).map((a) => a.textContent))"""
LETTERS = """() => [...document.querySelectorAll('.family-tree svg')]
  .filter((svg) => svg.clientWidth).map((svg) => [svg.getAttribute('class'), svg.getScreenCTM().a *
    parseFloat(getComputedStyle(svg.querySelector('tspan')).fontSize)])"""


def segments(points):
    return [(*a, *b) for a, b in pairwise(points)]


def test_what_is_counted_is_what_the_pages_show(pages):
    shown = {
        "statements": sum(
            card["id"] in load() for card in pages["book/ledger.html"].select(".ledger-entry")
        ),
        "figures": sum(len(p.select("main figure.optlab-figure")) for p in pages.values()),
        "exercises": sum(len(p.select("main .exercise.admonition")) for p in pages.values()),
        "chapters": sum(name.startswith("notebooks/") for name in pages),
        "sources": len(pages["book/references.html"].select(".citation")),
        "proofs": sum(len(p.select("main [class='proof admonition']")) for p in pages.values()),
    }
    counted = {name: counts.COUNTS[name](str(ROOT)) for name in shown}
    assert counted == shown
    text = pages[HOME].select_one("main").get_text(" ", strip=True)
    assert f"There are {shown['proofs']} proofs, and {shown['exercises']} exercises" in text
    assert f"{shown['figures']} figures" in text


def test_no_number_is_typed_on_the_home_page():
    text = (ROOT / "book/index.md").read_text("utf-8")
    prose = re.sub(
        r":{3}\{chapter-map\}.*?^:::|\]\([^)]*\)|`[^`]*`|:{3,}.*|\$[^$]*\$",
        "",
        text,
        flags=re.S | re.M,
    )
    assert re.findall(r"\b(?!27\b)\d+", prose) == []  # the lecture is Topic 27


def test_an_unknown_count_names_those_there_are():
    role = counts.Counted()
    role.text = role.rawtext = "chapter"
    role.lineno = 7
    said = []
    reporter = SimpleNamespace(error=lambda text, line: said.append((text, line)))
    role.inliner = SimpleNamespace(
        reporter=reporter,
        document=SimpleNamespace(settings=SimpleNamespace(env=SimpleNamespace(note_reread=int))),
    )
    role.run()
    [(text, line)] = said
    assert line == 7
    assert "'chapter'" in text
    assert "chapters" in text


def test_nobody_is_older_than_what_she_builds_on_and_rows_go_with_time():
    for method in FOUND.values():
        assert all(FOUND[p].row < method.row for p in method.parents), method.name
    for one, other in combinations(FOUND.values(), 2):
        assert (one.row - other.row) * (one.year - other.year) >= 0 or one.row == other.row


def test_a_tree_that_cannot_be_is_refused(tmp_path):
    (tmp_path / "book").mkdir()
    (tmp_path / "site").mkdir()
    (tmp_path / "book/references.bib").write_text((ROOT / "book/references.bib").read_text())
    entries = yaml.safe_load((ROOT / "site/family.yml").read_text())
    for change, complaint in (
        ({"from": ["Adamant"]}, "SGD builds on Adamant: not in it"),
        ({"from": ["Adam"]}, "SGD is older than what it builds on"),
    ):
        wrong = [{**e, **change} if e["name"] == "SGD" else e for e in entries]
        (tmp_path / "site/family.yml").write_text(yaml.safe_dump(wrong))
        with pytest.raises(ValueError, match=complaint):
            family_tree.methods(tmp_path)


@pytest.mark.parametrize("size", SIZES, ids=lambda size: size.name)
def test_lines_cross_no_box_and_lie_on_no_other_line(size):
    drawing = family_tree.Drawing(FOUND, size)
    for parent, child, points in drawing.lines:
        for x0, y0, x1, y1 in segments(points):
            assert x0 == x1 or y0 == y1
            for name, (left, top, right, bottom) in drawing.boxes.items():
                apart = max(x0, x1) <= left or min(x0, x1) >= right
                apart |= max(y0, y1) <= top or min(y0, y1) >= bottom
                assert apart, f"the line from {parent} to {child} crosses {name}"
    for (p, c, one), (q, d, other) in combinations(drawing.lines, 2):
        if p == q:
            continue
        for a, b in ((a, b) for a in segments(one) for b in segments(other)):
            for along, across in ((0, 1), (1, 0)):
                level = a[across] == a[across + 2] == b[across] == b[across + 2]
                spans = [sorted((s[along], s[along + 2])) for s in (a, b)]
                overlap = min(s[1] for s in spans) - max(s[0] for s in spans)
                assert not (level and overlap > 0), f"{p} to {c} lies on {q} to {d}"
    assert all(left >= 0 and right <= size.width for left, _, right, _ in drawing.boxes.values())


def test_every_chapter_on_an_algorithm_is_in_the_tree(pages):
    linked = {m.page for m in FOUND.values()}
    without = {"notebooks/06-weight-decay", "notebooks/15-choosing-an-optimizer"}
    chapters = {name.removesuffix(".html") for name in pages if name.startswith("notebooks/")}
    assert chapters - linked == without


@pytest.mark.parametrize(("width", "shown"), [(1280, "wide"), (390, "narrow")])
def test_the_tree_is_readable_and_its_texts_fit(window, address, width, shown):
    page = window(width).new_page()
    page.goto(f"{address}/{HOME}")
    [(name, letters)] = page.evaluate(LETTERS)
    assert name == f"family-{shown}"
    assert letters >= 11.8
    assert page.evaluate(CUT) == []
    page.get_by_role("link", name="Adam, 2015, chapter 3").click()
    page.wait_for_url("**/notebooks/03-adam.html")
    page.close()


def test_figures_and_exercises_are_listed_for_lecturers(pages):
    listed = {
        a["href"].split("/")[-1] for a in pages["book/lecturers.html"].select(".teaching-index a")
    }
    there = {
        f"{name.split('/')[-1]}#{tag['id']}"
        for name, page in pages.items()
        if name.startswith("notebooks/")
        for tag in page.select("main figure.optlab-figure, main .exercise.admonition")
    }
    assert listed == there
    texts = [a.get_text() for a in pages["book/lecturers.html"].select(".teaching-index a")]
    for name, page in pages.items():
        for number in page.select("main .figure-number"):
            assert number.get_text() in texts, name
