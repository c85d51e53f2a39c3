"""What a worker does: one run, from the notebook's text to what it gave. It keeps nothing, and
needs no folder of the driver's."""

from __future__ import annotations

import logging
import platform
import socket
import tempfile
import threading
import time
from dataclasses import dataclass, field
from importlib.metadata import version
from pathlib import Path
from typing import Any

_ONE_AT_A_TIME = threading.Lock()  # papermill changes the working folder of the whole process


@dataclass(frozen=True)
class Job:
    """What a worker is given. source: the notebook, as JSON. folder: where it comes from, the
    kernel's working folder if the worker sees it. limit: seconds, or None."""

    notebook: str
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
    from optlab.report.ledger import verdicts
    from optlab.report.metrics import metrics
    from optlab.running.errors import CellError
    from optlab.running.execute import run_into
    from optlab.running.recording import into

    logging.getLogger("papermill").setLevel(logging.CRITICAL)
    with _ONE_AT_A_TIME, tempfile.TemporaryDirectory(prefix="optlab-sweep-") as name, into(None):
        notebook, output = Path(name, f"{job.notebook}.ipynb"), Path(name, "executed.ipynb")
        notebook.write_text(job.source, encoding="utf-8")
        cwd = Path(job.folder) if Path(job.folder).is_dir() else Path(name)
        error = traceback = ""
        start = time.monotonic()
        try:
            run_into(notebook, output, job.parameters, cwd=cwd, seconds=job.limit, progress=False)
        except CellError as failure:
            error, traceback = str(failure), failure.traceback
        return Outcome(
            source=output.read_text(encoding="utf-8"),
            verdicts={claim["id"]: claim["verdict"] for claim in verdicts(output)},
            metrics=metrics(output),
            seconds=round(time.monotonic() - start, 2),
            error=error,
            traceback=traceback,
            versions={"python": platform.python_version()}
            | {name: version(name) for name in ("optlab", "torch")},
            worker=socket.gethostname(),
        )
