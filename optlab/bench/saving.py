"""Benches as files, and those that are kept for the book."""

from __future__ import annotations

import json
import re
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from importlib import import_module
from pathlib import Path
from typing import Any

import torch

import optlab
from optlab import provenance, writing
from optlab.records import RESULTS, result_files
from optlab.typed import typed

KINDS = {"steps": "", "grid": " --grid", "together": " --together"}  # options of optlab bench
FOLDER = "bench"  # within book/results: a folder for each kind


@dataclass(frozen=True)
class Saved:
    """A bench that was saved: what it was measured on and with, and its rows."""

    conditions: dict[str, Any]
    rows: list[Any]

    @property
    def machine(self) -> str:
        """Processor and threads, or GPU. Ratios of different machines are not to be compared."""
        return str(self.conditions.get("machine", self.conditions["device"]))


def circumstances(device: str, rounds: int) -> dict[str, Any]:
    """What every bench is saved with; to be asked for when it begins."""
    return {
        "machine": provenance.machine(torch.device(device)),
        "rounds": rounds,
        "optlab": optlab.__version__,
        "commit": provenance.commit(),
        "date": provenance.today(),
    }


def save(rows: Sequence[Any], conditions: dict[str, Any], path: Path) -> None:
    """Conditions and rows as JSON."""
    content = {"conditions": conditions, "rows": [asdict(row) for row in rows]}
    writing.write(path, f"{json.dumps(content, indent=1)}\n".encode())


def record(kind: str, rows: Sequence[Any], conditions: dict[str, Any]) -> Path:
    """Keep a bench for the book, in the working folder's book/results: one for each version of
    optlab and machine. `conditions` include `circumstances`."""
    machine = re.sub("[^a-z0-9]+", "-", conditions["machine"].lower()).strip("-")
    path = RESULTS / FOLDER / kind / f"{conditions['optlab']}-{machine}.json"
    save(rows, conditions, path)
    return path


def recorded(kind: str, results: Path | None = None) -> list[Saved]:
    """The benches of a kind that are kept for the book, the newest first.

    results: by default book/results, beside or above the working folder.
    Raises ValueError, one line, if a file there is none.
    """
    benches = [read(kind, path) for path in result_files(f"{FOLDER}/{kind}/*.json", results)]
    return sorted(benches, key=lambda bench: str(bench.conditions.get("date", "")), reverse=True)


def read(kind: str, path: Path) -> Saved:
    """The bench in a file. Raises ValueError, one line, if it is none of that kind."""
    row = import_module(f"optlab.bench.{kind}").Row
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
        conditions, rows = content["conditions"], [row(**item) for item in content["rows"]]
        for name in ("device", "optlab", "torch"):
            conditions[name]
    except (ValueError, TypeError, KeyError) as error:
        why = str(error).split("__init__() ")[-1]
        raise ValueError(
            f"{path} is not a bench of {kind} ({why}); remove it, restore it by git, or make it "
            f"anew with {typed('optlab', 'bench')}{KINDS[kind]} --record"
        ) from None
    return Saved(conditions, rows)
