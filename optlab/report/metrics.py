"""Numbers that a notebook tells the programs which run it: what a sweep compares."""

from __future__ import annotations

import math
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from optlab.report.outputs import shown

MIME = "application/vnd.optlab.metric+json"


@dataclass(frozen=True)
class Metric:
    """A named number, shown as one line; it travels beside the line under the MIME type `MIME`.
    value: None if it was not finite."""

    name: str
    value: float | None

    def __repr__(self) -> str:
        return f"{self.name}: {'not finite' if self.value is None else f'{self.value:g}'}"

    def _repr_mimebundle_(self, include: Any = None, exclude: Any = None) -> dict[str, Any]:
        return {"text/plain": repr(self), MIME: {"name": self.name, "value": self.value}}


def metric(name: str, value: Any, *, digits: int = 4) -> None:
    """Show a number and keep it, to `digits` significant digits, in the notebook's outputs.

        report.metric("test error", run.error[-1])

    `optlab sweep` makes a column and a heat map of it. value: an int, a float, or a scalar of
    numpy or torch; what is not finite is kept as such. A later metric of the same name counts.

    Raises TypeError if value is not a number.
    """
    if getattr(value, "ndim", None) == 0 and hasattr(value, "item"):
        value = value.item()
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise TypeError(f"metric {name!r} must be a number, not {type(value).__name__}")
    kept = float(f"{value:.{digits}g}") if math.isfinite(value) else None

    from IPython.display import display

    display(Metric(name, kept))  # type: ignore[no-untyped-call]


def metrics(notebook: Path) -> dict[str, float | None]:
    """The metrics that a notebook's stored outputs show, by name."""
    return {data["name"]: data["value"] for data in shown(notebook, MIME)}
