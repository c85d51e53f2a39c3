"""Heat maps over two hyperparameters."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.colors import LogNorm, Normalize
from matplotlib.patheffects import Normal, Stroke

from optlab.report.style import SAMPLE

_OUTLINE = [Stroke(linewidth=3.4, foreground="black"), Normal()]  # seen on every color
_SUPERSCRIPT = str.maketrans("-0123456789", "⁻⁰¹²³⁴⁵⁶⁷⁸⁹")


def heat_map(
    ax: Axes,
    values: Any,
    *,
    x: Sequence[Any],
    y: Sequence[Any],
    limits: tuple[float, float],
    label: str,
    log: bool = True,
    named: Callable[[Any], str] | None = None,
    marks: bool = True,
    bar: bool = True,
) -> None:
    """Draw values, len(y) × len(x), on the colors between `limits`.

    The lowest value is ringed; the lowest of each row have dots, which a line joins
    where the axes are numbers. NaN leaves a gap.

    Args:
        x, y: by default powers of two (times anything), and zeros, labeled so; otherwise what
            `named` has a label for.
        limits: the same for figures that are to be compared; what lies outside has the color of
            the nearest.
        log: whether colors follow a logarithmic scale.
        label: of the color bar.
        marks: whether there are dots and a ring.
        bar: whether there is a color bar; of panels side by side the last needs one.
    """
    cells: Any = np.ma.masked_invalid(np.asarray(values, dtype=float))
    if cells.shape != (len(y), len(x)):
        raise ValueError(f"values must be {len(y)} × {len(x)}, as y and x are; got {cells.shape}")
    step = 1 if named and len(x) < 7 else 2
    mesh = ax.pcolormesh(cells, norm=(LogNorm if log else Normalize)(*limits), label=label)
    if marks:
        _mark_lowest(ax, cells, joined=named is None)
    ax.set_xticks(np.arange(0.5, len(x), step), [(named or power)(value) for value in x[::step]])
    ax.set_yticks(np.arange(0.5, len(y)), [(named or power)(value) for value in y])
    ax.grid(visible=False)
    if bar:
        _color_bar(ax, mesh, limits, label, log)


def _mark_lowest(ax: Axes, cells: Any, *, joined: bool) -> None:
    rows = np.flatnonzero(cells.count(axis=1))  # those that are not all gaps
    columns = cells.argmin(1)[rows]
    if joined:
        line_on_map(ax, columns + 0.5, rows + 0.5)
    ax.scatter(
        columns + 0.5,
        rows + 0.5,
        s=34,
        c="white",
        edgecolors="black",
        linewidths=0.8,
        zorder=3,
        label="lowest of each row",
    )
    row, column = np.unravel_index(int(cells.argmin()), cells.shape)
    ax.scatter(
        [column + 0.5],
        [row + 0.5],
        s=150,
        facecolors="none",
        edgecolors="white",
        linewidths=1.5,
        path_effects=_OUTLINE,
        zorder=3,
        label="lowest of all",
    )


def line_on_map(ax: Axes, x: Any, y: Any, *, label: str = "") -> None:
    """Draw a line that is seen on every color of a map, white with a dark edge. With a label it
    is in the figure's digest; places are in cells, the middle of the first at 0.5."""
    ax.plot(
        x,
        y,
        color="white",
        linestyle="-",
        linewidth=1.8,
        path_effects=_OUTLINE,
        label=label or "_marks",
        gid=None if label else SAMPLE,
    )


def _color_bar(ax: Axes, mesh: Any, limits: tuple[float, float], label: str, log: bool) -> None:
    low, high = limits
    figure = ax.get_figure(root=True)
    assert figure is not None
    bar = figure.colorbar(mesh, ax=ax, extend="both", aspect=25, pad=0.02)
    ticks = [low, math.sqrt(low * high) if log else (low + high) / 2, high]
    bar.set_ticks(ticks, labels=[f"{tick:.{2 if tick < 100 else 3}g}" for tick in ticks])
    bar.minorticks_off()
    bar.set_label(label)


def power(value: float) -> str:
    """2⁻³ for 0.125, 0 for 0; other numbers to two digits."""
    if value == 0:
        return "0"
    exponent = round(math.log2(value))
    if math.isclose(2.0**exponent, value):
        return "2" + str(exponent).translate(_SUPERSCRIPT)
    return f"{value:.2g}"
