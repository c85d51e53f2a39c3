"""Letting a notebook's run be recorded for the book, by `optlab.experiments.record`."""

from __future__ import annotations

import os
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from optlab import provenance, records
from optlab.records import FOLDER, PACKAGES, Record
from optlab.running.declared import Parameters, read_settings
from optlab.running.errors import RunError
from optlab.running.files import NOTEBOOKS, require_writable

FREE = ("scale", "seed", "device")


def allow(notebook: Path, declared: Parameters, values: Mapping[str, Any], folder: Path) -> None:
    """RunError if a parameter is set that a record does not tell, or one it does is missing, or
    nothing can be written in `folder`."""
    if others := [name for name in values if name not in FREE]:
        raise RunError(
            f"with --record only {', '.join(FREE)} may be set, not {', '.join(others)}: a record"
            " is of the settings that the code has"
        )
    if missing := [name for name in FREE if name not in declared.all]:
        raise RunError(f"--record needs a notebook with the parameters {', '.join(missing)}")
    scale = values.get("scale", declared.all["scale"].default)
    require_writable(folder / f"{notebook.stem}.{scale}.json", "the record")


def run(
    notebook: Path,
    declared: Parameters,
    values: Mapping[str, Any],
    output: Path,
    folder: Path,
    seconds: float | None = None,
) -> list[Path]:
    """Run a notebook as `execute.run` does, and keep what it recorded, and its verdicts.

    folder: where records are kept. seconds: as of `execute.run`. A notebook that does not call
    experiments.record is recorded by its verdicts alone. Nothing is recorded of a run that fails.
    Returns the new notebook and the record.
    """
    from optlab.report.ledger import verdicts
    from optlab.running import execute

    told = {name: values.get(name, declared.all[name].default) for name in FREE}
    try:  # what the record will replace must be readable, which is to be known now
        records.recorded(notebook.stem, told["scale"], folder)
    except ValueError as error:
        raise RunError(str(error)) from None
    code, start = provenance.commit(notebook), time.perf_counter()
    with TemporaryDirectory() as drafts:
        with into(Path(drafts)):
            ran = execute.run(notebook, values, output, seconds=seconds)
        made = [records.read(path) for path in sorted(Path(drafts).glob("*.json"))]
    judged = verdicts(ran)
    if not made and not judged:
        raise RunError(
            "nothing was recorded: this notebook has no claim and does not call experiments.record"
        )
    took = round(time.perf_counter() - start, 1)
    made = made or [_by_verdicts(notebook, told, took, code)]
    try:
        return [ran, *(records.keep(replace(one, verdicts=judged), folder) for one in made)]
    except OSError as error:
        raise RunError(
            f"cannot write the record in {folder}: {error.strerror}; the run is kept as {ran}"
        ) from None


def settings_in_the_code(chapter: str, scale: str, notebooks: Path = NOTEBOOKS) -> Any:
    """A chapter's settings at a scale: the package's, or those of a table in the notebook."""
    from optlab.experiments.scales import CHAPTERS, settings

    if chapter in CHAPTERS:
        return settings(chapter, scale)
    return read_settings(notebooks / f"{chapter}.ipynb", scale)


@contextmanager
def into(folder: Path | None) -> Iterator[None]:
    """What runs inside records into `folder`. None: nothing is recorded."""
    os.environ.pop(FOLDER, None)
    if folder:
        os.environ[FOLDER] = str(folder.resolve())
    try:
        yield
    finally:
        os.environ.pop(FOLDER, None)


def _by_verdicts(notebook: Path, told: Mapping[str, Any], seconds: float, code: str) -> Record:
    """A record without results. The notebook's process had threads of its own: none are named."""
    from optlab.report import torch_device

    device = torch_device(told["device"])
    return Record(
        chapter=notebook.stem,
        scale=told["scale"],
        settings=read_settings(notebook, told["scale"]),
        results={},
        versions=provenance.versions(*PACKAGES),
        device=provenance.machine(device) if device.type == "cuda" else provenance.processor(),
        seconds=seconds,
        seed=told["seed"],
        commit=code,
        date=provenance.today(),
    )
