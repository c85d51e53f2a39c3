"""Estimates with their intervals, a row for each thing that is compared."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from matplotlib.axes import Axes

from optlab.report.claims.criteria import Estimate
from optlab.report.style import ACROSS, INK, PALETTE, SAMPLE

_APART = 0.2  # rows, between the intervals of one


def dot_rows(
    ax: Axes,
    rows: Mapping[str, Sequence[Estimate]],
    *,
    title: str = "",
    zero: float | None = None,
    colors: Mapping[str, int] | None = None,
) -> None:
    """Draw each row's estimates as dots with intervals, the first row on top.

    The estimates of a row, such as those of several sets of seeds, stand one under the other.

    Args:
        rows: name of a row -> its estimates.
        title: stands above the names, too, which leave little room above the axes.
        zero: where a thin vertical line stands, such as that of no difference.
        colors: name of a row -> which color of the palette it has, from 0; by default the first.

    Raises:
        ValueError: without rows, or for a row without estimates.
    """
    if not rows or not all(rows.values()):
        empty = [name for name, estimates in rows.items() if not estimates]
        raise ValueError(f"nothing to draw: {f'no estimates of {empty}' if empty else 'no rows'}")
    figure = ax.get_figure(root=True)
    assert figure is not None
    if title:
        figure.suptitle(title, x=0.01, horizontalalignment="left", fontsize=10.5)
        ax.set_title(title, visible=False)  # for the digest
    if zero is not None:
        ax.axvline(zero, color=INK, linewidth=0.9, gid=SAMPLE)
    for place, (name, estimates) in enumerate(rows.items()):
        color = PALETTE[(colors or {}).get(name, 0)]
        middle = _APART * (len(estimates) - 1) / 2
        heights = [place - middle + _APART * k for k in range(len(estimates))]
        for estimate, height in zip(estimates, heights, strict=True):
            ax.plot([estimate.low, estimate.high], [height, height], "-", color=color, gid=SAMPLE)
        means = [estimate.mean for estimate in estimates]
        ax.plot(means, heights, "o", color=color, label=name, gid=ACROSS)
    ax.set_yticks(range(len(rows)), list(rows))
    ax.tick_params(axis="y", length=0)
    ax.set_ylim(len(rows) - 0.4, -0.6)
    ax.grid(visible=False, axis="y")
