"""Tables for the book: text that tests compare, and on a page a table that a phone shows, too."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from html import escape
from typing import Any, Literal

Best = Literal["least", "greatest"]
MARK = " *"  # behind the best value, in text


@dataclass(frozen=True)
class Table:
    """A table as a notebook shows it. cells: as text; best: places (row, column) of the marked."""

    columns: tuple[str, ...]
    cells: tuple[tuple[str, ...], ...]
    right: tuple[bool, ...]
    best: frozenset[tuple[int, int]]
    caption: str = ""

    def __repr__(self) -> str:
        marked = [
            [cell + MARK * ((i, j) in self.best) for j, cell in enumerate(row)]
            for i, row in enumerate(self.cells)
        ]
        widths = [max(map(len, column)) for column in zip(self.columns, *marked, strict=True)]
        lines = [
            "  ".join(
                cell.rjust(width) if right else cell.ljust(width)
                for cell, width, right in zip(row, widths, self.right, strict=True)
            ).rstrip()
            for row in (self.columns, *marked)
        ]
        return "\n".join([*([self.caption] if self.caption else []), *lines])

    def _repr_html_(self) -> str:
        caption = f"<caption>{escape(self.caption)}</caption>" if self.caption else ""
        head = "".join(f'<th scope="col">{escape(name)}</th>' for name in self.columns)
        body = "".join(f"<tr>{self._row(i)}</tr>" for i in range(len(self.cells)))
        return (
            f'<table class="optlab-table">{caption}<thead><tr>{head}</tr></thead>'
            f"<tbody>{body}</tbody></table>"
        )

    def _row(self, i: int) -> str:
        first, *rest = self.cells[i]
        found = [f'<th scope="row">{escape(first)}</th>']
        for j, cell in enumerate(rest, start=1):
            text = escape(cell)
            if (i, j) in self.best:
                text = f'<strong title="best of its column">{text}</strong>'
            found.append(f'<td data-column="{escape(self.columns[j])}">{text}</td>')
        return "".join(found)


def table(
    columns: Sequence[str],
    rows: Sequence[Sequence[Any]],
    *,
    best: Mapping[str, Best] | None = None,
    digits: int = 3,
    caption: str = "",
) -> Table:
    """Make a table; let it be the last value of the cell::

        report.table(["method", "error, %"], [["Adam", 4.71], ["AdamW", 4.2]],
                     best={"error, %": "least"})

    Args:
        columns: their names; the first names the rows.
        rows: a value for each column: text, or numbers, which are shown to `digits` significant
            digits. An interval is a tuple (mean, low, high).
        best: the columns in which a least or greatest value is marked; of an interval the mean
            counts, and equal values, as shown, are all marked.
        caption: what the table says, plain text.

    Raises:
        ValueError: for a row of another length, or a best of a column that is not there or has
            no numbers.
    """
    for row in rows:
        if len(row) != len(columns):
            raise ValueError(f"a row has {len(row)} values for {len(columns)} columns: {row}")
    cells = tuple(tuple(_text(value, digits) for value in row) for row in rows)
    marked = set()
    for name, which in (best or {}).items():
        if name not in columns:
            raise ValueError(f"best: there is no column {name!r}; there are {', '.join(columns)}")
        if which not in ("least", "greatest"):
            raise ValueError(f"best of {name!r} is 'least' or 'greatest', not {which!r}")
        j = list(columns).index(name)
        numbers = {i: x for i, row in enumerate(rows) if (x := _number(row[j])) is not None}
        if not numbers:
            raise ValueError(f"best: the column {name!r} has no numbers")
        winner = (min if which == "least" else max)(numbers, key=numbers.__getitem__)
        shown = _text(numbers[winner], digits)
        marked |= {(i, j) for i, x in numbers.items() if _text(x, digits) == shown}
    right = tuple(
        any(_number(row[j]) is not None for row in rows) and j > 0 for j in range(len(columns))
    )
    return Table(tuple(columns), cells, right, frozenset(marked), caption)


def _number(value: Any) -> float | None:
    """The number that a cell is judged by, None where it has none."""
    if isinstance(value, tuple) and value:
        value = value[0]
    if isinstance(value, str | bool) or value is None:
        return None
    number = float(value)
    return number if math.isfinite(number) else None


def _text(value: Any, digits: int) -> str:
    if isinstance(value, str):
        return value
    if isinstance(value, tuple):
        mean, low, high = (_text(x, digits) for x in value)
        return f"{mean} [{low}, {high}]"
    if value is None:
        return ""
    if isinstance(value, bool | int):
        return str(value)
    text = f"{float(value):#.{digits}g}".rstrip(".")
    return f"{float(value):.{digits - 1}e}" if "e" in text else text
