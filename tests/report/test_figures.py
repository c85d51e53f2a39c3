"""figure: the digest says what was plotted; the HTML stands in any page; the bytes do not vary."""

import os
import re
import subprocess
import sys
import xml.etree.ElementTree as ET

import numpy as np
import pytest

from optlab.report import figure, label_lines, reference_slope
from optlab.report.style import SAMPLE

X = np.arange(1, 101)
TEXT = {"caption": "Two <curves> fall.", "alt": 'Log-log "plot".', "name": "loss"}


def curves(ax, factor=1.0):
    ax.loglog(X, factor / X, label="measured")
    ax.loglog(X, 3 / X, label="bound")
    reference_slope(ax, -1, through=(1, 2))
    ax.set(xlabel="T", ylabel="loss", title="Unit ball")
    label_lines(ax)


def digest(*panels, **options):
    return figure(*panels, **{**TEXT, **options}).digest


def test_the_digest_of_lines():
    assert digest(curves).splitlines() == [
        "measured: 100 points, x 1 to 100, y 1 … 0.01, min 0.01, max 1, mean 0.0519",
        "bound: 100 points, x 1 to 100, y 3 … 0.03, min 0.03, max 3, mean 0.156",
        "slope -1: 2 points, x 1 to 100, y 2 … 0.02, min 0.02, max 2, mean 1.01",
    ]


def test_a_changed_curve_changes_the_text_that_is_compared():
    one, other = (figure(lambda ax, f=f: curves(ax, f), **TEXT) for f in (1, 1.01))
    assert repr(one) != repr(other)
    assert "1.01" in other._repr_html_()


def grid():
    return np.meshgrid(np.linspace(-1, 1, 5), np.linspace(-1, 1, 5))


@pytest.mark.parametrize(
    ("draw", "expected"),
    [
        (lambda ax, k: ax.scatter([1, 2, 3], [k, 5, 6], c=[0, 1, 2]), "collection 1: 3 points"),
        (lambda ax, k: ax.scatter([0], [0], c=[k]), "value"),
        (lambda ax, k: ax.bar(["a", "b"], [1, k], label="n"), "n: 2 points, x 0 to 1, y 1 … "),
        (lambda ax, k: ax.barh(["a", "b"], [1, k]), "bars 1: 2 points, x 0 to 1, y 1 … "),
        (lambda ax, k: ax.hist([1, 2, 2, 2 + k]), "bars 1: 10 points"),
        (lambda ax, k: ax.fill_between([1, 2], [0, 0], [1, k], label="ci"), "ci: "),
        (lambda ax, k: ax.errorbar([1, 2], [1, 2], yerr=[1, k]), "collection 1: "),
        (lambda ax, k: ax.imshow([[1, 2, 3], [4, 5, k]]), "image 1: 2 × 3, value 1 … "),
        (lambda ax, k: ax.pcolormesh([[1, 2], [4, k]]), "value 1 … "),
        (lambda ax, k: ax.contour(*grid(), k * grid()[0] ** 2), "collection 1: "),
        (lambda ax, k: ax.quiver([0, 1], [0, 1], [1, 1], [1, k]), "v 1 … "),
        (lambda ax, k: ax.axhline(k, label="limit"), "limit: 2 points, x 0 to 1, y "),
        (lambda ax, k: (ax.plot([1, 2]), ax.axvspan(0, k)), "shape 1: "),
        (lambda ax, k: ax.step([1, 2, 3], [1, k, 3]), "line 1: 3 points"),
    ],
)
def test_every_kind_of_drawing_is_in_the_digest(draw, expected):
    one, other = (digest(lambda ax, k=k: draw(ax, k)) for k in (7, 7.5))
    assert expected in one
    assert one != other


def test_rounding_noise_prints_as_zero():
    assert digest(lambda ax: ax.plot([0, 1], [1e-17, -3e-16])) == "line 1: 2 points, x 0 to 1, y 0"


def test_values_that_are_not_finite_are_counted():
    text = digest(lambda ax: ax.plot([0, 1, 2], [1, np.nan, np.inf]))
    assert text == "line 1: 3 points, x 0 to 2, y 1 … inf, min 1, max 1, mean 1, 2 not finite"


def test_digits_can_be_asked_for():
    line = "line 1: 2 points, x 0 to 1, y 1.2346 … 12346, min 1.2346, max 12346, mean 6173.6"
    assert digest(lambda ax: ax.plot([1.23456, 12345.9]), digits=5) == line


