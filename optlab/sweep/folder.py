"""The folder of a sweep: its plan, and what each run gave, under the run's own name.

    sweep.json               the plan
    runs/ID/                 a run that finished: its notebook and record.json
    failed/ID/               one that did not: the same up to there, traceback.txt
    table.parquet, .csv      the runs of the plan that there are, a row each
    summary.ipynb            figures of the table

ID is made of the notebook's code and of all parameters, so a run is the same wherever it is
asked for. A run is in its folder whole or not at all. Links that lead out of the folder are
refused, so that nothing is read or written elsewhere.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from optlab import writing
from optlab.running.errors import RunError
from optlab.sweep.plan import Plan, Run
from optlab.sweep.stored import (
    FAILED,
    FINISHED,
    RunRecord,
    is_id,
    plan_from_json,
    plan_to_json,
    record_from_json,
    record_to_json,
)

if TYPE_CHECKING:
    from filelock import BaseFileLock

PLAN, LOCK = "sweep.json", ".lock"
AGAIN = "give the sweep again with --resume, which keeps what has finished"


class Folder:
    """A folder of this layout; nothing is made before `claim`."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._locks: list[BaseFileLock] = []
        self._written: tuple[int, ...] = ()  # what tells the stored plan's file from others

    @contextmanager
    def claim(self, plan: Plan, *, resume: bool) -> Iterator[None]:
        """Hold the folder for a sweep while the context lasts, and store its plan.

        RunError, before anything of a sweep is changed, if the folder cannot be written, has
        other files, another notebook's runs, runs of this plan without `resume`, or if another
        sweep holds it. What a killed sweep was writing is taken away. A plan that is damaged is
        replaced if `resume` says so.
        """
        try:
            self._refuse_foreign(plan, resume)
            self.path.mkdir(parents=True, exist_ok=True)
            self._lock()
            try:
                self._refuse_repetition(plan, resume)
                self._write_plan(plan)
                for run in self.finished(plan):  # a crash may have left both
                    writing.remove(self.place(run.id, FAILED))
            except BaseException:
                self._release()
                raise
        except OSError as error:
            raise unwritable(self.path, error) from None
        try:
            yield
        finally:
            self._release()

    def restore(self, plan: Plan) -> bool:
        """Store the plan again if the file, or the folder, was removed or damaged since `claim`;
        whether that was so. OSError if it cannot be stored."""
        if self._signature() == self._written != ():  # a plan may be long: it is not read each time
            return False
        self.path.mkdir(parents=True, exist_ok=True)
        if not (self.path / LOCK).exists():
            self._lock()
        self._write_plan(plan)
        return True

    @contextmanager
    def writing_table(self) -> Iterator[None]:
        """Wait until no other process writes the table and the summary."""
        from filelock import FileLock

        with FileLock(self.path / ".table.lock"):
            yield

    def plan(self) -> Plan:
        """The plan of the last sweep here. RunError if there was none, or it is damaged."""
        path = self.path / PLAN
        if not (path.exists() or path.is_symlink()):
            raise RunError(f"{self.path} is not the folder of a sweep")
        try:
            return plan_from_json(writing.read(path))
        except OSError as error:
            raise RunError(f"cannot read {path}: {error.strerror or error}; {AGAIN}") from None
        except ValueError as error:
            reason = str(error).partition("\n")[0]
            raise RunError(
                f"{path} is damaged or of another version of optlab ({reason}); {AGAIN}"
            ) from None

    def place(self, id: str, status: str) -> Path:
        """Where a run is kept that ended so."""
        return self.path / {FINISHED: "runs", FAILED: "failed"}[status] / id

    def finished(self, plan: Plan) -> list[Run]:
        """The runs that have finished; one whose record is damaged has not."""
        return [run for run in plan.runs if self._whole(run.id, FINISHED)]

    def failed(self, plan: Plan) -> list[Run]:
        """The runs that have failed and have not finished since."""
        return [
            run
            for run in plan.runs
            if self._whole(run.id, FAILED) and not self._whole(run.id, FINISHED)
        ]

    def records(self, plan: Plan) -> list[RunRecord]:
        """Of the runs of the plan that have ended, in the plan's order. RunError for one that
        is damaged."""
        found = []
        for run in plan.runs:
            for status in (FINISHED, FAILED):
                if self._there(self.place(run.id, status)):
                    found.append(self._read(run.id, status))
                    break
        return found

    def seconds(self) -> list[float]:
        """How long each finished run in the folder took, of whatever plan."""
        found = []
        for path in sorted(self.place("", FINISHED).glob("[!.]*")):
            if is_id(path.name) and self._whole(path.name, FINISHED):
                found.append(self._read(path.name, FINISHED).seconds)
        return found

    def keep(self, record: RunRecord, notebook: str, traceback: str) -> Path:
        """Store a run that has ended; the path of its folder. OSError if it cannot be stored."""
        contents = {"record.json": record_to_json(record)}
        if notebook:
            contents[f"{record.notebook}.ipynb"] = notebook.encode("utf-8", "backslashreplace")
        if traceback:
            contents["traceback.txt"] = traceback.encode("utf-8", "backslashreplace")
        kept = self.place(record.id, record.status)
        writing.write_folder(kept, contents)
        if record.status == FINISHED:
            writing.remove(self.place(record.id, FAILED))
        return kept

    def _lock(self) -> None:
        from filelock import FileLock, Timeout

        lock = FileLock(self.path / LOCK, timeout=0)
        try:
            lock.acquire()
        except Timeout:
            raise RunError(
                f"another sweep is at work in {self.path}; wait for it, or give -o"
            ) from None
        except NotImplementedError:
            raise RunError(
                f"{self.path} is on a disk without locks, so two sweeps could work in it; "
                "give a folder on another disk with -o"
            ) from None
        self._locks.append(lock)

    def _release(self) -> None:
        while self._locks:
            self._locks.pop().release()

    def _write_plan(self, plan: Plan) -> None:
        for folder in (self.path, self.place("", FINISHED), self.place("", FAILED)):
            if not folder.is_symlink():
                folder.mkdir(exist_ok=True)
            if not self._there(folder):
                raise RunError(f"{folder} is not a folder; remove it")
            writing.remove_drafts(folder)
        writing.write(self.path / PLAN, plan_to_json(plan))
        self._written = self._signature()

    def _signature(self) -> tuple[int, ...]:
        try:
            found = (self.path / PLAN).lstat()
        except OSError:
            return ()
        return found.st_ino, found.st_size, found.st_mtime_ns

    def _there(self, place: Path) -> bool:
        """Whether there is a folder of a run. RunError if it is, or is behind, a link that
        leads out of this folder."""
        if not place.is_dir():
            return False
        if not place.resolve().is_relative_to(self.path.resolve()):
            raise RunError(f"{place} is a link out of {self.path}; remove it")
        return True

    def _whole(self, id: str, status: str) -> bool:
        if not self._there(self.place(id, status)):
            return False
        try:
            return bool(self._read(id, status))
        except RunError:
            return False

    def _read(self, id: str, status: str) -> RunRecord:
        place = self.place(id, status)
        path = place / "record.json"
        try:
            return record_from_json(writing.read(path), id)
        except (OSError, ValueError) as error:
            why = error.strerror if isinstance(error, OSError) else str(error).partition("\n")[0]
            raise RunError(
                f"{path} is damaged ({why}); delete {place} and run the sweep again with --resume"
            ) from None

    def _refuse_foreign(self, plan: Plan, resume: bool) -> None:
        path = self.path / PLAN
        if not (path.exists() or path.is_symlink()):
            ours = {"runs", "failed"}
            if self.path.is_dir():
                there = {found.name for found in self.path.glob("[!.]*")}
                if there and not (resume and ours & there):
                    raise RunError(f"{self.path} has other files; give another folder with -o")
            return
        try:
            notebook = self.plan().notebook
        except RunError:
            if resume:
                return
            raise
        if notebook != plan.notebook:
            raise RunError(f"{self.path} holds a sweep of {notebook}; give another folder with -o")

    def _refuse_repetition(self, plan: Plan, resume: bool) -> None:
        there = [
            run
            for run in plan.runs
            if any(self._there(self.place(run.id, status)) for status in (FINISHED, FAILED))
        ]
        if there and not resume:
            raise RunError(
                f"{self.path} already holds {len(there)} of these runs; "
                "give --resume to keep what is finished, or another folder with -o"
            )


def unwritable(path: Path, error: OSError) -> RunError:
    """What a person is told if `path` cannot be written."""
    return RunError(f"cannot write in {path}: {error.strerror or error}")
