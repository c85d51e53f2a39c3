"""Where notebooks are found and where runs are kept."""

from __future__ import annotations

import contextlib
import os
import re
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from optlab.running.errors import RunError
from optlab.writing import shorten, write_new

NOTEBOOKS = Path("notebooks")
LONGEST = 100  # bytes of a run's name, which a number, a suffix and a hidden draft make longer


def find_notebook(name: str, folder: Path = NOTEBOOKS) -> Path:
    """A path, or the name (`03-adam`) or the start of the name (`03`) of a notebook in `folder`."""
    path = Path(name)
    known = [p for p in sorted(folder.glob("*.ipynb")) if p.is_file()]
    if path.suffix == ".ipynb":
        with contextlib.suppress(OSError, ValueError):  # too long a name, a null byte
            if path.is_file():
                return path
    else:
        for matches in (
            [p for p in known if p.stem == name],
            [p for p in known if p.stem.startswith(name)],
        ):
            if len(matches) == 1:
                return matches[0]
    known_names = ", ".join(p.stem for p in known)
    there = (
        f"there are {known_names}" if known_names else "give its path, or work where notebooks/ is"
    )
    raise RunError(f"no notebook {name!r} here: {there}")


def run_name(stem: str, values: Mapping[str, Any]) -> str:
    """A short file name that says what was set: `03-adam-lr=0.01-beta1=0.5`."""
    stem = re.sub(r"(-(failed|interrupted)(-\d+)?)+$", "", stem)  # of a run that is run again
    settings = [f"-{name}={value}" for name, value in values.items()]
    settings = [text for text in settings if not f"{stem}-".count(f"{text}-")]
    return shorten(re.sub(r"[^\w.,=+-]", "", stem + "".join(settings)), LONGEST)


def require_folder(folder: Path) -> None:
    """RunError, in one line, if no folder for runs could be made or written to; none is made."""
    if str(folder) == "-":
        raise RunError("-o - is refused: give a folder for the new notebook; its path is printed")
    try:
        _require_file_below(folder)
    except OSError as error:
        raise RunError(f"cannot write in {folder}: {error.strerror}") from None


def require_writable(path: Path, what: str) -> None:
    """RunError if a file that is to be written at the end of hours could not be written now."""
    try:
        if path.exists():
            with path.open("r+b"):
                return
        _require_file_below(path.parent)
    except OSError as error:
        raise RunError(f"cannot write {what} {path}: {error.strerror}") from None


def _require_file_below(folder: Path) -> None:
    """OSError if no file can be made in a folder, or in the one that it would be made in."""
    while not folder.exists() and folder != folder.parent:
        folder = folder.parent
    with tempfile.TemporaryFile(prefix=".optlab-", dir=folder) as file:
        file.write(b"1")


@contextmanager
def draft(target: Path) -> Iterator[Path]:
    """A hidden file beside `target` to write to; gone afterwards."""
    path = draft_of(target)
    try:
        yield path
    finally:
        path.unlink(missing_ok=True)


def draft_of(target: Path) -> Path:
    return target.with_name(f".{shorten(target.stem, 80)}.{os.getpid()}.ipynb")


def store(content: bytes, folder: Path, name: str) -> Path:
    """Write a finished notebook to a new file in `folder`, whole or not at all. OSError if not."""
    return write_new(folder / f"{name}.ipynb", content)


def store_somewhere(content: bytes, folder: Path, name: str) -> tuple[Path, str]:
    """As `store`; where the folder takes nothing, in another, and why.

    RunError if no folder takes it.
    """
    try:
        return store(content, folder, name), ""
    except OSError as error:
        why = f"cannot write in {folder}: {error.strerror}"
    for other in (Path(tempfile.gettempdir()), Path("/var/tmp"), Path.home(), Path()):
        with contextlib.suppress(OSError):
            return store(content, other, name), why
    raise RunError(f"{why}, nor in any other folder; the run is lost")
