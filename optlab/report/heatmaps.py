"""Heat maps over two hyperparameters."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.colors import LogNorm, Normalize

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
) -> None:
    """Draw values, len(y) × len(x), on the colors between `limits`.

    The lowest value is ringed, the lowest of each row dotted. NaN leaves a gap.

    Args:
        x, y: by default powers of two (times anything), and zeros, labeled so; otherwise what
            `named` has a label for.
        limits: the same for figures that are to be compared; what lies outside has the color of
            the nearest.
        log: whether colors follow a logarithmic scale.
        label: of the color bar.
    """
    cells: Any = np.ma.masked_invalid(np.asarray(values, dtype=float))
    if cells.shape != (len(y), len(x)):
        raise ValueError(f"values must be {len(y)} × {len(x)}, as y and x are; got {cells.shape}")
    (low, high), step = limits, 1 if named and len(x) < 7 else 2
    named = named or power
    mesh = ax.pcolormesh(cells, norm=(LogNorm if log else Normalize)(low, high), label=label)
    rows = np.flatnonzero(cells.count(axis=1))  # those that are not all gaps
    ax.scatter(
        cells.argmin(1)[rows] + 0.5,
        rows + 0.5,
        s=14,
        c="white",
        edgecolors="black",
        linewidths=0.6,
        label="lowest of each row",
    )
    row, column = np.unravel_index(int(cells.argmin()), cells.shape)
    ax.scatter([column + 0.5], [row + 0.5], s=110, facecolors="none", edgecolors="white")
    ax.set_xticks(np.arange(0.5, len(x), step), [named(value) for value in x[::step]])
    ax.set_yticks(np.arange(0.5, len(y)), [named(value) for value in y])
    ax.grid(visible=False)
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
