"""The house style of the figures: one palette, one ink, and two helpers for curves."""

from __future__ import annotations

from itertools import pairwise
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.lines import Line2D

# Each has a contrast of at least 3:1 on white and on the dark page (#121212, #1e1e1e), and
# each two can be told apart with the common color-vision deficiencies; tests/report checks both.
PALETTE = ("#2f7fd6", "#d1570c", "#0a9a74", "#c45fb0", "#9a7b16", "#7f7f7f")
DASHES = ("-", "--", "-.", ":", (0, (6, 1.5, 1, 1.5, 1, 1.5)), (0, (1, 1)))
MARKERS = ("o", "s", "^", "D", "v", "P")  # for scatter(marker=…) and plot(marker=…)

INK = "#010203"  # stands for the page's own text color: the SVG says currentColor instead
SIZE = (4.2, 3.0)  # inches of one panel; at 358 px, a phone, its 9.5 pt text is 11 px high


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
        "font.size": 9.5,
        "hatch.color": INK,
        "image.cmap": "viridis",
        "legend.fontsize": 9.5,
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
        "xtick.labelsize": 9.5,
        "ytick.labelsize": 9.5,
        "xtick.minor.size": 0,
        "ytick.minor.size": 0,
        "path.simplify_threshold": 0.3,
    }


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
    data = [float(v) for line in ax.lines for v in np.asarray(line.get_xdata()) if v > 0]
    ends = (min(data, default=x), max(data, default=10 * x))
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
    """Write each line's label at its right end, in its color: no legend to look up.

    Labels that would overlap are moved apart. Call it last in the panel: it widens the
    x axis by the room that the text needs.
    """
    lines = [line for line in ax.lines if not str(line.get_label()).startswith("_")]
    if not lines:
        return
    figure = ax.figure
    figure.canvas.draw()
    size = 9.5
    gap = 1.25 * size * figure.dpi / 72
    places = []
    for line in lines:
        x, y = (float(data[-1]) for data in line.get_data())
        places.append((ax.transData.transform((x, y))[1], x, line))
    bottom, top = ax.bbox.y0 + gap / 2, ax.bbox.y1 - gap / 2
    heights = _spread([min(max(h, bottom), top) for h, _, _ in places], gap, bottom, top)
    for (_, _, line), height in zip(places, heights, strict=True):
        fraction = (height - ax.bbox.y0) / ax.bbox.height
        ax.annotate(
            str(line.get_label()),
            (1.01, fraction),
            xycoords="axes fraction",
            color=line.get_color(),
            fontsize=size,
            va="center",
            annotation_clip=False,
        )


def _spread(heights: list[float], gap: float, bottom: float, top: float) -> list[float]:
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
