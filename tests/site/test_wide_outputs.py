"""Printed tables are not cut off on a desk, as long as letters can be read."""

import sys
from pathlib import Path

import pytest

EXTENSIONS = Path(__file__).parents[2] / "site/extensions"
sys.path.insert(0, str(EXTENSIONS))
from wide_outputs import FITS, SIZES, size  # noqa: E402

sys.path.remove(str(EXTENSIONS))

CUT = """most => [...document.querySelectorAll(".cell_output .output pre")]
  .filter((pre) => pre.scrollWidth > pre.clientWidth)
  .map((pre) => Math.max(...pre.textContent.split("\\n").map((line) => line.length)))
  .filter((longest) => longest <= most)"""


@pytest.mark.parametrize(
    ("longest", "found"),
    [
        (0, None),
        (FITS, None),
        (FITS + 1, "wide-84"),
        (84, "wide-84"),
        (85, "wide-91"),
        (SIZES[-1], "wide-99"),
        (200, "wide-99"),
    ],
)
def test_the_size_is_that_of_the_longest_line(longest, found):
    assert size(f"a\n{'x' * longest}\n") == found


@pytest.mark.parametrize("chapter", ["03-adam", "06-weight-decay", "08-adamwr"])
def test_no_printed_table_is_cut_off_on_a_desk(chapter, address, window):
    page = window(1280).new_page()
    page.goto(f"{address}/notebooks/{chapter}.html")
    page.evaluate("document.querySelectorAll('details').forEach((fold) => (fold.open = true))")
    assert page.evaluate(CUT, SIZES[-1]) == []
    page.close()
