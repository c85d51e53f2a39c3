"""What the summary of a sweep shows: means over seeds, as a table and as heat maps."""

from __future__ import annotations

import math
import re
from dataclasses import dataclass
from functools import partial
from itertools import product
from pathlib import Path
from statistics import mean
from typing import TYPE_CHECKING, Any

from optlab.report.claims import overturned
from optlab.sweep.folder import Folder
from optlab.sweep.plan import METRIC, SEED, VERDICT
from optlab.sweep.stored import FINISHED
from optlab.sweep.table import cell, make_table

if TYPE_CHECKING:
    import polars
    from matplotlib.axes import Axes

    from optlab.report.figures import Figure

PANELS = 12  # of one figure
DRAWN = 1e100  # numbers beyond it, or positive ones below 1/DRAWN, overflow in what draws

Cells = dict[tuple[Any, ...], float]  # a mean for each setting, NaN where there is none


@dataclass(frozen=True)
class Results:
    """table: a row for each run that has ended, as `make_table` has it. swept: the values of
    each parameter of the grid, as in the table. runs: how many the sweep has in all."""

    table: polars.DataFrame
    swept: dict[str, list[Any]]
    runs: int

    def __repr__(self) -> str:
        finished = self.table["status"].to_list().count(FINISHED)
        lines = [f"{finished} of {self.runs} runs finished, {len(self.table) - finished} failed"]
        for name in self._verdicts:
            if len(found := self.table[name].drop_nulls().unique()) == 1:
                lines.append(f"in all of them {name.removeprefix(VERDICT)}: {found[0]}")
        return "\n".join(lines)

    @property
    def columns(self) -> list[str]:
        """What can be pictured: metrics, the verdicts that differ between runs, seconds."""
        return [
            *(name for name in self.table.columns if name.startswith(METRIC)),
            *(name for name in self._verdicts if self.table[name].drop_nulls().n_unique() > 1),
            "seconds",
        ]

    @property
    def _verdicts(self) -> list[str]:
        return [name for name in self.table.columns if name.startswith(VERDICT)]

    @property
    def axes(self) -> list[str]:
        """The parameters with several values in the grid; seeds only if there are no others."""
        several = [name for name, values in self.swept.items() if len(values) > 1]
        return [name for name in several if name != SEED] or [SEED]


def read_results(folder: str | Path = ".") -> Results:
    """The results in the folder of a sweep, as of now. RunError if it is none."""
    kept = Folder(Path(folder))
    plan = kept.plan()
    swept = {name: [cell(value) for value in values] for name, values in plan.swept.items()}
    return Results(make_table(plan, kept.records(plan)), swept, len(plan.runs))


def means(results: Results) -> polars.DataFrame:
    """A row for each setting: how many runs finished and failed, and the mean of each of
    `results.columns` over the runs that have it; of a verdict, the share of runs in which the
    claim held."""
    import polars

    finished = polars.col("status") == FINISHED
    return results.table.group_by(results.axes, maintain_order=True).agg(
        finished.sum().alias("finished"),
        (~finished).sum().alias("failed"),
        *(_mean(name).alias(name) for name in results.columns),
    )


def _mean(name: str) -> polars.Expr:
    import polars

    column = polars.col(name)
    if name.startswith(VERDICT):
        return (~column.map_elements(overturned, return_dtype=polars.Boolean)).mean()
    return (column * 2**-20).mean() * 2**20  # exact, and the sum of large numbers is finite


