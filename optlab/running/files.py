"""Where notebooks are found and where runs are kept."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from itertools import count
from pathlib import Path
from typing import Any

from optlab.running.errors import RunError

NOTEBOOKS = Path("notebooks")


def find_notebook(name: str, folder: Path = NOTEBOOKS) -> Path:
    """A path, or the name (`03-adam`) or the start of the name (`03`) of a notebook in `folder`."""
    path = Path(name)
    if path.suffix == ".ipynb":
        if path.is_file():
            return path
    else:
        known = sorted(folder.glob("*.ipynb"))
        for matches in (
            [p for p in known if p.stem == name],
            [p for p in known if p.stem.startswith(name)],
        ):
            if len(matches) == 1:
                return matches[0]
    known_names = ", ".join(p.stem for p in sorted(folder.glob("*.ipynb")))
    there = (
        f"there are {known_names}" if known_names else "give its path, or work where notebooks/ is"
    )
    raise RunError(f"no notebook {name!r} here: {there}")


def run_name(stem: str, values: Mapping[str, Any]) -> str:
    """A short file name that says what was set: `03-adam-lr=0.01-beta1=0.5`."""
    settings = "".join(f"-{name}={value}" for name, value in values.items())
    return re.sub(r"[^\w.,=+-]", "", stem + settings)[:100]


@contextmanager
def draft(target: Path) -> Iterator[Path]:
    """A hidden file beside `target` to write to; gone afterwards unless it was moved away."""
    path = target.with_name(f".{target.stem[:80]}.{os.getpid()}.ipynb")
    try:
        yield path
    finally:
        path.unlink(missing_ok=True)


def keep(path: Path, folder: Path, name: str) -> Path:
    """Give a finished draft its name in `folder`, or `name-2`, `name-3` … where that is taken."""
    for number in count(1):
        target = folder / f"{name}{f'-{number}' if number > 1 else ''}.ipynb"
        try:
            os.link(path, target)  # unlike a rename, never replaces a file
            return target
        except FileExistsError:
            continue
    raise AssertionError("unreachable")
