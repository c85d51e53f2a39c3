"""Files and folders that are there whole or not at all, also after a crash of the computer.

All of optlab that keeps something writes it so. Links are replaced, never followed, but by
`rewrite`: what is written stays in its folder.
"""

from __future__ import annotations

import errno
import os
import secrets
import shutil
import stat
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from itertools import count
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


@contextmanager
def replacing(path: Path) -> Iterator[Path]:
    """A hidden file beside `path` to write to: it takes the place of `path` at the end, or
    vanishes if an exception comes first. Folders that are missing are made."""
    with _draft(path) as draft:
        yield draft
        put(draft, path)


def write(path: Path, content: bytes) -> None:
    """Write a file, or replace it in one step. OSError leaves the old one as it was."""
    with replacing(path) as draft:
        _write(draft, content)


def write_new(path: Path, content: bytes) -> Path:
    """Write a file that was not there: `path`, or NAME-2, NAME-3 … where that is taken; which."""
    with _draft(path) as draft:
        _write(draft, content)
        for number in count(1):
            target = path if number == 1 else path.with_name(f"{path.stem}-{number}{path.suffix}")
            try:
                os.link(draft, target)  # unlike a rename, never replaces a file
            except FileExistsError:
                continue
            except OSError:  # a disk where files cannot have two names
                try:
                    target.open("xb").close()
                except FileExistsError:
                    continue
                draft.replace(target)
            _sync(path.parent)
            return target
    raise AssertionError("unreachable")


def rewrite(path: Path, content: bytes) -> None:
    """Replace a file's content, and nothing else of it: a link stays one, as do other names of
    the file, its mode and its owner. OSError if it cannot be written; it is then as it was."""
    path = path.resolve()
    before = path.stat()
    with _draft(path) as draft:
        try:
            _write(draft, content)
            shutil.copystat(path, draft)
            os.utime(draft)
            if os.name == "posix" and (os.geteuid() == 0 or before.st_uid != os.geteuid()):
                os.chown(draft, before.st_uid, before.st_gid)
            alone = before.st_nlink == 1
        except PermissionError:  # of the folder, or of giving it to its owner
            alone = False
        if alone:
            draft.replace(path)
            _sync(path.parent)
            return
        with path.open("r+b") as file:
            file.write(content)
            file.truncate()


def put(draft: Path, path: Path) -> None:
    """Give a finished file on the same disk its name, once its content is on the disk."""
    with draft.open("r+b") as file:
        _fsync(file.fileno())
    draft.replace(path)
    _sync(path.parent)


def shorten(name: str, longest: int) -> str:
    """The start of a name that has at most so many bytes."""
    return name.encode("utf-8", "ignore")[:longest].decode("utf-8", "ignore")


def write_folder(path: Path, contents: Mapping[str, bytes]) -> None:
    """Make a folder of files in one step. An earlier one of the name is removed before it.

    Two processes must not write the same folder at once.
    """
    draft = _draft_of(path)
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
    """The content of a file. OSError if it is not there or not a plain file: a link could lead
    anywhere, and a pipe would be waited for."""
    if not stat.S_ISREG(path.lstat().st_mode):
        raise OSError(errno.EINVAL, "not a plain file", str(path))
    return path.read_bytes()


@contextmanager
def _draft(path: Path) -> Iterator[Path]:
    path.parent.mkdir(parents=True, exist_ok=True)
    draft = _draft_of(path)
    try:
        yield draft
    finally:
        draft.unlink(missing_ok=True)


def _draft_of(path: Path) -> Path:
    """A name that no other process and no other call has."""
    return path.with_name(f".{shorten(path.name, 80)}.{secrets.token_hex(8)}{DRAFT}")


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
