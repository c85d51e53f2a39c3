"""The command line: `optlab run`, `sweep`, `outputs`, `bench`, `javascript`, `formulas`."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import Any

import click

from optlab import __version__, records, writing
from optlab.running import recording
from optlab.running.declared import read_parameters
from optlab.running.errors import Interrupted, RunError
from optlab.running.files import NOTEBOOKS, find_notebook, require_folder, require_writable
from optlab.running.notebook import load
from optlab.typed import typed


class _Limit(click.ParamType[float]):
    """A number of seconds, more than none and not without end."""

    name = "seconds"

    def convert(
        self, value: Any, param: click.Parameter | None, ctx: click.Context | None
    ) -> float:
        try:
            seconds = float(value)
        except ValueError:
            seconds = 0.0
        if not 0 < seconds <= MOST_SECONDS:
            self.fail(f"{value!r} is refused: give seconds, more than 0", param, ctx)
        return seconds


MOST_SECONDS = 1e9  # of what clocks and waits can take; some 30 years


@click.group(context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(__version__, prog_name="optlab")
def main() -> None:
    """Run the notebooks of the optlab book."""


@main.command()
@click.argument("notebook")
@click.option(
    "-p",
    "--parameter",
    "parameters",
    type=(str, str),
    multiple=True,
    metavar="NAME VALUE",
    help="Set a parameter; repeat for more. Lists: -p betas 0.9,0.999",
)
@click.option(
    "-o",
    "--output",
    type=click.Path(file_okay=False, path_type=Path),
    default=Path("runs"),
    show_default=True,
    help="Where the new notebook goes.",
)
@click.option(
    "--record",
    is_flag=True,
    help="Keep the run's results, for the book, in book/results. With scale, seed and device only.",
)
@click.option(
    "--timeout", type=_Limit(), metavar="SECONDS", help="For all cells together.  [default: none]"
)
@click.option("--help-parameters", is_flag=True, help="List the notebook's parameters and exit.")
def run(
    notebook: str,
    parameters: tuple[tuple[str, str], ...],
    output: Path,
    record: bool,
    timeout: float | None,
    help_parameters: bool,
) -> None:
    """Run NOTEBOOK, a path or a name such as 03-adam, into a new notebook.

    Parameters are checked before anything runs. Exit status: 0 if all cells ran, 1 if one failed
    or time ran out, 2 if the run is refused, 130 if it was interrupted; what ran is kept.
    """
    with _exit_on_error(2):
        path = find_notebook(notebook)
        declared = read_parameters(path)
        if help_parameters:
            click.echo("\n".join(declared.describe()))
            return
        values = declared.accept(parameters)
        if record:
            recording.allow(path, declared, values, records.RESULTS)
        require_folder(output)
    from optlab.running import execute  # slow to load, and needed only from here on

    with _exit_on_error(1):
        if record:
            made = recording.run(path, declared, values, output, records.RESULTS, timeout)
            click.echo("\n".join(map(str, made)))
        else:
            with recording.into(None):
                click.echo(execute.run(path, values, output, seconds=timeout))


@main.command()
@click.argument("notebook", required=False)
@click.option(
    "--grid",
    "grids",
    multiple=True,
    metavar="NAME=VALUES",
    help="Values of a parameter, 0,0.01,0.1 or 1e-4:1e-1:log7; repeat for more parameters.",
)
@click.option("--seeds", type=click.IntRange(1), metavar="N", help="Seeds 0 to N-1 of each.")
@click.option(
    "-p",
    "--parameter",
    "parameters",
    type=(str, str),
    multiple=True,
    metavar="NAME VALUE",
    help="Set a parameter in all runs; repeat for more.",
)
@click.option(
    "-o",
    "--output",
    type=click.Path(path_type=Path),
    help="The folder of the sweep.  [default: runs/sweep-NOTEBOOK]",
)
@click.option("--dry-run", is_flag=True, help="Show the plan only.")
@click.option("--resume", is_flag=True, help="Keep what is finished in the folder; do the rest.")
@click.option("--mix", is_flag=True, help="With --resume, keep runs of other code, too.")
@click.option(
    "--retries", type=click.IntRange(0), default=0, show_default=True, help="Of a run that fails."
)
@click.option("--timeout", type=float, metavar="SECONDS", help="For each run.")
@click.option("--workers", type=click.IntRange(1), metavar="N", help="Default: one for a core.")
@click.option("--scheduler", metavar="ADDRESS", help="Use the cluster of this Dask scheduler.")
@click.option("--gpu", is_flag=True, help="Each run takes a GPU of its own.")
@click.option(
    "--summary",
    type=click.Path(path_type=Path),
    metavar="FOLDER",
    help="Run nothing; make the table and the summary of what a sweep's folder has.",
)
def sweep(
    notebook: str | None,
    grids: tuple[str, ...],
    seeds: int | None,
    parameters: tuple[tuple[str, str], ...],
    output: Path | None,
    dry_run: bool,
    resume: bool,
    mix: bool,
    retries: int,
    timeout: float | None,
    workers: int | None,
    scheduler: str | None,
    gpu: bool,
    summary: Path | None,
) -> None:
    """Run NOTEBOOK for every combination of parameters, on several processes or computers.

    Exit status: 0 if all runs succeeded, 1 if some did not, 2 if the sweep is refused, 130 if
    it was interrupted.
    """
    from optlab.sweep import command
    from optlab.sweep.folder import Folder

    with _exit_on_error(2):
        if summary and notebook:
            raise RunError("give a notebook or --summary FOLDER, not both")
        if summary:
            sys.exit(command.report(Folder(summary)))
        if notebook is None:
            raise RunError("give a notebook, such as 03-adam, or --summary FOLDER")
        options = command.Options(resume, retries, timeout, workers, scheduler, gpu, mix)
        sys.exit(command.sweep(notebook, grids, parameters, seeds, output, options, dry=dry_run))


@main.command()
@click.argument("notebooks", nargs=-1)
@click.option(
    "--times",
    type=click.Path(dir_okay=False, path_type=Path),
    help="Write the seconds of each, and versions, into this file, which the status page shows.",
)
@click.option(
    "--timeout", type=_Limit(), metavar="SECONDS", help="For each notebook.  [default: none]"
)
def outputs(notebooks: tuple[str, ...], times: Path | None, timeout: float | None) -> None:
    """Execute NOTEBOOKS in place and store their outputs. Default: all in notebooks/.

    A notebook that fails, or is changed by somebody else meanwhile, is left as it is.
    """
    from optlab.running.times import Times

    with _exit_on_error(2):
        paths = [find_notebook(n) for n in notebooks]
        paths = paths or [p for p in sorted(NOTEBOOKS.glob("*.ipynb")) if p.is_file()]
        if not paths:
            raise RunError("no notebooks here; work where notebooks/ is, or give their paths")
        for path in paths:
            load(path)
            require_writable(path, "the outputs into")
        taken = Times(times)
    from optlab.running import execute

    with _exit_on_error(1):
        for path in paths:
            click.echo(f"{path} …", err=True)
            with taken.of(path.stem):
                execute.renew_outputs(path, seconds=timeout)


@main.command()
@click.argument("algorithms", nargs=-1)
@click.option("--device", type=click.Choice(["cpu", "cuda"]), default="cpu", show_default=True)
@click.option("--rounds", type=click.IntRange(3), default=15, show_default=True)
@click.option("--memory/--no-memory", default=True, help="Measure peak memory (CPU).")
@click.option("--grid", "grids", is_flag=True, help="Time grids of runs, against loops, instead.")
@click.option("--together", is_flag=True, help="Time our own optimizers taking turns, instead.")
@click.option(
    "--record", is_flag=True, help="Keep what was measured, for the book, in book/results/bench."
)
@click.option("--json", "json_file", type=click.Path(dir_okay=False, path_type=Path))
@click.option("--plot", "plot_file", type=click.Path(dir_okay=False, path_type=Path))
def bench(
    algorithms: tuple[str, ...],
    device: str,
    rounds: int,
    memory: bool,
    grids: bool,
    together: bool,
    record: bool,
    json_file: Path | None,
    plot_file: Path | None,
) -> None:
    """Time a step of ALGORITHMS (default: all) beside other implementations.

    timm and pytorch_optimizer take part where they are installed.
    """
    from optlab.bench import grid, saving, steps
    from optlab.bench import together as in_turns
    from optlab.bench.protocol import Bench
    from optlab.optim import execution

    if unknown := [name for name in algorithms if name not in steps.CONTESTS]:
        names = ", ".join(steps.CONTESTS)
        raise click.BadParameter(f"{', '.join(unknown)}; choose from {names}")
    if grids and algorithms:
        raise click.BadParameter("--grid times AdamW alone: leave ALGORITHMS out")
    if together and (grids or algorithms):
        raise click.BadParameter("--together times all: leave --grid and ALGORITHMS out")
    if record and algorithms:
        raise click.BadParameter("--record keeps times of all: leave ALGORITHMS out")
    if record and not records.RESULTS.is_dir():
        raise click.BadParameter(f"no {records.RESULTS} here; work where book/ is")
    kind = "grid" if grids else "together" if together else "steps"
    if kind != "grid" and device == "cpu" and not execution.has_compiler(device):
        raise click.UsageError(
            "compiled steps are timed, and no C compiler was found: install gcc or clang, or set CC"
        )
    benches: dict[str, Bench] = {"steps": steps, "grid": grid, "together": in_turns}
    chosen = benches[kind]
    measure = partial(steps.run, algorithms=algorithms, memory=memory)
    circumstances = saving.circumstances(device, rounds)
    rows: list[Any] = []
    conditions: dict[str, Any] = {}
    for item in (measure if kind == "steps" else chosen.run)(device, rounds):
        if isinstance(item, dict):
            conditions = item | circumstances
            click.echo("  ".join(f"{k} {v}" for k, v in conditions.items()))
        else:
            rows.append(item)
            click.echo(chosen.table(item))
    if json_file:
        saving.save(rows, conditions, json_file)
    if record:
        click.echo(saving.record(kind, rows, conditions))
    if plot_file:
        chosen.plot(rows, plot_file)


@main.command()
@click.option("--check", is_flag=True, help="Write nothing; exit 1 if the file is another.")
def javascript(check: bool) -> None:
    """Write the explorer's script from the rules, schedules and landscapes."""
    from optlab.explorer import PATH, rules_script

    with _exit_on_error(2):
        if not PATH.parent.is_dir():
            raise RunError(f"no {PATH.parent} here; work where site/ is")
    script = rules_script()
    with _exit_on_error(1):
        if not check:
            (writing.rewrite if PATH.exists() else writing.write)(PATH, script.encode())
        elif not PATH.is_file() or PATH.read_text(encoding="utf-8") != script:
            raise RunError(
                f"{PATH} is not what the rules give; run: {typed('optlab', 'javascript')}"
            )


@main.command()
def formulas() -> None:
    """Write the formulas of the algorithm boxes in notebooks/ from the rules."""
    from optlab.report.boxes import renewed

    with _exit_on_error(2):
        paths = sorted(NOTEBOOKS.glob("*.md"))
        if not paths:
            raise RunError(f"no {NOTEBOOKS}/*.md here; work where {NOTEBOOKS}/ is")
    with _exit_on_error(1):
        for path in paths:
            text = path.read_text(encoding="utf-8")
            try:
                new = renewed(text)
            except ValueError as error:
                raise RunError(f"{path}: {error}") from error
            if new != text:
                writing.rewrite(path, new.encode())
                click.echo(path)


@contextmanager
def _exit_on_error(code: int) -> Iterator[None]:
    try:
        Path.cwd()
    except OSError:  # when, if ever, a path is found to need it depends on Python's version
        click.echo("the working folder is gone; change to one that is there", err=True)
        sys.exit(2)
    try:
        yield
    except Interrupted as error:
        click.echo(error, err=True)
        sys.exit(128 + error.signal)
    except RunError as error:
        click.echo(error, err=True)
        sys.exit(code)
    except KeyboardInterrupt:
        click.echo("interrupted", err=True)
        sys.exit(130)
