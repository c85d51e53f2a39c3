"""Execute a notebook: with other parameters into a new file, or in place to renew its outputs."""

from __future__ import annotations

import contextlib
import hashlib
import sys
import time
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from optlab import writing
from optlab.running import files
from optlab.running import notebook as notebooks
from optlab.running.errors import CellError, Interrupted, RunError
from optlab.running.files import run_name

if TYPE_CHECKING:
    from optlab.running.client import Stop

SAVED = 5.0  # seconds between writes of what has run so far


def run(
    notebook: Path, values: Mapping[str, Any], folder: Path, *, seconds: float | None = None
) -> Path:
    """Run a notebook and return the new file in `folder`.

    Progress goes to stderr. An earlier run is never overwritten. seconds: a limit for all cells
    together. Where a cell fails or time runs out, RunError names it, and the notebook up to there
    is kept as `…-failed.ipynb`; of an interrupt, which is raised as Interrupted, as
    `…-interrupted.ipynb`. What the folder does not take is kept in another.
    """
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise RunError(f"cannot make {folder}: {error.strerror}") from None
    book = notebooks.node(notebooks.load(notebook))
    name = run_name(notebook.stem, values)
    with files.draft(folder / f"{name}.ipynb") as unfinished:
        try:
            stop = _execute(book, values, notebook.parent, unfinished, seconds, progress=True)
        except RunError:  # nothing has run
            raise
        except Exception:
            files.store_somewhere(notebooks.encode(book), folder, f"{name}-failed")
            raise
    ending = "" if stop is None else "-interrupted" if stop.signal else "-failed"
    kept, why = files.store_somewhere(notebooks.encode(book), folder, f"{name}{ending}")
    if stop is None and not why:
        return kept
    lines = [_message(book, stop)] if stop else ["the run is finished"]
    message = "\n".join([*lines, *([why] if why else []), f"kept as {kept}"])
    if stop and stop.signal:
        raise Interrupted(message, stop.signal)
    raise RunError(message)


def run_into(
    notebook: Path,
    output: Path,
    values: Mapping[str, Any],
    *,
    cwd: Path | None = None,
    seconds: float | None = None,
    progress: bool = True,
) -> None:
    """Run a notebook into the file `output`, which holds what has run so far.

    cwd: the kernel's working folder; default: the notebook's. seconds: after the start of the
    first cell, the kernel is killed. progress: a bar on stderr. CellError says where a cell
    failed or time ran out, Interrupted that a signal came; RunError that nothing could run.
    """
    book = notebooks.node(notebooks.load(notebook))
    stop = _execute(book, values, cwd or notebook.parent, output, seconds, progress=progress)
    output.write_bytes(notebooks.encode(book))
    if stop and stop.signal:
        raise Interrupted(_message(book, stop), stop.signal)
    if stop:
        raise CellError(_message(book, stop), stop.traceback)


def renew_outputs(notebook: Path, *, seconds: float | None = None) -> None:
    """Execute a notebook in place. Only outputs and execution counts change, and no times,
    versions or widget states are stored, so that the same outputs make the same file.

    seconds: a limit for all cells together. RunError names the cell that failed; the file is then
    as it was before, as it is where it was changed meanwhile, or at an interrupt (Interrupted).
    """
    files.require_writable(notebook, "the outputs into")
    before = notebook.read_bytes()
    book = notebooks.node(notebooks.parse(before, str(notebook)))
    metadata = dict(book.metadata)
    (metadata.get("language_info") or {}).pop("version", None)
    metadata.pop("widgets", None)
    stop = _execute(book, None, notebook.parent, None, seconds, progress=False)
    if stop:
        message = f"{notebook}: {_message(book, stop)}"
        raise Interrupted(message, stop.signal) if stop.signal else RunError(message)
    book.metadata = type(book)(metadata)
    content, digest = notebooks.encode(book), hashlib.sha256(before).digest()
    try:
        now = notebook.read_bytes()
        changed = hashlib.sha256(now).digest() != digest
        why = f"{notebook} was changed while it was executed, and is left as it is now"
        if not changed:
            writing.rewrite(notebook, content)
            return
    except OSError as error:
        why = f"cannot write {notebook}: {error.strerror}"
    kept, _ = files.store_somewhere(
        content, _runs(), f"{writing.shorten(notebook.stem, files.LONGEST)}-outputs"
    )
    raise RunError(f"{why}\nkept as {kept}")


def _runs() -> Path:
    folder = Path("runs")
    with contextlib.suppress(OSError):
        folder.mkdir(exist_ok=True)
    return folder


def _execute(
    book: Any,
    values: Mapping[str, Any] | None,
    cwd: Path,
    unfinished: Path | None,
    seconds: float | None,
    *,
    progress: bool,
) -> Stop | None:
    """Run the cells, in place. values: to be set, or None to leave the notebook as it is.
    unfinished: what holds what has run, in case that this process is killed."""
    from tqdm import tqdm

    from optlab.running.client import Runner

    if values is not None:
        notebooks.inject(book, values)
    code = sum(cell.cell_type == "code" and bool(cell.source.strip()) for cell in book.cells)
    saved = time.monotonic()

    def after() -> None:
        nonlocal saved
        bar.update()
        if unfinished and time.monotonic() - saved > SAVED:
            _save(book, unfinished)
            saved = time.monotonic()

    with tqdm(
        total=code, desc="Executing", unit="cell", disable=not progress, file=sys.stderr
    ) as bar:
        bar.refresh()
        stop = Runner(book, cwd=cwd, seconds=seconds, after=after).run()
    if stop and stop.error and stop.index is not None and values is not None:
        return replace(stop, index=notebooks.mark_error(book, stop.index))
    return stop


def _save(book: Any, path: Path) -> None:
    with contextlib.suppress(OSError):  # the run goes on, and may find room at its end
        writing.write(path, notebooks.encode(book))


def _message(book: Any, stop: Stop) -> str:
    """Where a notebook stopped and why, in two lines; a refused parameter speaks for itself."""
    if stop.refused:
        return stop.what
    if stop.index is None:
        return stop.what
    cell = book.cells[stop.index]
    lines = [line.strip() for line in cell.source.splitlines()]
    first = next((line for line in lines if line and not line.startswith("#")), "")
    verb = "interrupted" if stop.signal else "failed"
    where = f"{verb} in cell {stop.index + 1}, which begins: {first}"
    return where if stop.signal else f"{where}\n{stop.what}"
