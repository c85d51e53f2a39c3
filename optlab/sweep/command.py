"""What `optlab sweep` does, from its arguments to its exit status."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from contextlib import AbstractContextManager, suppress
from dataclasses import dataclass, replace
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING

import click

from optlab.running.errors import RunError
from optlab.running.files import find_notebook
from optlab.sweep.cores import usable_cores
from optlab.sweep.errors import Stopped
from optlab.sweep.estimate import describe
from optlab.sweep.folder import Folder, unwritable
from optlab.sweep.plan import Plan, make_plan
from optlab.sweep.stored import FAILED
from optlab.sweep.versions import here, refuse_mixture
from optlab.typed import typed

if TYPE_CHECKING:
    from distributed import Client

TLS = "cryptography"  # which makes the certificate of a cluster on this computer
LONGEST = 366 * 86_400.0  # seconds that a run may take; clocks cannot wait for any number
INTERRUPTED = 130  # as shells have it for a program that SIGINT ended


@dataclass(frozen=True)
class Options:
    """How a sweep runs. retries: more attempts at a run that fails. limit: seconds for a run.
    workers: of a cluster on this computer; None: one for a core or, with `gpu`, for a GPU.
    scheduler: the address of another cluster, or None. gpu: each run needs a GPU of its own.
    mix: with `resume`, runs of other code may be kept."""

    resume: bool
    retries: int
    limit: float | None
    workers: int | None
    scheduler: str | None
    gpu: bool
    mix: bool = False


def sweep(
    notebook: str,
    grids: Sequence[str],
    fixed: Iterable[tuple[str, str]],
    seeds: int | None,
    output: Path | None,
    options: Options,
    *,
    dry: bool,
) -> int:
    """Plan, run, and make the table and the summary; the exit status.

    RunError if the sweep is refused, before anything runs.
    """
    require_libraries(*(() if options.scheduler or dry else (TLS,)))
    _check(options)
    path = find_notebook(notebook)
    plan = make_plan(path, grids, fixed, seeds)
    folder = Folder(output or Path("runs", f"sweep-{plan.notebook}"))
    workers = _workers(options, len(plan.runs))
    code = here()
    if options.resume and not options.mix:
        _refuse_mixture(plan, folder, code)
    for line in describe(plan, path, folder, resume=options.resume, workers=workers):
        _say(line)
    if dry:
        return 0
    with folder.claim(plan, resume=options.resume):
        try:
            _run_missing(plan, path, folder, options, workers, code)
        except Stopped as stopped:
            return _left(folder, plan, f"stopped: {stopped}", 1)
        except KeyboardInterrupt:
            return _left(folder, plan, "interrupted", INTERRUPTED)
        return report(folder, plan)


def report(folder: Folder, plan: Plan | None = None) -> int:
    """Make the table and the summary of what is there; 0 if that is all, and all succeeded.

    plan: whose runs; by default that of the last sweep in the folder. RunError if there is none,
    or nothing can be written.
    """
    from optlab.sweep.summary import write_summary
    from optlab.sweep.table import write_table

    require_libraries()
    plan = plan or folder.plan()
    finished, failed = len(folder.finished(plan)), folder.failed(plan)
    _say(f"{finished} of {len(plan.runs)} runs finished, {len(failed)} failed")
    for run in failed:
        _say(f"failed: {folder.place(run.id, FAILED)}")
    try:
        for path in [*write_table(folder, plan), write_summary(folder, plan)]:
            _say(str(path))
    except OSError as error:
        raise unwritable(folder.path, error) from None
    return 0 if finished == len(plan.runs) else 1


def _left(folder: Folder, plan: Plan, why: str, status: int) -> int:
    """End before the end; the table is of what there is, if it can be written."""
    from optlab.sweep.table import write_table

    there = len(folder.finished(plan))
    click.echo(f"{why}; {there} of {len(plan.runs)} runs are kept, go on with --resume", err=True)
    with suppress(OSError, RunError):
        write_table(folder, plan)
    return status


def _say(line: str) -> None:
    """Names of folders may be bytes that are no text."""
    click.echo(line.encode("utf-8", "replace").decode())


def require_libraries(*more: str) -> None:
    """RunError if what sweeps need is not installed, or something more."""
    names = ("distributed", "filelock", "polars", *more)
    if missing := [name for name in names if not find_spec(name)]:
        raise RunError(
            f"a sweep needs {', '.join(missing)}; install with: "
            + typed("python", "-m", "pip", "install", *missing)
        )


def _check(options: Options) -> None:
    """RunError for options that do not go together or cannot be kept."""
    if options.scheduler is not None and not options.scheduler.strip():
        raise RunError("--scheduler is empty; give its address, such as tcp://HOST:8786")
    if options.mix and not options.resume:
        raise RunError("--mix is for --resume, which it lets keep runs of other code")
    if options.limit is not None and not 0 < options.limit <= LONGEST:  # nan is in no range
        raise RunError(
            f"--timeout {options.limit:g} is refused: give seconds, more than 0 and at most a year"
        )


def _refuse_mixture(plan: Plan, folder: Folder, code: dict[str, str]) -> None:
    finished = folder.finished(plan)
    if len(finished) < len(plan.runs):  # else nothing new is made
        refuse_mixture(folder.records(replace(plan, runs=finished)), code, folder.path)


def _run_missing(
    plan: Plan,
    notebook: Path,
    folder: Folder,
    options: Options,
    workers: int | None,
    code: dict[str, str],
) -> None:
    from optlab.sweep.driver import Driver
    from optlab.sweep.progress import Progress

    there = {run.id for run in folder.finished(plan)}
    missing = [run for run in plan.runs if run.id not in there]
    if not missing:
        return
    with _cluster(options, workers) as client, Progress(plan, len(missing)) as progress:
        driver = Driver(
            plan,
            notebook,
            folder,
            progress,
            options.retries,
            options.limit,
            options.gpu,
            local=not options.scheduler,
            code=code,
        )
        driver.drive(client, missing)


def _workers(options: Options, runs: int) -> int | None:
    """How many processes of this computer work; None if another cluster does."""
    from optlab.sweep.cluster import visible_gpus

    if options.scheduler:
        if options.workers:
            raise RunError("--workers is for a cluster on this computer, not for --scheduler")
        return None
    if not options.gpu:
        return min(options.workers or usable_cores(), runs)
    if not (gpus := len(visible_gpus())):
        raise RunError("--gpu: there is no GPU here; leave it out, or give --scheduler")
    if (options.workers or 0) > gpus:
        raise RunError(f"--workers {options.workers}: with --gpu give at most {gpus}, one a GPU")
    return min(options.workers or gpus, runs)


def _cluster(options: Options, workers: int | None) -> AbstractContextManager[Client]:
    from optlab.sweep.cluster import existing_cluster, local_cluster

    if options.scheduler:
        return existing_cluster(options.scheduler)
    assert workers is not None
    return local_cluster(workers, gpus=options.gpu)
