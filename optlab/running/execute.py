"""Execute a notebook: with other parameters into a new file, or in place to renew its outputs."""

# mypy: untyped-calls-exclude=nbformat

from __future__ import annotations

import os
import re
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import nbformat
from nbclient import NotebookClient
from nbclient.exceptions import CellExecutionError, CellTimeoutError, DeadKernelError
from traitlets.config import Config

from optlab.running.errors import CellError, RunError
from optlab.running.files import draft, keep, run_name

KERNEL = "python3"
# Of the kernel application, not of what runs in it; it logs as an error that it is asked to end.
QUIET = ["--log-level=CRITICAL"]


def run(notebook: Path, values: Mapping[str, Any], folder: Path) -> Path:
    """Run a notebook and return the new file in `folder`.

    Progress goes to stderr. An earlier run is never overwritten. Where a cell fails, RunError
    names it, and the notebook up to there is kept as `…-failed.ipynb`.
    """
    folder.mkdir(parents=True, exist_ok=True)
    name = run_name(notebook.stem, values)
    with draft(folder / f"{name}.ipynb") as unfinished:
        try:
            run_into(notebook, unfinished, values)
        except CellError as error:
            kept = keep(unfinished, folder, f"{name}-failed")
            raise RunError(f"{error}\nkept as {kept}") from None
        return keep(unfinished, folder, name)


def run_into(
    notebook: Path,
    output: Path,
    values: Mapping[str, Any],
    *,
    cwd: Path | None = None,
    seconds: float | None = None,
    progress: bool = True,
) -> None:
    """Run a notebook with papermill into the file `output`, written after every cell.

    cwd: the kernel's working folder; default: the notebook's. seconds: after the start of the
    first cell, the kernel is killed. progress: a bar on stderr. CellError says where a cell
    failed or time ran out.
    """
    from papermill import PapermillExecutionError, execute_notebook

    started: list[Any] = []
    limits: dict[str, Any] = {}
    if seconds is not None:
        limits = {
            "timeout_func": _Remaining(seconds),
            "shutdown_kernel": "immediate",  # what ran out of time need not be asked to stop
        }
    try:
        with _own_kernel(), tempfile.TemporaryDirectory(prefix="optlab-") as sockets:
            # Of free ports, as Jupyter takes them, two kernels that start at once may get the same.
            channels = {"transport": "ipc", "ip": str(Path(sockets, "kernel"))}
            execute_notebook(
                notebook,
                output,
                dict(values),
                kernel_name=KERNEL,
                extra_arguments=QUIET,
                on_cell_execute=lambda cell, cell_index: started.append(cell),
                cwd=cwd or notebook.parent,
                progress_bar=progress,
                config=Config(KernelManager=channels),
                **limits,
            )
    except CellTimeoutError:
        where = _where(nbformat.read(output, 4), started[-1])
        raise CellError(f"{where}\nthe limit of {seconds:g} s ran out", "") from None
    except (PapermillExecutionError, DeadKernelError) as error:
        text = "\n".join(getattr(error, "traceback", ()))
        message = _failure(nbformat.read(output, 4), started[-1], error)
        raise CellError(message, re.sub(r"\x1b\[[\d;]*m", "", text)) from None


class _Remaining:
    """The seconds that are left for a cell, of those for all cells together."""

    def __init__(self, seconds: float) -> None:
        self._seconds = seconds
        self._end: float | None = None

    def __call__(self, cell: Any) -> float:
        self._end = self._end or time.monotonic() + self._seconds
        return max(self._end - time.monotonic(), 0.01)  # 0 would be no limit


def renew_outputs(notebook: Path) -> None:
    """Execute a notebook in place. Only outputs and execution counts change, and no times,
    versions or widget states are stored, so that the same outputs make the same file.

    RunError names the cell that failed; the file is then as it was before.
    """
    book = nbformat.read(notebook, as_version=4)
    metadata = dict(book.metadata)
    metadata.get("language_info", {}).pop("version", None)
    metadata.pop("widgets", None)
    for cell in book.cells:
        cell.metadata.pop("execution", None)
        if cell.cell_type == "code":
            cell.execution_count, cell.outputs = None, []
    started: list[Any] = []
    client = NotebookClient(
        book,
        timeout=None,
        kernel_name=KERNEL,
        extra_arguments=QUIET,
        on_cell_execute=lambda cell, cell_index: started.append(cell),
        record_timing=False,
        store_widget_state=False,
        coalesce_streams=True,
        resources={"metadata": {"path": str(notebook.parent)}},
    )
    try:
        with _own_kernel():
            client.execute()
    except (CellExecutionError, DeadKernelError) as error:
        raise RunError(f"{notebook}: {_failure(book, started[-1], error)}") from None
    book.metadata = nbformat.from_dict(metadata)
    with draft(notebook) as finished:
        nbformat.write(book, finished)
        finished.replace(notebook)


def _failure(book: Any, cell: Any, error: Exception) -> str:
    """Where a notebook failed and how, in two lines; a refused parameter speaks for itself."""
    name, value = getattr(error, "ename", ""), getattr(error, "evalue", "")
    if name == "ParameterError":
        return value
    what = f"{name}: {value.strip()}" if name else "the kernel died; was there enough memory?"
    return f"{_where(book, cell)}\n{what}"


def _where(book: Any, cell: Any) -> str:
    number = 1 + [c.id for c in book.cells].index(cell.id)
    lines = [line.strip() for line in cell.source.splitlines()]
    first = next((line for line in lines if line and not line.startswith("#")), "")
    return f"failed in cell {number}, which begins: {first}"


@contextmanager
def _own_kernel() -> Iterator[None]:
    """Let the kernel name mean this interpreter's own, not one installed elsewhere."""
    before = os.environ.get("JUPYTER_PATH")
    own = str(Path(sys.prefix, "share", "jupyter"))
    os.environ["JUPYTER_PATH"] = own if before is None else os.pathsep.join([own, before])
    try:
        yield
    finally:
        if before is None:
            del os.environ["JUPYTER_PATH"]
        else:
            os.environ["JUPYTER_PATH"] = before
