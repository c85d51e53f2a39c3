"""What a worker does: one run, from the notebook's text to what it gave. It keeps nothing, and
needs no folder of the driver's."""

from __future__ import annotations

import logging
import math
import socket
import tempfile
import threading
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

_ONE_AT_A_TIME = threading.Lock()  # a run changes the environment of the whole process


@dataclass(frozen=True)
class Job:
    """What a worker is given. source: the notebook, as JSON. folder: where it comes from, the
    kernel's working folder if the worker sees it. limit: seconds, or None."""

    source: str
    folder: str
    parameters: dict[str, Any]
    limit: float | None


@dataclass(frozen=True)
class Outcome:
    """What a run gave: the executed notebook, up to the cell that failed if `error` says so."""

    source: str
    verdicts: dict[str, str]
    metrics: dict[str, float | None]
    seconds: float
    error: str = ""
    traceback: str = ""
    versions: dict[str, str] = field(default_factory=dict)
    worker: str = ""


def work(job: Job) -> Outcome:
    """Run a job in a kernel of its own, which ends with this process, if that is killed.

    A cell that fails is an outcome; any other fault is raised.
    """
    from optlab.running.errors import CellError, RunError
    from optlab.running.execute import run_into
    from optlab.running.recording import into
    from optlab.sweep import versions

    _silence()
    with _ONE_AT_A_TIME, tempfile.TemporaryDirectory(prefix="optlab-sweep-") as name, into(None):
        notebook, output = Path(name, "notebook.ipynb"), Path(name, "executed.ipynb")
        notebook.write_text(job.source, encoding="utf-8")
        cwd = Path(job.folder) if Path(job.folder).is_dir() else Path(name)
        error = traceback = ""
        code, start = versions.here(), time.monotonic()
        try:
            run_into(notebook, output, job.parameters, cwd=cwd, seconds=job.limit, progress=False)
        except CellError as failure:
            error, traceback = str(failure), failure.traceback
        except RunError as failure:  # before the first cell: there was no kernel
            error = str(failure)
        if not output.exists():
            output.write_text(job.source, encoding="utf-8")
        return Outcome(
            source=output.read_text(encoding="utf-8"),
            verdicts=_verdicts(output),
            metrics=_metrics(output),
            seconds=round(time.monotonic() - start, 2),
            error=error,
            traceback=traceback,
            versions=_unchanged(code, versions.here()),
            worker=socket.gethostname(),
        )


def _silence() -> None:
    """Of what is logged on the way, a person needs nothing: what fails is in the outcome."""
    asyncio = logging.getLogger("asyncio")
    if _no_destroyed_tasks not in asyncio.filters:
        asyncio.addFilter(_no_destroyed_tasks)


def _no_destroyed_tasks(record: logging.LogRecord) -> bool:
    """Those that waited for a kernel that was killed, when its time was up, tell that they did."""
    return not record.getMessage().startswith("Task was destroyed but it is pending")


def _unchanged(before: dict[str, str], after: dict[str, str]) -> dict[str, str]:
    """The versions of a run; files that were changed meanwhile are those of neither."""
    if before == after:
        return after
    return after | {"commit": f"{after['commit']}-dirty", "files": "changed-meanwhile"}


def _verdicts(notebook: Path) -> dict[str, str]:
    """By claim, as far as they are texts: a notebook of one's own may show anything as one."""
    from optlab.report.ledger import verdicts

    found = [claim for claim in verdicts(notebook) if isinstance(claim, dict)]
    return {str(c["id"]): str(c["verdict"]) for c in found if c.keys() >= {"id", "verdict"}}


def _metrics(notebook: Path) -> dict[str, float | None]:
    """By name. What is not a finite number of a float's size is None."""
    from optlab.report.metrics import MIME
    from optlab.report.outputs import shown

    found = [one for one in shown(notebook, MIME) if isinstance(one, dict) and "name" in one]
    return {str(one["name"]): _finite(one.get("value")) for one in found}


def _finite(value: Any) -> float | None:
    if isinstance(value, bool) or not isinstance(value, int | float):
        return None
    try:
        return value if math.isfinite(value) else None
    except OverflowError:  # an int that no float holds
        return None
