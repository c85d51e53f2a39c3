"""Files and folders that are there whole or not at all, also after a crash of the computer."""

from __future__ import annotations

import os
import shutil
from collections.abc import Mapping
from pathlib import Path

DRAFT = ".draft"  # what the name of anything unfinished ends with; it begins with a dot


def write(path: Path, content: bytes) -> None:
    """Write a file, or replace it in one step. OSError leaves the old one as it was.

    Two processes must not write the same file at once.
    """
    draft = path.with_name(f".{path.name}{DRAFT}")
    try:
        _write(draft, content)
        draft.replace(path)
        _sync(path.parent)
    finally:
        draft.unlink(missing_ok=True)


def write_folder(path: Path, contents: Mapping[str, bytes]) -> None:
    """Make a folder of files in one step. An earlier one of the name is removed before it.

    Two processes must not write the same folder at once.
    """
    draft = path.with_name(f".{path.name}{DRAFT}")
    shutil.rmtree(draft, ignore_errors=True)
    try:
        draft.mkdir(parents=True)
        for name, content in contents.items():
            _write(draft / name, content)
        _sync(draft)
        shutil.rmtree(path, ignore_errors=True)
        draft.replace(path)
        _sync(path.parent)
    finally:
        shutil.rmtree(draft, ignore_errors=True)


def remove_drafts(folder: Path) -> None:
    """Take away what a killed process had begun to write in a folder."""
    for draft in folder.glob(f".*{DRAFT}"):
        shutil.rmtree(draft) if draft.is_dir() else draft.unlink()


def _write(path: Path, content: bytes) -> None:
    with path.open("wb") as file:
        file.write(content)
        file.flush()
        os.fsync(file.fileno())


def _sync(folder: Path) -> None:
    """Make the names in a folder last, where the system can."""
    if hasattr(os, "O_DIRECTORY"):
        number = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
        try:
            os.fsync(number)
        finally:
            os.close(number)
