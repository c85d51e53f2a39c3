"""What a bench is; the modules `steps`, `grid` and `together` are the three that there are."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any, Protocol


class Bench(Protocol):
    """A module with its own class `Row`, one result, and these functions."""

    def run(self, device: str, rounds: int) -> Iterator[Any]:
        """First the conditions of the run, a dictionary, then a Row for each result."""

    def table(self, row: Any) -> str:
        """A row as text."""

    def plot(self, rows: list[Any], path: Path) -> None:
        """All rows as one picture."""
