"""The table of a sweep: a row for each run that has ended, as Parquet and as CSV."""

from __future__ import annotations

from io import BytesIO
from pathlib import Path
from typing import TYPE_CHECKING, Any

from optlab.sweep import files
from optlab.sweep.folder import Folder, Record
from optlab.sweep.plan import Plan

if TYPE_CHECKING:
    import polars

VERDICT, METRIC = "verdict.", "metric."  # what the names of these columns begin with
PARQUET, CSV = "table.parquet", "table.csv"


def make_table(plan: Plan, records: list[Record]) -> polars.DataFrame:
    """Columns: the parameters, first those of the grid; status; a verdict for each claim and a
    number for each metric that any run showed; seconds; error, the first line of it; run, the
    name that it is kept under. A list is written as in the notebook."""
    import polars

    parameters = [*plan.swept, *(n for n in plan.runs[0].parameters if n not in plan.swept)]
    verdicts = _names(record.verdicts for record in records)
    metrics = _names(record.metrics for record in records)
    rows = [
        [
            *(cell(record.parameters[name]) for name in parameters),
            record.status,
            *(record.verdicts.get(name) for name in verdicts),
            *(record.metrics.get(name) for name in metrics),
            record.seconds,
            record.error.replace("\n", ": ") or None,
            record.id,
        ]
        for record in records
    ]
    columns = [
        *parameters,
        "status",
        *(VERDICT + name for name in verdicts),
        *(METRIC + name for name in metrics),
        "seconds",
        "error",
        "run",
    ]
    return polars.DataFrame(rows, columns, orient="row", infer_schema_length=None, strict=False)


def write_table(folder: Folder) -> list[Path]:
    """Make the table of what is there now; where it is."""
    plan = folder.plan()
    table = make_table(plan, folder.records(plan))
    parquet, csv = BytesIO(), BytesIO()
    table.write_parquet(parquet)
    table.write_csv(csv)
    with folder.writing_table():
        for name, content in ((PARQUET, parquet), (CSV, csv)):
            files.write(folder.path / name, content.getvalue())
    return [folder.path / PARQUET, folder.path / CSV]


def _names(dictionaries: Any) -> list[str]:
    return sorted({name for dictionary in dictionaries for name in dictionary})


def cell(value: Any) -> Any:
    """A parameter's value as the table has it."""
    return str(value) if isinstance(value, list | tuple) else value
