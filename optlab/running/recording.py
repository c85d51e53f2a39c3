"""Letting a notebook's run be recorded for the book, by `optlab.experiments.record`."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path

from optlab.running.errors import RunError

FOLDER = "OPTLAB_RECORD"  # as in optlab.experiments.records, which would load torch
RESULTS = Path("book", "results")
FREE = ("scale", "seed", "device")


def allow(names: Iterable[str]) -> None:
    """RunError if a parameter is set that a record does not tell."""
    if others := [name for name in names if name not in FREE]:
        raise RunError(
            f"with --record only {', '.join(FREE)} may be set, not {', '.join(others)}: a record"
            " is of the settings that the code has"
        )


@contextmanager
def into(folder: Path | None) -> Iterator[None]:
    """What runs inside records into `folder`; RunError if it ends without having done so.
    None: nothing is recorded."""
    if folder is None:
        os.environ.pop(FOLDER, None)
        yield
        return
    os.environ[FOLDER] = str(folder.resolve())
    before = _times(folder)
    try:
        yield
    finally:
        del os.environ[FOLDER]
    if _times(folder) == before:
        raise RunError("nothing was recorded: this notebook does not call experiments.record")


def _times(folder: Path) -> dict[Path, int]:
    return {path: path.stat().st_mtime_ns for path in folder.glob("*.json")}
