"""The digest of a figure: the plotted numbers in a few lines of text, for people and for tests.

Pictures are not compared in tests; this text is. So it is computed from what was drawn.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.container import BarContainer
from numpy.typing import ArrayLike, NDArray

from optlab.report.style import ACROSS, SAMPLE

TINY = 1e-12  # smaller numbers are rounding, which differs between processors: they print as 0


def digest(axes: list[Axes], digits: int = 3) -> str:
    """One line for each artist: its label, the number of points, the x range, and the first,
    last, smallest, largest and mean y, to `digits` significant digits."""
    lines = []
    for number, ax in enumerate(axes, start=1):
        if len(axes) > 1:
            heading = ax.get_title(loc="left") or ax.get_title() or ax.get_ylabel()
            lines.append(f"{number}. {heading}".rstrip())
        lines += [f"{label}: {text}" for label, text in _artists(ax, digits)]
    return "\n".join(lines)


def _artists(ax: Axes, digits: int) -> Iterator[tuple[str, str]]:
    bars = [box for box in ax.containers if isinstance(box, BarContainer)]
    in_bars = {id(patch) for box in bars for patch in box.patches}
    lines = [line for line in ax.lines if line.get_gid() != SAMPLE]
    for index, line in enumerate(lines, start=1):
        x, y = line.get_data(orig=False)
        if line.get_gid() == ACROSS:
            x, y = y, x
        yield _label(line, f"line {index}"), _xy(x, y, digits)
    for index, box in enumerate(bars, start=1):
        x = [patch.get_x() + patch.get_width() / 2 for patch in box.patches]
        y = [patch.get_height() for patch in box.patches]
        if box.orientation == "horizontal":
            x = [patch.get_y() + patch.get_height() / 2 for patch in box.patches]
            y = [patch.get_width() for patch in box.patches]
        yield _label(box, f"bars {index}"), _xy(x, y, digits)
    for index, patch in enumerate((p for p in ax.patches if id(p) not in in_bars), start=1):
        shape = np.asarray(patch.get_patch_transform().transform_path(patch.get_path()).vertices)
        yield _label(patch, f"shape {index}"), _xy(shape[:, 0], shape[:, 1], digits)
    for index, collection in enumerate(ax.collections, start=1):
        yield _label(collection, f"collection {index}"), _collection(collection, digits)
    for index, image in enumerate(ax.images, start=1):
        values: NDArray[np.float64] = np.ma.filled(
            np.ma.asarray(image.get_array(), dtype=float), np.nan
        )
        rows, columns = values.shape[:2]
        yield (
            _label(image, f"image {index}"),
            f"{rows} × {columns}, {_values('value', values, digits)}",
        )


def _collection(collection: Any, digits: int) -> str:
    """Scatter points, or the vertices of line, area and contour collections, and their values."""
    offsets = np.asarray(collection.get_offsets())
    if offsets.any() or len(offsets) > 1:
        points = offsets
    else:
        points = np.concatenate(
            [np.empty((0, 2)), *(path.vertices for path in collection.get_paths())]
        )
    text = _xy(points[:, 0], points[:, 1], digits)
    values = collection.get_array()
    if values is not None:
        text += f", {_values('value', values, digits)}"
    for component in ("U", "V"):  # the arrows of a quiver plot
        if hasattr(collection, component):
            text += f", {_values(component.lower(), getattr(collection, component), digits)}"
    return text


def _label(artist: Any, fallback: str) -> str:
    label = str(artist.get_label())
    return fallback if label.startswith("_") or not label else label


def _xy(x: ArrayLike, y: ArrayLike, digits: int) -> str:
    xs = np.asarray(x, dtype=float)
    if not xs.size:
        return "0 points"
    points = "1 point" if xs.size == 1 else f"{xs.size} points"
    low, high = _numbers(xs, [np.nanmin(xs), np.nanmax(xs)], digits)
    return f"{points}, x {low} to {high}, {_values('y', y, digits)}"


def _values(name: str, values: ArrayLike, digits: int) -> str:
    v: NDArray[np.float64] = np.ma.filled(np.ma.asarray(values, dtype=float), np.nan).ravel()
    known = v[np.isfinite(v)]
    if not known.size:
        return f"{name} nowhere finite"
    first, last, low, high, mean = _numbers(
        known, [v[0], v[-1], known.min(), known.max(), known.mean()], digits
    )
    if low == high == first == last:
        text = f"{name} {low}"
    else:
        text = f"{name} {first} … {last}, min {low}, max {high}, mean {mean}"
    return text if known.size == v.size else f"{text}, {v.size - known.size} not finite"


def _numbers(series: NDArray[np.float64], numbers: list[float], digits: int) -> list[str]:
    finite = series[np.isfinite(series)]
    zero = max(TINY, 1e-14 * float(np.abs(finite).max(initial=0)))
    return [_number(0.0 if abs(number) < zero else number, digits) for number in numbers]


def _number(number: float, digits: int) -> str:
    text = f"{number:.{digits}g}"
    return f"{float(text):.0f}" if "e+0" in text and abs(number) < 1e6 else text
