"""dot_rows: each row has its estimates, the first row on top, and the digest has the means."""

import pytest
from matplotlib.text import Text

from optlab.experiments import Interval
from optlab.report import dot_rows, figure
from optlab.report.style import PALETTE

TEXT = {"caption": "Rows.", "alt": "Dots with intervals.", "name": "rows"}
ROWS = {"SGD": [Interval(3, 1, 5), Interval(4, 2, 6)], "Adam": [Interval(-1, -2, 0)]}


def drawn(rows, **more):
    def draw(ax):
        dot_rows(ax, rows, **more)
        drawn.ax = ax

    return figure(draw, **TEXT)


def test_the_digest_has_the_means():
    assert drawn(ROWS).digest.splitlines() == [
        "SGD: 2 points, x -0.1 to 0.1, y 3 … 4, min 3, max 4, mean 3.5",
        "Adam: 1 point, x 1 to 1, y -1",
    ]


def test_each_interval_spans_its_bounds_at_the_height_of_its_dot():
    drawn(ROWS)
    ends = [(line.get_xdata(), line.get_ydata()) for line in drawn.ax.lines]
    bars = [(list(x), y[0]) for x, y in ends if len(set(y)) == 1 and len(x) == 2]
    assert bars == [([1, 5], -0.1), ([2, 6], 0.1), ([-2, 0], 1)]


def test_the_first_row_is_on_top():
    drawn(ROWS)
    bottom, top = drawn.ax.get_ylim()
    assert top < 0 < 1 < bottom
    assert [tick.get_text() for tick in drawn.ax.get_yticklabels()] == ["SGD", "Adam"]


def test_colors_and_the_line_of_no_difference():
    drawn(ROWS, zero=0, colors={"Adam": 1})
    of = {line.get_label(): line.get_color() for line in drawn.ax.lines}
    assert (of["SGD"], of["Adam"]) == PALETTE[:2]
    assert list(drawn.ax.lines[0].get_xdata()) == [0, 0]
    assert "0 points" not in drawn(ROWS, zero=0).digest
    assert drawn(ROWS, zero=0).digest == drawn(ROWS).digest


@pytest.mark.parametrize(("rows", "told"), [({}, "no rows"), ({"SGD": []}, "no estimates of")])
def test_nothing_to_draw_is_refused(rows, told):
    with pytest.raises(ValueError, match=told):
        drawn(rows)


def test_a_title_begins_at_the_left_edge_and_heads_the_digest_of_a_panel():
    def titled(ax):
        dot_rows(ax, ROWS, title="Found")
        texts = [t for t in ax.figure.findobj(Text) if t.get_text() == "Found"]
        [seen] = [text for text in texts if text.get_visible()]
        assert seen.get_position()[0] == 0.01

    assert figure(titled, titled, **TEXT).digest.startswith("1. Found\nSGD")
