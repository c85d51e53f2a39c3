"""The folder of a sweep: its plan, and what each run gave, under the run's own name.

    sweep.json               the plan
    runs/ID/                 a run that finished: its notebook and record.json
    failed/ID/               one that did not: the same up to there, traceback.txt
    table.parquet, .csv      the runs of the plan that there are, a row each
    summary.ipynb            figures of the table

ID is made of the notebook's code and of all parameters, so a run is the same wherever it is
asked for. A run is in its folder whole or not at all.
"""

from __future__ import annotations

import json
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from functools import partial
from pathlib import Path
from typing import Any

from optlab.running.errors import RunError
from optlab.sweep import files
from optlab.sweep.plan import Plan, Run

FINISHED, FAILED = "finished", "failed"

_dumps = partial(json.dumps, indent=1, ensure_ascii=False, allow_nan=False)


@dataclass(frozen=True)
class Record:
    """What is known of a run. verdicts and metrics: by name, as its notebook showed them;
    a metric that was not finite is None. seconds: of the attempt that is kept. error: where
    and how it failed, else empty. worker: the computer it ran on."""

    id: str
    notebook: str
    code: str
    parameters: dict[str, Any]
    status: str
    verdicts: dict[str, str]
    metrics: dict[str, float | None]
    seconds: float
    attempts: int
    error: str
    versions: dict[str, str]
    worker: str


class Folder:
    """A folder of this layout; nothing is made before `claim`."""

    def __init__(self, path: Path) -> None:
        self.path = path

    @contextmanager
    def claim(self, plan: Plan, *, resume: bool) -> Iterator[None]:
        """Hold the folder for a sweep while the context lasts, and store its plan.

        RunError, before anything of a sweep is changed, if the folder cannot be written, has
        other files, another notebook's runs, runs of this plan without `resume`, or if another
        sweep holds it. What a killed sweep was writing is taken away.
        """
        from filelock import FileLock, Timeout

        lock = FileLock(self.path / ".lock", timeout=0)
        try:
            self._refuse_foreign(plan)
            self.path.mkdir(parents=True, exist_ok=True)
            with lock:
                self._refuse_repetition(plan, resume)
                for folder in (self.path, self.place("", FINISHED), self.place("", FAILED)):
                    folder.mkdir(exist_ok=True)
                    files.remove_drafts(folder)
                files.write(self.path / "sweep.json", _dumps(asdict(plan)).encode())
                lock.acquire()  # held once more, so that it outlives this block
        except Timeout:
            raise RunError(
                f"another sweep is at work in {self.path}; wait for it, or give -o"
            ) from None
        except OSError as error:
            raise unwritable(self.path, error) from None
        try:
            yield
        finally:
            lock.release()

    @contextmanager
    def writing_table(self) -> Iterator[None]:
        """Wait until no other process writes the table and the summary."""
        from filelock import FileLock

        with FileLock(self.path / ".table.lock"):
            yield

    def plan(self) -> Plan:
        """The plan of the last sweep here. RunError if there was none."""
        try:
            content = json.loads((self.path / "sweep.json").read_text(encoding="utf-8"))
        except (OSError, ValueError):
            raise RunError(f"{self.path} is not the folder of a sweep") from None
        return Plan(**(content | {"runs": [Run(**run) for run in content["runs"]]}))

    def place(self, id: str, status: str) -> Path:
        """Where a run is kept that ended so."""
        return self.path / {FINISHED: "runs", FAILED: "failed"}[status] / id

    def finished(self, plan: Plan) -> list[Run]:
        return [run for run in plan.runs if self.place(run.id, FINISHED).is_dir()]

    def failed(self, plan: Plan) -> list[Run]:
        return [run for run in plan.runs if self.place(run.id, FAILED).is_dir()]

    def records(self, plan: Plan) -> list[Record]:
        """Of the runs of the plan that have ended, in the plan's order."""
        return [
            _read(place)
            for run in plan.runs
            for place in (self.place(run.id, FINISHED), self.place(run.id, FAILED))
            if place.is_dir()
        ]

    def seconds(self) -> list[float]:
        """How long each finished run in the folder took, of whatever plan."""
        return [_read(path).seconds for path in sorted(self.place("", FINISHED).glob("[!.]*"))]

    def keep(self, record: Record, notebook: str, traceback: str) -> Path:
        """Store a run that has ended; the path of its folder. OSError if it cannot be stored."""
        contents = {"record.json": _dumps(asdict(record)).encode()}
        if notebook:
            contents[f"{record.notebook}.ipynb"] = notebook.encode()
        if traceback:
            contents["traceback.txt"] = traceback.encode()
        kept = self.place(record.id, record.status)
        files.write_folder(kept, contents)
        if record.status == FINISHED:
            shutil.rmtree(self.place(record.id, FAILED), ignore_errors=True)
        return kept

    def _refuse_foreign(self, plan: Plan) -> None:
        if not (self.path / "sweep.json").exists():
            if self.path.is_dir() and any(self.path.glob("[!.]*")):
                raise RunError(f"{self.path} has other files; give another folder with -o")
        elif (notebook := self.plan().notebook) != plan.notebook:
            raise RunError(f"{self.path} holds a sweep of {notebook}; give another folder with -o")

    def _refuse_repetition(self, plan: Plan, resume: bool) -> None:
        there = [*self.finished(plan), *self.failed(plan)]
        if there and not resume:
            raise RunError(
                f"{self.path} already holds {len(there)} of these runs; "
                "give --resume to keep what is finished, or another folder with -o"
            )


def unwritable(path: Path, error: OSError) -> RunError:
    """What a person is told if `path` cannot be written."""
    return RunError(f"cannot write in {path}: {error.strerror or error}")


def _read(folder: Path) -> Record:
    path = folder / "record.json"
    try:
        return Record(**json.loads(path.read_text(encoding="utf-8")))
    except (OSError, ValueError, TypeError):
        raise RunError(f"{path} is damaged; delete {folder} and run the sweep again") from None
