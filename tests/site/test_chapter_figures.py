"""Figures of chapters: a number and a link, the column's width, their numbers, what is saved."""

import csv
import io
import re
import sys
from pathlib import Path

import pytest
from bs4 import BeautifulSoup
from reading import DESK, PHONE

sys.path.insert(0, str(Path(__file__).parents[2] / "site/extensions"))
from chapter_figures import rows, table

LEAST = 12  # pixels of lettering on a phone
LETTERS = 9.7  # points of a panel: optlab.report.style


def chapters(pages):
    return {name: page for name, page in pages.items() if name.startswith("notebooks/")}


@pytest.mark.parametrize(
    ("line", "label", "cells"),
    [
        (
            "β₂ = 0.9: 50 points, x 1 to 5e+03, y 0.3 … 1, min 0.3, max 1.2, mean 0.8",
            "β₂ = 0.9",
            ["50", "1", "5e+03", "0.3", "1", "0.3", "1.2", "0.8"],
        ),
        ("line 2: 1 point, x 0 to 0, y 3", "curve 2", ["1", "0", "0"] + ["3"] * 5),
        ("a: b: 2 points, x 0 to 1, y 3", "a: b", ["2", "0", "1"] + ["3"] * 5),
        ("collection 1: 0 points", "marks 1", ["0"] + [""] * 7),
        ("image 1: 2 × 3, value 1 … 2, min 1, max 2, mean 1.5", "map 1, color", None),
        ("shape 4: 2 points, x 0 to 1, y nowhere finite", "area 4", ["2", "0", "1"] + [""] * 5),
    ],
)
def test_a_line_of_the_digest_becomes_a_row(line, label, cells):
    [(name, found)] = rows(line)
    assert name == label
    if cells is not None:
        assert found == cells


def test_colors_and_arrows_have_rows_of_their_own_and_nothing_is_lost():
    found = rows("1. Ball\nstarts: 2 points, x 0 to 1, y 3, value 5\n2.\nwhat is this")
    assert [name for name, _ in found] == [
        "Panel 1: Ball",
        "starts",
        "starts, color",
        "Panel 2",
        "what is this",
    ]
    html = table("1. A &lt; B\na: 1 point, x -1 to 0, y 3")
    text = BeautifulSoup(html, "html.parser").get_text(" ")
    assert "Panel 1: A < B" in text
    assert "−1" in text


def test_figures_are_numbered_by_chapter(pages):
    count = 0
    for name, page in chapters(pages).items():
        chapter = int(re.search(r"\d+", name)[0])
        figures = page.select("figure.optlab-figure")
        for k, figure in enumerate(figures, start=1):
            link = figure.select_one("figcaption > .figure-number")
            assert link.get_text() == f"Figure {chapter}.{k}"
            assert link["href"] == f"#{figure['id']}"
            assert f"Figure {chapter}.{k}." in figure.select_one(".figure-cite").get_text()
            count += 1
    assert count > 50


def test_the_numbers_of_a_figure_are_folded_and_in_its_words(pages):
    for name, page in chapters(pages).items():
        assert not page.select(".optlab-digest"), name
        for figure in page.select("figure.optlab-figure"):
            fold = figure.select_one("details.figure-numbers")
            assert fold.summary.get_text() == "Numbers in this figure"
            assert not fold.has_attr("open")
            assert len(fold.select("tbody td")) >= 8, figure["id"]
            assert not re.search(r"collection \d|line \d|image \d", fold.get_text()), figure["id"]


@pytest.mark.parametrize("width", [DESK, PHONE])
def test_figures_have_the_width_and_letters_that_are_read(window, address, pages, width, visits):
    wrong, measured = [], []
    for name in chapters(pages):
        for figure, column, panels, sizes in visits.of(name, width, window, address)["figures"]:
            measured.append(figure)
            if panels < column - 1:
                wrong.append(f"{figure}: {panels} of {column} px")
            small = min(LETTERS * shown / drawn for shown, drawn in sizes)
            if width == PHONE and small < LEAST:
                wrong.append(f"{figure}: letters of {small:.1f} px")
    assert not wrong
    there = [f["id"] for page in pages.values() for f in page.select("figure.optlab-figure")]
    assert sorted(measured) == sorted(there)


def saved(tab, figure, kind):
    with tab.expect_download() as download:
        figure.locator(f"[data-save={kind}]").click()
    assert download.value.suggested_filename == f"{figure.get_attribute('id')}.{kind}"
    return Path(download.value.path()).read_bytes()


def test_a_figure_is_saved(browser, address):
    context = browser.new_context(accept_downloads=True, color_scheme="dark")
    tab = context.new_page()
    wrong = []
    tab.on("console", lambda m: m.type == "error" and wrong.append(m.text))
    tab.on("pageerror", lambda error: wrong.append(str(error)))
    tab.goto(f"{address}/notebooks/03-adam.html")
    figure = tab.locator("#fig-adam-loss-against-rate")  # of two panels
    figure.locator(".figure-menu > summary").click()
    svg = saved(tab, figure, "svg").decode()
    assert svg.count("<svg") == 3
    assert re.search(r'^<svg[^>]*\bcolor="rgb\(', svg)  # the ink of the page as it is
    assert saved(tab, figure, "png")[:4] == b"\x89PNG"
    lines = list(csv.reader(io.StringIO(saved(tab, figure, "csv").decode("utf-8-sig"))))
    assert lines[0][0] == "Curve"
    assert all(float(cell) is not None for line in lines for cell in line[1:2] if cell.isdigit())
    assert any(len(line) == 9 and float(line[6]) < float(line[7]) for line in lines[1:])
    link = figure.locator(".figure-address")
    assert link.inner_text() == f"{address}/notebooks/03-adam.html#{figure.get_attribute('id')}"
    context.close()
    assert not wrong


def test_every_letter_of_a_saved_picture_is_in_it(browser, address):
    tab = browser.new_page(accept_downloads=True)
    tab.goto(f"{address}/notebooks/05-amsgrad.html")
    figures = tab.locator("figure.optlab-figure:has([data-save=svg])")
    assert figures.count() > 5
    for k in (1, figures.count() - 1):
        with tab.expect_download() as download:
            figures.nth(k).locator("[data-save=svg]").evaluate("button => button.click()")
        text = Path(download.value.path()).read_text()
        asked = set(re.findall(r'href="#([^"]+)"', text))
        assert len(asked) > 10
        assert asked <= set(re.findall(r'\bid="([^"]+)"', text))
    tab.close()
