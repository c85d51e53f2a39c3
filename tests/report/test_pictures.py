"""Pictures are compared: rounding does not count; colors, labels, marks and panels do."""

import re
from functools import cache, partial

import numpy as np
import pytest

from optlab.report import figure, heat_map
from optlab.report.pictures import differences

X = np.linspace(0, 3, 60)


def html(*panels, name="a-figure", **options):
    return figure(*panels, caption="c", alt="a", name=name, **options)._repr_html_()


def curve(color="#0072b2", label="loss", shift=0.0, marker="o", width=1.5, title="One", **more):
    def draw(ax):
        y = np.exp(-X) + shift
        ax.plot(X, y, color=color, marker=marker, markevery=20, linewidth=width, label=label)
        ax.set(xlabel="step", ylabel=more.get("ylabel", "value"), title=title)
        ax.legend()

    return draw


def bars(ax):
    ax.bar([1, 2, 3], [3, 2, 1])


@cache
def base():
    return html(curve(), bars)


# Drawn by the tests that compare them: to draw takes longer than all else that is collected.
@pytest.mark.parametrize(
    "other",
    [
        partial(html, curve(), bars),
        partial(html, curve(shift=1e-4), bars),
        partial(html, curve(color="#0174b1"), bars),
        lambda: re.sub(r' (x|y|height)="(\d+\.\d)\d', r' \1="\g<2>9', base()),
    ],
    ids=["the same", "data in the fourth digit", "a color in its last bits", "the last digits"],
)
def test_what_another_processor_may_do(other):
    assert differences(base(), other()) == []


OTHERS = {
    "color": partial(html, curve(color="#d55e00"), bars),
    "a color that is near": partial(html, curve(color="#1a82b2"), bars),
    "label": partial(html, curve(label="error"), bars),
    "label of an axis": partial(html, curve(ylabel="Value"), bars),
    "title": partial(html, curve(title="Two"), bars),
    "marker": partial(html, curve(marker="s"), bars),
    "no marker": partial(html, curve(marker=""), bars),
    "width": partial(html, curve(width=2.0), bars),
    "data": partial(html, curve(shift=0.5), bars),
    "panels": partial(html, bars, curve()),
    "a panel more": partial(html, curve(), bars, bars),
    "a panel less": partial(html, curve()),
    "nothing": str,
}


@pytest.mark.parametrize("what", OTHERS)
def test_what_a_reader_would_see(what):
    other = OTHERS[what]()
    [line] = differences(base(), other)[:1]
    assert line
    assert len(line) < 220
    assert differences(other, base())


def test_a_figure_of_runs_in_which_the_last_digits_grow_says_how_far_it_may_move():
    def heights(end, **options):
        return html(lambda ax: ax.set(ylim=(0, 1)) and ax.plot([0, 1], [0, end]), **options)

    stored = heights(0.5, points=20)
    assert differences(stored, heights(0.45, points=20)) == []
    assert differences(heights(0.5), heights(0.45))
    assert differences(stored, heights(0.3, points=20))  # more than it says
    assert differences(stored, heights(0.5))


def test_the_first_difference_is_named():
    [line] = differences(base(), html(curve(color="#d55e00"), bars))
    assert re.fullmatch(
        r"picture 1: element \d+ of \d+, path: its style stroke was #0072b2 and is #d55e00", line
    )


def test_a_line_may_be_drawn_through_other_points():
    path = "".join(f"L{x:.2f} {50 + 30 * np.sin(x / 20):.2f}" for x in np.arange(0, 200, 0.5))
    coarse = "".join(f"L{x:.2f} {50 + 30 * np.sin(x / 20):.2f}" for x in np.arange(0, 200, 2.0))
    moved = coarse.replace("L100.00 21.23", "L100.00 31.23")
    one, other, third = (f'<svg><path d="M{d[1:]}" /></svg>' for d in (path, coarse, moved))
    assert moved != coarse
    assert differences(one, other) == differences(other, one) == []
    assert differences(one, third)


def test_heat_maps():
    def mapped(values):
        rows = [0.5, 1, 2]
        return html(lambda ax: heat_map(ax, values, x=rows, y=rows, limits=(1, 10), label="loss"))

    values = np.arange(1.0, 10).reshape(3, 3)
    assert differences(mapped(values), mapped(values + 1e-6)) == []
    assert differences(mapped(values), mapped(values.T))
