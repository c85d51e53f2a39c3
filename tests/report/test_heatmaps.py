"""heat_map: what is drawn is in the digest, and axes are labeled in powers of two."""

import pytest

from optlab.report import figure, heat_map, line_on_map
from optlab.report.heatmaps import power

TEXT = {"caption": "A map.", "alt": "A heat map.", "name": "map"}
VALUES = [[3.0, 2.0, 5.0], [4.0, float("nan"), 1.0]]


def drawn(values):
    def draw(ax):
        heat_map(ax, values, x=[0, 0.5, 1.0], y=[0.25, 0.5], limits=(1, 9), label="error")
        drawn.ticks = [t.get_text() for t in (*ax.get_xticklabels(), *ax.get_yticklabels())]
        drawn.lines, drawn.axes = list(ax.lines), len(ax.figure.axes)
        _, *marks = ax.collections
        drawn.rows, drawn.lowest = (mark.get_offsets().tolist() for mark in marks)

    return figure(draw, **TEXT)


def test_a_changed_cell_changes_the_digest():
    assert "value 3 … 1, min 1, max 5, mean 3, 1 not finite" in drawn(VALUES).digest
    other = [VALUES[0], [4.0, 7.0, 1.0]]
    assert drawn(other).digest != drawn(VALUES).digest


def test_the_lowest_is_marked_and_axes_are_powers_of_two():
    drawn(VALUES)
    assert drawn.lowest == [[2.5, 1.5]]
    assert drawn.rows == [[1.5, 0.5], [2.5, 1.5]]
    assert drawn.ticks == ["0", "2⁰", "2⁻²", "2⁻¹"]
    assert [power(x) for x in (0.001, 2**-13, 0.0)] == ["0.001", "2⁻¹³", "0"]


def test_values_of_another_shape_are_refused():
    with pytest.raises(ValueError, match="values must be 2 × 3, as y and x are; got"):
        drawn([[1.0, 2.0]])


def test_a_line_joins_the_lowest_of_rows_where_axes_are_numbers():
    drawn(VALUES)
    assert [line.get_xydata().tolist() for line in drawn.lines] == [drawn.rows]

    def named(ax):
        labels = {0: "a", 1: "b", 2: "c"}
        heat_map(ax, VALUES, x=[0, 1, 2], y=[0, 1], limits=(1, 9), label="e", named=labels.get)
        assert not ax.lines

    figure(named, **TEXT)


def test_without_marks_and_bar():
    def bare(ax):
        heat_map(
            ax, VALUES, x=[1, 2, 4], y=[1, 2], limits=(1, 9), label="e", marks=False, bar=False
        )
        assert (len(ax.collections), len(ax.figure.axes)) == (1, 1)
        line_on_map(ax, [0.5, 1.5], [0.5, 1.5], label="edge")

    assert "edge: 2 points" in figure(bare, **TEXT).digest
    drawn(VALUES)
    assert drawn.axes == 2
