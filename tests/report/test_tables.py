"""table: text in columns, HTML with headers, and the best value marked where it is known."""

import pytest
from bs4 import BeautifulSoup

from optlab.report import table

COLUMNS = ["method", "rate", "error"]
ROWS = [["Adam", 0.01, (4.71, 3.8, 5.5)], ["A < B", 0.1, (4.3, 3.9, 4.6)], ["none", None, "–"]]


def test_text_stands_in_columns_and_marks_the_best():
    assert repr(table(COLUMNS, ROWS, best={"error": "least"}, caption="Of ten seeds")).split(
        "\n"
    ) == [
        "Of ten seeds",
        "method    rate                error",
        "Adam    0.0100    4.71 [3.80, 5.50]",
        "A < B    0.100  4.30 [3.90, 4.60] *",
        "none                              –",
    ]


def test_html_has_headers_and_a_marked_best():
    html = table(COLUMNS, ROWS, best={"error": "least"})._repr_html_()
    page = BeautifulSoup(html, "html.parser")
    assert [th.get_text() for th in page.select("thead th[scope=col]")] == COLUMNS
    assert [th.get_text() for th in page.select("tbody th[scope=row]")] == ["Adam", "A < B", "none"]
    assert [s.get_text() for s in page.select("strong")] == ["4.30 [3.90, 4.60]"]
    assert page.select_one("td strong").parent["data-column"] == "error"


@pytest.mark.parametrize(
    ("values", "which", "expected"),
    [
        ([3, 1, 2], "least", {1}),
        ([3, 1, 2], "greatest", {0}),
        ([0.12341, 0.12342, 1], "least", {0, 1}),  # the same, as shown
        ([float("nan"), 2.0, float("-inf")], "least", {1}),
        (["n/a", -5, None], "greatest", {1}),
    ],
)
def test_the_best(values, which, expected):
    made = table(["a", "b"], [["x", v] for v in values], best={"b": which})
    assert {i for i, _ in made.best} == expected


@pytest.mark.parametrize(
    ("rows", "best", "words"),
    [
        ([["x"]], None, "1 values for 2 columns"),
        ([["x", 1]], {"c": "least"}, "no column 'c'"),
        ([["x", 1]], {"b": "lowest"}, "'least' or 'greatest'"),
        ([["x", "y"]], {"b": "least"}, "no numbers"),
    ],
)
def test_what_a_table_refuses(rows, best, words):
    with pytest.raises(ValueError, match=words):
        table(["a", "b"], rows, best=best)
