"""Figures for the book: drawn once, read on a light and a dark page, on a desk and a phone."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from html import escape
from io import StringIO
from typing import Any

from matplotlib import rc_context
from matplotlib.axes import Axes
from matplotlib.figure import Figure as MatplotlibFigure

from optlab.report import style
from optlab.report.digest import digest
from optlab.report.svg import inline

Draw = Callable[[Axes], Any]

_NAME = re.compile(r"[a-z][a-z0-9-]*")


@dataclass(frozen=True)
class Figure:
    """A drawn figure: what a notebook shows, and as text its caption and digest."""

    name: str
    caption: str
    alt: str
    digest: str
    svgs: tuple[str, ...]

    def __repr__(self) -> str:
        return f"{self.caption}\n{self.digest}"

    def _repr_html_(self) -> str:
        panels = "\n".join(
            f'<div style="flex: 1 1 300px; min-width: 0; max-width: 460px">{svg}</div>'
            for svg in self.svgs
        )
        return (
            f'<figure id="{self.name}" class="optlab-figure" style="margin: 0">\n'
            f'<div role="img" aria-label="{escape(self.alt)}" '
            f'style="display: flex; flex-wrap: wrap; gap: 8px 16px">\n{panels}\n</div>\n'
            f'<figcaption style="margin-top: 0.5em; text-align: left">{escape(self.caption)}\n'
            f'<div class="optlab-digest" style="font: 0.75em/1.5 monospace; white-space: pre-wrap; '
            f'overflow-wrap: anywhere; margin-top: 0.5em">{escape(self.digest)}</div>\n'
            f"</figcaption>\n</figure>"
        )


def figure(
    *panels: Draw,
    caption: str,
    alt: str,
    name: str,
    size: tuple[float, float] = style.SIZE,
    digits: int = 3,
    points: float | None = None,
) -> Figure:
    """Draw panels and return what the notebook shows; make it the last value of the cell::

        def curves(ax):
            ax.loglog(T, regret, label="regret")
            ax.set(xlabel="T", ylabel="regret", title="Unit ball")
            report.label_lines(ax)

        report.figure(curves, caption="…", alt="…", name="regret-ball")

    Panels stand side by side where there is room, else one under the other.

    Args:
        panels: functions that draw on a given matplotlib Axes. Each becomes an inline SVG with a
            transparent ground, whose ink is the page's text color.
        caption: what is seen and what it means, plain text.
        alt: what a reader who cannot see it needs to know: the kind of plot, the axes, the
            outcome.
        name: the figure's id on the page: small letters, digits, hyphens; unique in the chapter.
        size: width and height of a panel in inches.
        digits: significant digits of the digest, the plotted numbers as text under the caption.
        points: how far, in points of the page, the lines of the same figure may be from these on
            another processor: 2.5 unless told. For runs in which the last digits grow, such as
            those at rates above the best; what is stated must not rest on them.

    Raises:
        ValueError: for an empty caption or alt text, an impossible name, or an empty panel.
    """
    if not _NAME.fullmatch(name):
        raise ValueError(f"figure name {name!r}: use small letters, digits and hyphens")
    if not panels or not caption.strip() or not alt.strip():
        raise ValueError(f"figure {name!r} needs at least one panel, a caption and an alt text")
    axes, svgs = [], []
    for number, draw in enumerate(panels, start=1):
        prefix = f"{name}-{number}"
        with rc_context(style.settings(svg_hashsalt=prefix)):
            canvas = MatplotlibFigure(figsize=size)
            ax = canvas.add_subplot()
            draw(ax)
            style.log_ticks(ax)
            if not ax.has_data():
                raise ValueError(f"figure {name!r}: panel {number} drew nothing")
            axes.append(ax)
            svgs.append(_svg(canvas, prefix, points))
    return Figure(name, caption, alt, digest(axes, digits), tuple(svgs))


def _svg(canvas: MatplotlibFigure, prefix: str, points: float | None) -> str:
    buffer = StringIO()
    canvas.savefig(buffer, format="svg", metadata={"Date": None, "Creator": None})
    return inline(buffer.getvalue(), ink=style.INK, prefix=prefix, points=points)