def picture(results: Results, column: str) -> Figure:
    """One of `results.columns` over the parameters of the grid, averaged over seeds.

    Two parameters make a heat map; further ones a panel for each of their combinations, as far
    as a figure holds; one alone a curve. A setting of which a run failed, or gave no finite
    number, is a gap, and so is one whose mean is beyond 1e100. KeyError for another column.
    """
    from optlab.report.figures import figure

    if column not in results.columns:
        raise KeyError(f"no column {column!r}; there are {', '.join(results.columns)}")
    title = _shown(column.removeprefix(METRIC))
    if column.startswith(VERDICT):
        title = f"share of runs in which {_shown(column.removeprefix(VERDICT))} holds"
    cells, axes = _cells(results, column), results.axes
    if len(axes) == 1:
        panels = [partial(_curve, results=results, cells=cells, label=title)]
    else:
        others = list(product(*(results.swept[name] for name in axes[2:])))
        panels = [
            partial(_map, results=results, cells=cells, label=title, others=values)
            for values in others[:PANELS]
        ]
    missing = sum(not _drawn(value) and math.isfinite(value) for value in cells.values())
    beyond = f" {missing} means are beyond what can be drawn." if missing else ""
    return figure(
        *panels,
        caption=f"{title}, over {' and '.join(axes)}.{beyond}",
        alt=f"{'A curve' if len(axes) == 1 else 'A heat map'} of {title} over {', '.join(axes)}.",
        name=re.sub(r"[^a-z0-9]+", "-", f"sweep {column}".lower()).strip("-"),
    )


def _cells(results: Results, column: str) -> Cells:
    found: dict[tuple[Any, ...], list[float]] = {}
    for row in results.table.iter_rows(named=True):
        setting = tuple(row[name] for name in results.axes)
        found.setdefault(setting, []).append(_number(row, column))
    return {setting: mean(numbers) for setting, numbers in found.items()}


def _number(row: dict[str, Any], column: str) -> float:
    value = row[column]
    if row["status"] != FINISHED or value is None:
        return math.nan
    return float(not overturned(value)) if column.startswith(VERDICT) else float(value)


def _curve(ax: Axes, *, results: Results, cells: Cells, label: str) -> None:
    [name] = results.axes
    values = results.swept[name]
    heights = [_gap(cells.get((value,), math.nan)) for value in values]
    numbers = all(isinstance(value, int | float) and _drawn(value) for value in values)
    if numbers and min(values) > 0 and max(values) > 10 * min(values):
        ax.set_xscale("log")
    # A curve's label may not begin with _: such curves are left out of what lists them.
    ax.plot(
        values if numbers else range(len(values)),
        heights,
        marker="o",
        label=label.lstrip("_") or "mean",
    )
    if not numbers:
        ax.set_xticks(range(len(values)), [_plain(_named(value)) for value in values])
    ax.set(xlabel=_plain(name), ylabel=_plain(label))


def _map(ax: Axes, *, results: Results, cells: Cells, label: str, others: tuple[Any, ...]) -> None:
    from optlab.report.heatmaps import heat_map

    x, y, *rest = results.axes
    known = [value for value in cells.values() if _drawn(value)] or [0.0]
    low, high = min(known), max(known)
    log = low > 0 and high > 10 * low
    heat_map(
        ax,
        [
            [_gap(cells.get((column, row, *others), math.nan)) for column in results.swept[x]]
            for row in results.swept[y]
        ],
        x=results.swept[x],
        y=results.swept[y],
        limits=(low, high) if low < high else _around(low),
        label=_plain(label),
        log=log,
        named=lambda value: _plain(_named(value)),
    )
    where = ", ".join(f"{name} {_shown(value)}" for name, value in zip(rest, others, strict=True))
    ax.set(xlabel=_plain(x), ylabel=_plain(y), title=_plain(where))


def _around(value: float) -> tuple[float, float]:
    """Two numbers around one, which differ however large it is."""
    distance = max(0.5, abs(value) / 10)
    return value - distance, value + distance


def _drawn(value: float) -> bool:
    return value == 0 or 1 / DRAWN <= abs(value) <= DRAWN


def _gap(value: float) -> float:
    """The number, or NaN where it cannot be drawn."""
    return value if _drawn(value) else math.nan


def _named(value: Any) -> str:
    return f"{value:.3g}" if isinstance(value, float) else str(value)


def _shown(text: Any) -> str:
    """Text of one line, of characters that pages can hold."""
    return re.sub(r"[\x00-\x1f\x7f-\x9f\ud800-\udfff\ufffe\uffff]", "�", str(text))


def _plain(text: str) -> str:
    """Text that matplotlib shows as it is; between dollars it would look for a formula."""
    return _shown(text).replace("$", r"\$")
