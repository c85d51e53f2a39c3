"""What a sweep will do, in words, and how long it may take."""

from __future__ import annotations

import json
import math
from collections.abc import Iterator
from pathlib import Path
from statistics import median
from typing import Any

from optlab.sweep.folder import Folder
from optlab.sweep.plan import Plan

SHOWN = 8  # values of a parameter


def describe(
    plan: Plan, notebook: Path, folder: Folder, *, resume: bool, workers: int | None
) -> Iterator[str]:
    """Lines for a person. workers: how many share the work; None if that is not known yet."""
    number = len(plan.runs)
    yield f"{plan.notebook}: {counted(number, 'run')}"
    for name, values in plan.swept.items():
        yield f"  {name}: {_some(values)}"
    for name, value in plan.fixed.items():
        yield f"  {name}: {value}, in all runs"
    if finished := folder.finished(plan) if resume else []:
        yield f"finished before: {len(finished)}, to run: {number - len(finished)}"
    yield f"estimate: {_estimate(plan, notebook, folder, number - len(finished), workers)}"
    yield f"folder: {folder.path}"


def _estimate(plan: Plan, notebook: Path, folder: Folder, number: int, workers: int | None) -> str:
    if measured := folder.seconds():
        each, source = median(measured), f"the {counted(len(measured), 'finished run')} there"
    elif seconds := _published(plan, notebook):
        each, source = seconds, "book/status.json, measured on another computer perhaps"
    else:
        return "unknown, as no run of this notebook is there to go by"
    by = f"{duration(each)} for each, from {source}"
    if workers is None:
        return f"{duration(number * each)} of work, shared by the cluster's workers; {by}"
    return f"{duration(math.ceil(number / workers) * each)} on {counted(workers, 'worker')}; {by}"


def _published(plan: Plan, notebook: Path) -> float | None:
    """Seconds of the notebook as the book has it: of no use for another scale."""
    path = notebook.parent.parent / "book" / "status.json"
    if "scale" in plan.swept | plan.fixed:
        return None
    try:
        seconds = json.loads(path.read_text(encoding="utf-8"))["seconds"].get(plan.notebook)
        return float(seconds) if float(seconds) >= 0 else None
    except (OSError, ValueError, LookupError, TypeError, AttributeError, RecursionError):
        return None  # an estimate is not worth an error


def duration(seconds: float) -> str:
    """12 s, 3 min, 2.5 h: as precise as an estimate is."""
    if seconds < 100:
        return f"{max(seconds, 1):.0f} s"
    return f"{seconds / 60:.0f} min" if seconds < 6000 else f"{seconds / 3600:.1f} h"


def counted(number: int, what: str) -> str:
    """`1 run`, `3 runs`."""
    return f"{number} {what}{'' if number == 1 else 's'}"


def _some(values: list[Any]) -> str:
    texts = [str(value) for value in values]
    if len(texts) > SHOWN:
        texts = [*texts[: SHOWN - 2], "…", texts[-1]]
    return f"{', '.join(texts)} ({counted(len(values), 'value')})"
