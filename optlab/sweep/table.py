"""The table of a sweep: a row for each run that has ended, as Parquet and as CSV."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from io import BytesIO
from pathlib import Path
from typing import TYPE_CHECKING, Any

from optlab import writing
from optlab.running.errors import RunError
from optlab.sweep.folder import Folder
from optlab.sweep.plan import METRIC, VERDICT, VERSION, Plan
from optlab.sweep.stored import RunRecord
from optlab.sweep.versions import package

if TYPE_CHECKING:
    import polars

PARQUET, CSV = "table.parquet", "table.csv"
LARGEST_INT = 2**63  # that a column of integers cannot hold


def make_table(plan: Plan, records: list[RunRecord]) -> polars.DataFrame:
    """Columns: the parameters, first those of the grid; status; a verdict for each claim and a
    number for each metric that any run showed; seconds; error, the first line of it; the
    versions of the package and of torch that ran; run, the name that it is kept under. A list
    is written as in the notebook.

    RunError if a parameter is called as another column.
    """
    import polars

    parameters = [*plan.swept, *_others(plan)]
    columns: list[tuple[str, Callable[[RunRecord], Any]]] = [
        *((name, _parameter(name)) for name in parameters),
        ("status", lambda record: record.status),
        *((VERDICT + n, _of("verdicts", n)) for n in _names(r.verdicts for r in records)),
        *((METRIC + n, _of("metrics", n)) for n in _names(r.metrics for r in records)),
        ("seconds", lambda record: record.seconds),
        ("error", lambda record: record.error.replace("\n", ": ") or None),
        (VERSION + "optlab", lambda record: package(record.versions)),
        (VERSION + "torch", _of("versions", "torch")),
        ("run", lambda record: record.id),
    ]
    names = [_text(name) for name, _ in columns]
    if twice := [name for i, name in enumerate(names) if name in names[:i]]:
        raise RunError(f"two columns of the table would be called {twice[0]}; rename the parameter")
    return polars.DataFrame(
        [
            polars.Series(name, _values([value(record) for record in records]), strict=False)
            for name, (_, value) in zip(names, columns, strict=True)
        ]
    )


def write_table(folder: Folder, plan: Plan) -> list[Path]:
    """Make the table of what is there now of the runs of a plan; where it is."""
    table = make_table(plan, folder.records(plan))
    parquet, csv = BytesIO(), BytesIO()
    table.write_parquet(parquet)
    table.write_csv(csv)
    with folder.writing_table():
        for name, content in ((PARQUET, parquet), (CSV, csv)):
            writing.write(folder.path / name, content.getvalue())
    return [folder.path / PARQUET, folder.path / CSV]


def cell(value: Any) -> Any:
    """A parameter's value as the table has it."""
    if isinstance(value, list | tuple):
        return _text(str(list(value)))
    return _text(value) if isinstance(value, str) else value


def _others(plan: Plan) -> list[str]:
    """The parameters beside those of the grid, in the notebook's order."""
    return [
        name for name in (plan.runs[0].parameters if plan.runs else {}) if name not in plan.swept
    ]


def _parameter(name: str) -> Callable[[RunRecord], Any]:
    return lambda record: cell(record.parameters.get(name))


def _of(where: str, name: str) -> Callable[[RunRecord], Any]:
    return lambda record: getattr(record, where).get(name)


def _values(values: list[Any]) -> list[Any]:
    """Values of one column: texts where some are, or where an integer is too large."""
    large = any(isinstance(value, int) and abs(value) >= LARGEST_INT for value in values)
    if large or any(isinstance(value, str) for value in values):
        return [None if value is None else _text(str(value)) for value in values]
    if any(isinstance(value, float) for value in values):
        return [None if value is None else float(value) for value in values]
    return values


def _text(text: str) -> str:
    """Text that files can hold: a lone surrogate, as broken names have it, is shown as one."""
    return text.encode("utf-8", "backslashreplace").decode()


def _names(dictionaries: Iterable[dict[str, Any]]) -> list[str]:
    return sorted({name for dictionary in dictionaries for name in dictionary})
