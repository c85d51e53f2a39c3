"""Give the runs of a sweep to a cluster's workers, and keep what comes back."""

from __future__ import annotations

import json
import traceback
from collections import deque
from concurrent.futures import CancelledError
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from optlab.sweep.cluster import GPU
from optlab.sweep.errors import Stopped
from optlab.sweep.folder import FAILED, FINISHED, Folder, Record
from optlab.sweep.plan import Plan, Run
from optlab.sweep.progress import Progress
from optlab.sweep.work import Job, Outcome, work

if TYPE_CHECKING:
    from distributed import Client, Future

WINDOW = 256  # runs that are with the scheduler at a time, since each brings its notebook along


@dataclass(frozen=True)
class Driver:
    """retries: more attempts at a run that fails. limit: seconds for a run, or None. gpu: each
    run takes one of the GPUs that workers announce."""

    plan: Plan
    notebook: Path
    folder: Folder
    progress: Progress
    retries: int
    limit: float | None
    gpu: bool

    def drive(self, client: Client, runs: list[Run]) -> None:
        """Run all and keep each as it ends, whatever becomes of the others.

        A run that fails is tried again after the others. A run whose worker died is given to
        another by Dask. Stopped if the scheduler is lost or nothing can be written.
        """
        from distributed import as_completed

        waiting = deque((run, 1) for run in runs)
        away: dict[Future[Outcome], tuple[Run, int]] = {}
        back, source = as_completed(), _without_outputs(self.notebook)
        resources = {GPU: 1} if self.gpu else {}
        while waiting or away:
            while waiting and len(away) < WINDOW:
                run, attempt = waiting.popleft()
                job = Job(
                    self.plan.notebook,
                    source,
                    str(self.notebook.parent.resolve()),
                    run.parameters,
                    self.limit,
                )
                future = client.submit(work, job, pure=False, resources=resources)
                away[future] = run, attempt
                back.add(future)
            future = next(back)
            run, attempt = away.pop(future)
            outcome = _outcome(future)
            if outcome.error and attempt <= self.retries:
                self.progress.retried(run, outcome.error)
                waiting.append((run, attempt + 1))
            else:
                self._keep(run, outcome, attempt)

    def _keep(self, run: Run, outcome: Outcome, attempts: int) -> None:
        record = Record(
            id=run.id,
            notebook=self.plan.notebook,
            code=self.plan.code,
            parameters=run.parameters,
            status=FAILED if outcome.error else FINISHED,
            verdicts=outcome.verdicts,
            metrics=outcome.metrics,
            seconds=outcome.seconds,
            attempts=attempts,
            error=outcome.error,
            versions=outcome.versions,
            worker=outcome.worker,
        )
        try:
            self.folder.keep(record, outcome.source, outcome.traceback)
        except OSError as error:
            raise Stopped(f"cannot write in {self.folder.path}: {error.strerror}") from None
        self.progress.ended(run, record)


def _outcome(future: Future[Outcome]) -> Outcome:
    from distributed import KilledWorker

    try:
        return future.result()
    except CancelledError:
        raise Stopped("the scheduler is gone") from None
    except KilledWorker as error:
        return _nothing(
            "failed: every worker that had this run died; was there enough memory?", error
        )
    except Exception as error:
        return _nothing(f"failed: {type(error).__name__}: {error}", error)


def _nothing(error: str, cause: Exception) -> Outcome:
    text = "".join(traceback.format_exception(cause))
    return Outcome(source="", verdicts={}, metrics={}, seconds=0.0, error=error, traceback=text)


def _without_outputs(notebook: Path) -> str:
    """The notebook as JSON; old outputs would only travel to be replaced."""
    content = json.loads(notebook.read_text(encoding="utf-8"))
    for cell in content["cells"]:
        if cell["cell_type"] == "code":
            cell["outputs"], cell["execution_count"] = [], None
    return json.dumps(content)
