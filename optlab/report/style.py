"""The house style of the figures: one palette, one ink, and two helpers for curves."""

from __future__ import annotations

from itertools import pairwise
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.lines import Line2D
from matplotlib.ticker import FuncFormatter, LogLocator, NullFormatter

# Each has a contrast of at least 3:1 on white and on the dark page (#121212, #1e1e1e), and
# each two can be told apart with the common color-vision deficiencies; tests/report checks both.
PALETTE = ("#367ecf", "#e6420d", "#19a66e", "#bc739a", "#958c2c", "#75736d")
DASHES = ("-", "--", "-.", ":", (0, (6, 1.5, 1, 1.5, 1, 1.5)), (0, (1, 1)))
MARKERS = ("o", "s", "^", "D", "v", "P")  # for scatter(marker=…) and plot(marker=…)

INK = "#010203"  # stands for the page's own text color: the SVG says currentColor instead
SAMPLE = "sample"  # the gid of what explains the data but is none: not in the digest
ACROSS = "across"  # the gid of a line whose values are on the x axis: the digest takes them there
SIZE = (4.0, 2.9)  # inches of one panel; at 328 px, the narrowest in the book, 9.7 pt is 11 px


def settings(*, svg_hashsalt: str) -> Any:
    """matplotlib's settings for every figure of the book; the salt makes the ids in one stable."""
    from cycler import cycler

    return {
        "axes.prop_cycle": cycler(color=PALETTE, linestyle=DASHES),
        "axes.edgecolor": INK,
        "axes.labelcolor": INK,
        "axes.titlecolor": INK,
        "axes.titlesize": 10.5,
        "axes.titlelocation": "left",
        "axes.labelsize": 10,
        "axes.facecolor": "none",
        "axes.spines.top": False,
        "axes.spines.right": False,
        "axes.linewidth": 0.8,
        "axes.grid": True,
        "axes.axisbelow": True,
        "grid.color": INK,
        "grid.alpha": 0.16,
        "grid.linewidth": 0.6,
        "figure.facecolor": "none",
        "figure.constrained_layout.use": True,
        "font.family": "DejaVu Sans",  # comes with matplotlib: the same on every computer
        "font.size": 9.7,
        "hatch.color": INK,
        "image.cmap": "viridis",
        "legend.fontsize": 9.7,
        "legend.frameon": False,
        "legend.handlelength": 2.6,
        "lines.linewidth": 1.8,
        "lines.markersize": 5,
        "patch.edgecolor": INK,
        "savefig.facecolor": "none",
        "svg.fonttype": "path",
        "svg.hashsalt": svg_hashsalt,
        "text.color": INK,
        "xtick.color": INK,
        "ytick.color": INK,
        "xtick.labelsize": 9.7,
        "ytick.labelsize": 9.7,
        "xtick.minor.size": 0,
        "ytick.minor.size": 0,
        "path.simplify_threshold": 0.3,
    }


def log_ticks(ax: Axes) -> None:
    """Label decades on logarithmic axes; with two of them 1, 3, 10, 30, …, with one 1, 2, 5, …"""
    for axis, limits in ((ax.xaxis, ax.get_xlim()), (ax.yaxis, ax.get_ylim())):
        if axis.get_scale() != "log" or getattr(axis.get_transform(), "base", 10) != 10:
            continue
        low, high = sorted(limits)
        decades = [k for k in range(-30, 31) if low <= 10.0**k <= high]
        axis.set_minor_formatter(NullFormatter())
        if len(decades) < 3:
            axis.set_major_locator(LogLocator(subs=(1, 2, 5) if len(decades) < 2 else (1, 3)))
            axis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:g}"))


def reference_slope(
    ax: Axes, slope: float, *, through: tuple[float, float], label: str | None = None
) -> Line2D:
    """On log-log axes: the line y ∝ x^slope through one point, thin and in the page's ink.

    It spans the x range drawn so far; draw the data first. The label is in the digest and,
    with `label_lines` or a legend, in the figure.
    """
    x, y = through
    if x <= 0 or y <= 0:
        raise ValueError(f"a power law goes through positive points only, not {through}")
    drawn = np.concatenate([np.asarray(line.get_xdata(), dtype=float) for line in ax.lines])
    drawn = drawn[drawn > 0]
    ends = (float(drawn.min()), float(drawn.max()))
    [line] = ax.plot(
        ends,
        [y * (end / x) ** slope for end in ends],
        color=INK,
        linestyle=(0, (4, 3)),
        linewidth=0.9,
        label=label if label is not None else f"slope {slope:g}",
    )
    return line


def label_lines(ax: Axes) -> None:
    """Write each line's label at its right end, beside a sample of its color and dashes.

    Labels that would overlap are moved apart. Call it last in the panel, once the lines and
    the scales are there.
    """
    figure = ax.get_figure(root=True)
    assert figure is not None
    figure.draw_without_rendering()  # the scales and the layout, from which heights follow
    lines = [line for line in ax.lines if not str(line.get_label()).startswith("_")]
    ends = [tuple(float(np.asarray(data)[-1]) for data in line.get_data()) for line in lines]
    box, gap = ax.bbox, 1.25 * 9.7 * figure.dpi / 72  # pixels, as are the heights
    bottom, top = box.y0 + gap / 2, box.y1 - gap / 2
    heights = [min(max(ax.transData.transform(end)[1], bottom), top) for end in ends]
    for line, height in zip(lines, _spread(heights, gap, top), strict=True):
        y = (height - box.y0) / box.height
        ends_at = [1.06] if line.get_linestyle() == "None" else [1.02, 1.10]  # marks alone: one
        sample = Line2D(ends_at, [y] * len(ends_at))
        sample.update_from(line)
        sample.set(transform=ax.transAxes, clip_on=False, label="", gid=SAMPLE)
        ax.add_artist(sample)
        ax.text(1.12, y, str(line.get_label()), transform=ax.transAxes, va="center")


def _spread(heights: list[float], gap: float, top: float) -> list[float]:
    """Move heights apart to at least `gap`, in their order, staying below `top`."""
    order = sorted(range(len(heights)), key=heights.__getitem__)
    placed = list(heights)
    for below, above in pairwise(order):
        placed[above] = max(placed[above], placed[below] + gap)
    limit = top
    for index in reversed(order):
        placed[index] = min(placed[index], limit)
        limit = placed[index] - gap
    return placed