def test_the_page_gets_a_described_figure_with_its_own_ids():
    html = figure(curves, curves, **TEXT)._repr_html_()
    assert html.count("<svg ") == html.count('aria-hidden="true"') == 2
    assert 'role="img" aria-label="Log-log &quot;plot&quot;."' in html
    assert "Two &lt;curves&gt; fall." in html
    page = ET.fromstring(html)
    ids = [e.get("id") for e in page.iter() if e.get("id")]
    assert len(ids) == len(set(ids))
    used = set(re.findall(r'(?:url\(|href=")#([^)"]+)', html))
    assert used
    assert used < set(ids)
    assert set(ids) - used == {"loss"}


def test_the_ink_is_the_pages_and_nothing_rules_the_page():
    html = figure(curves, **TEXT)._repr_html_()
    assert "stroke:currentColor" in html
    assert "fill:currentColor" in html
    assert "<style" not in html
    painted = set(re.findall(r"(?:fill|stroke):(#\w+)", html))
    assert painted == {"#367ecf", "#e6420d"}  # the two curves, and no ground


def test_text_is_at_least_11_px_high_where_a_panel_is_narrowest():
    [svg] = figure(curves, **TEXT).svgs
    width = float(re.search(r'viewBox="0 0 (\S+)', svg)[1])
    heights = [100 * float(s) for s in re.findall(r"\) scale\(([\d.]+) -", svg)]
    assert heights
    assert min(heights) * 328 / width >= 11


def test_a_picture_is_small():
    assert max(len(svg) for svg in figure(curves, **TEXT).svgs) < 30_000
    long = np.sin(np.linspace(0, 20, 100_000))
    assert len(figure(lambda ax: ax.plot(long), **TEXT).svgs[0]) < 30_000


def test_the_same_bytes_in_another_process():
    program = "import test_figures as t; print(t.figure(t.curves, **t.TEXT)._repr_html_())"
    done = subprocess.run(
        [sys.executable, "-c", program],
        capture_output=True,
        text=True,
        cwd=__file__.rpartition("/")[0],
        env={**os.environ, "PYTHONHASHSEED": "7"},
    )
    assert done.stdout.strip() == figure(curves, **TEXT)._repr_html_(), done.stderr


def test_labels_stand_at_the_line_ends_and_do_not_overlap():
    seen = []

    def crowded(ax):
        for k in range(5):
            ax.plot([0, 1], [0, 1 + k / 1000], label=f"run {k}")
        ax.plot([0, 1], [0, -5], label="far")
        label_lines(ax)
        height = ax.get_position().height * ax.figure.get_figheight() * 72
        seen.extend((t.get_text(), t.get_position()[1] * height) for t in ax.texts)

    text = digest(crowded)
    assert len(text.splitlines()) == 6  # the samples beside the labels are not data
    places = dict(seen)
    heights = [places[f"run {k}"] for k in range(5)]
    assert np.diff(heights).min() > 9.5
    assert places["far"] < 0.2 * max(heights)


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"caption": " "}, "a caption and an alt text"),
        ({"alt": ""}, "a caption and an alt text"),
        ({"name": "Loss 1"}, "small letters"),
    ],
)
def test_what_a_figure_needs(change, words):
    with pytest.raises(ValueError, match=words):
        figure(curves, **{**TEXT, **change})
    with pytest.raises(ValueError, match="panel 2 drew nothing"):
        figure(curves, lambda ax: ax.set(title="empty"), **TEXT)
    with pytest.raises(ValueError, match="positive points"):
        figure(lambda ax: reference_slope(ax, 1, through=(0, 1)), **TEXT)


def tick_labels(low, high):
    """The labels on the vertical axis of a panel with a curve from low to high."""
    panels = []

    def curve(ax):
        ax.loglog([1, 10], [low, high], label="curve")
        panels.append(ax)

    figure(curve, caption="c", alt="a", name="ticks")
    axis, (bottom, top) = panels[0].yaxis, panels[0].get_ylim()
    ticks = [*axis.get_majorticklabels(), *axis.get_minorticklabels()]
    return [t.get_text() for t in ticks if t.get_text() and bottom <= t.get_position()[1] <= top]


def test_short_logarithmic_axes_have_plain_numbers():
    assert tick_labels(0.3, 7) == ["0.5", "1", "2", "5"]
    assert tick_labels(100, 6400) == ["100", "300", "1000", "3000"]


def test_long_logarithmic_axes_have_decades_only():
    assert tick_labels(1, 1e4) == [rf"$\mathdefault{{10^{{{k}}}}}$" for k in range(5)]


def test_marks_without_a_line_are_explained_by_one_mark():
    def draw(ax):
        ax.plot([1, 2], [3, 4], "o", label="marks")
        ax.plot([1, 2], [1, 2], "o-", label="line")
        label_lines(ax)
        draw.samples = [x.get_xdata() for x in ax.get_lines() if x.get_gid() == SAMPLE]

    figure(draw, caption="Marks.", alt="Marks and a line.", name="marks")
    assert [len(x) for x in draw.samples] == [1, 2]
