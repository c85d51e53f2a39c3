"""Files and folders that are there whole or not at all, also after a crash of the computer.

Links are replaced, never followed: what is written stays in its folder.
"""

from __future__ import annotations

import errno
import os
import shutil
import stat
from collections.abc import Mapping
from pathlib import Path

DRAFT = ".draft"  # what the name of anything unfinished ends with; it begins with a dot

# How file systems say that they cannot sync this (CIFS, FUSE), or that nobody may open a folder.
_CANNOT = {
    errno.EINVAL,
    errno.ENOSYS,
    errno.ENOTSUP,
    errno.EOPNOTSUPP,
    errno.EBADF,
    errno.EACCES,
    errno.EISDIR,
}


def write(path: Path, content: bytes) -> None:
    """Write a file, or replace it in one step. OSError leaves the old one as it was.

    Two processes must not write the same file at once.
    """
    draft = path.with_name(f".{path.name}{DRAFT}")
    remove(draft)
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
    remove(draft)
    try:
        draft.mkdir(parents=True)
        for name, content in contents.items():
            _write(draft / name, content)
        _sync(draft)
        remove(path)
        draft.replace(path)
        _sync(path.parent)
    finally:
        shutil.rmtree(draft, ignore_errors=True)


def remove(path: Path) -> None:
    """Take away a file, a link or a folder with what is in it, if it is there."""
    if path.is_dir() and not path.is_symlink():
        shutil.rmtree(path, ignore_errors=True)
    else:
        path.unlink(missing_ok=True)


def remove_drafts(folder: Path) -> None:
    """Take away what a killed process had begun to write in a folder."""
    for draft in folder.glob(f".*{DRAFT}"):
        remove(draft)


def read(path: Path) -> bytes:
    """The content of a file. OSError if it is not there or is no plain file: a link could lead
    anywhere, and a pipe would be waited for."""
    if not stat.S_ISREG(path.lstat().st_mode):
        raise OSError(errno.EINVAL, "not a plain file", str(path))
    return path.read_bytes()


def _write(path: Path, content: bytes) -> None:
    with path.open("xb") as file:  # unlike w, it follows no link
        file.write(content)
        file.flush()
        _fsync(file.fileno())


def _sync(folder: Path) -> None:
    """Make the names in a folder last, where the system can."""
    if hasattr(os, "O_DIRECTORY"):
        try:
            number = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
        except OSError as error:
            if error.errno not in _CANNOT:
                raise
            return
        try:
            _fsync(number)
        finally:
            os.close(number)


def _fsync(number: int) -> None:
    try:
        os.fsync(number)
    except OSError as error:
        if error.errno not in _CANNOT:
            raise
