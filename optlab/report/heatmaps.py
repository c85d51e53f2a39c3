"""Heat maps over two hyperparameters in powers of two."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.colors import LogNorm

_SUPERSCRIPT = str.maketrans("-0123456789", "⁻⁰¹²³⁴⁵⁶⁷⁸⁹")


def heat_map(
    ax: Axes,
    values: Any,
    *,
    x: Sequence[float],
    y: Sequence[float],
    limits: tuple[float, float],
    label: str,
) -> None:
    """Draw values, len(y) × len(x), on the colors between `limits`, a logarithmic scale.

    The lowest value is ringed, the lowest of each row dotted. NaN leaves a gap.

    Args:
        x, y: powers of two (times anything), and zeros; labeled so.
        limits: the same for figures that are to be compared; what lies outside has the color of
            the nearest.
        label: of the color bar.
    """
    cells: Any = np.ma.masked_invalid(np.asarray(values, dtype=float))
    if cells.shape != (len(y), len(x)):
        raise ValueError(f"values must be {len(y)} × {len(x)}, as y and x are; got {cells.shape}")
    mesh = ax.pcolormesh(cells, norm=LogNorm(*limits), label=label)
    rows = np.arange(len(y)) + 0.5
    ax.scatter(
        cells.argmin(1) + 0.5,
        rows,
        s=14,
        c="white",
        edgecolors="black",
        linewidths=0.6,
        label="lowest of each row",
    )
    row, column = np.unravel_index(int(cells.argmin()), cells.shape)
    ax.scatter([column + 0.5], [row + 0.5], s=110, facecolors="none", edgecolors="white")
    ax.set_xticks(np.arange(0.5, len(x), 2), [power(value) for value in x[::2]])
    ax.set_yticks(rows, [power(value) for value in y])
    ax.grid(visible=False)
    figure = ax.get_figure(root=True)
    assert figure is not None
    bar = figure.colorbar(mesh, ax=ax, extend="both", aspect=25, pad=0.02)
    low, high = limits
    ticks = [low, math.sqrt(low * high), high]
    bar.set_ticks(ticks, labels=[f"{tick:.2g}" for tick in ticks])
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
