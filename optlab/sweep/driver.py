"""Give the runs of a sweep to a cluster's workers, and keep what comes back."""

from __future__ import annotations

import json
import traceback
from collections import deque
from collections.abc import Callable
from concurrent.futures import CancelledError
from dataclasses import asdict, dataclass, field
from pathlib import Path
from time import sleep
from typing import TYPE_CHECKING, Any

from optlab.running.errors import RunError
from optlab.sweep import versions, waiting
from optlab.sweep.cluster import GPU
from optlab.sweep.errors import Stopped
from optlab.sweep.folder import PLAN, Folder
from optlab.sweep.plan import Plan, Run
from optlab.sweep.progress import Progress
from optlab.sweep.stored import FAILED, FINISHED, RunRecord
from optlab.sweep.work import Job, Outcome

if TYPE_CHECKING:
    from distributed import Client, Future

WINDOW = 256  # runs that are with the scheduler at a time, since each brings its notebook along


@dataclass
class Driver:
    """notebook: the file, whose folder runs work in. retries: more attempts at a run that fails.
    limit: seconds for a run, or None. gpu: each run takes one of the GPUs that workers announce.
    local: the cluster is the sweep's own. code: the versions that runs should be made by."""

    plan: Plan
    notebook: Path
    folder: Folder
    progress: Progress
    retries: int
    limit: float | None
    gpu: bool
    local: bool
    code: dict[str, str]
    _other_code: set[str] = field(default_factory=set)
    _away: dict[Future[dict[str, Any]], tuple[Run, int]] = field(default_factory=dict)
    _called_back: set[Future[dict[str, Any]]] = field(default_factory=set)

    def drive(self, client: Client, runs: list[Run]) -> None:
        """Run all and keep each as it ends, whatever becomes of the others.

        A run that fails is tried again after the others. A run whose worker died is given to
        another by Dask. While no worker can do runs, a line says what is missing. Stopped if the
        scheduler is lost or nothing can be written.
        """
        workers = waiting.Workers(client, self.gpu, self.local)
        watch = waiting.Watch(workers.missing, self.progress.say)
        try:
            while not watch.look():  # so that no worker without optlab gets a run
                sleep(min(waiting.LOOK, waiting.EVERY))
        except (OSError, CancelledError):
            raise Stopped("the scheduler is gone") from None
        self._tell_unfit(workers)
        workers.stranded = False
        with watch.looking(lambda: self._call_back(client, workers)):
            self._drive(client, runs)

    def _drive(self, client: Client, runs: list[Run]) -> None:
        from distributed import as_completed

        waiting_runs = deque((run, 1) for run in runs)
        away = self._away
        back, source = as_completed(), _without_outputs(self.plan.source)
        resources = ({} if self.local else {waiting.FIT: 1}) | ({GPU: 1} if self.gpu else {})
        work, folder = _work(), str(self.notebook.parent.resolve())
        while waiting_runs or away:
            while waiting_runs and len(away) < WINDOW:
                run, attempt = waiting_runs.popleft()
                job = Job(source, folder, run.parameters, self.limit)
                future = client.submit(work, asdict(job), pure=False, resources=resources)
                away[future] = run, attempt
                back.add(future)
            future = next(back)
            run, attempt = away.pop(future)
            if future in self._called_back:
                self._called_back.remove(future)
                waiting_runs.appendleft((run, attempt))
                continue
            outcome = _outcome(future)
            if outcome.error and attempt <= self.retries:
                self.progress.retried(run, outcome.error)
                waiting_runs.append((run, attempt + 1))
            else:
                self._keep(run, outcome, attempt)

    def _call_back(self, client: Client, workers: waiting.Workers) -> None:
        """Take back the runs that were given to workers which are all gone: Dask gives those
        that ask for a resource to no worker that has got it after it came."""
        if workers.stranded and not self.local:
            self._called_back.update(future for future in list(self._away) if not future.done())
            client.cancel(list(self._called_back))
        workers.stranded = False
        self._tell_unfit(workers)

    def _tell_unfit(self, workers: waiting.Workers) -> None:
        if line := workers.unfit():
            self.progress.say(line)

    def _keep(self, run: Run, outcome: Outcome, attempts: int) -> None:
        record = RunRecord(
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
            if self.folder.restore(self.plan):
                self.progress.say(
                    f"{self.folder.path / PLAN} was removed or changed, and is written again"
                )
            self.folder.keep(record, outcome.source, outcome.traceback)
        except OSError as error:
            raise Stopped(f"cannot write in {self.folder.path}: {error.strerror}") from None
        except RunError as error:
            raise Stopped(str(error)) from None
        self.progress.ended(run, record)
        self._tell_other_code(record)

    def _tell_other_code(self, record: RunRecord) -> None:
        """Say once of each version of the code that it is not the one of this computer."""
        made = versions.name(record.versions)
        if record.versions and not versions.same(record.versions, self.code):
            if made not in self._other_code:
                self.progress.say(
                    f"made by other code than here, as the table tells: {made} on {record.worker}"
                )
            self._other_code.add(made)


def _work() -> Callable[[dict[str, Any]], dict[str, Any]]:
    """What a worker runs. As a function within a function it travels by value: the scheduler
    needs nothing of this package."""

    def work_on(job: dict[str, Any]) -> dict[str, Any]:
        from dataclasses import asdict

        from optlab.sweep.work import Job, work

        return asdict(work(Job(**job)))

    return work_on


def _outcome(future: Future[dict[str, Any]]) -> Outcome:
    from distributed import KilledWorker

    try:
        return Outcome(**future.result())
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


def _without_outputs(source: str) -> str:
    """The notebook as JSON; old outputs would only travel to be replaced."""
    content = json.loads(source)
    for cell in content["cells"]:
        if cell["cell_type"] == "code":
            cell["outputs"], cell["execution_count"] = [], None
    return json.dumps(content)
