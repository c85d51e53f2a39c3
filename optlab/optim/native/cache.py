"""Where compiled kernels are kept between processes.

A kernel is code that runs in the user's name. So it is loaded only from a folder that nobody
else can write to, and only if its bytes are those that were written: the file's name ends in
their SHA-256. Where there is no such folder, kernels live in a temporary one until the process
ends.
"""

from __future__ import annotations

import atexit
import functools
import hashlib
import os
import shutil
import socket
import stat
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path

from optlab import writing

_BUILDS = "build-"


def folders() -> Iterator[Path]:
    """Folders to keep kernels in: the user's cache, if it may be trusted, then a temporary one.

    Raises:
        OSError: there is no place for temporary files either.
    """
    cache = _cache()
    if cache is not None and _prepare(cache):
        yield cache
    yield _temporary()


def find(folder: Path, key: str) -> Path | None:
    """The kernel named `key`, if it is there as it was written. A damaged one is removed."""
    try:
        candidates = sorted(folder.glob(f"{key}-*.so"))
    except OSError:
        return None
    for path in candidates:
        if _is_sound(path):
            return path
        discard(path)
    return None


def keep(folder: Path, key: str, make: Callable[[Path], None]) -> Path:
    """Let `make` write a library to a path, and put it under `key`, whole or not at all.

    Raises OSError, and what `make` raises.
    """
    _sweep(folder)
    here = f"{_BUILDS}{_host()}-{os.getpid()}-"
    with tempfile.TemporaryDirectory(prefix=here, dir=folder, ignore_cleanup_errors=True) as build:
        made = Path(build, "step.so")
        make(made)
        with made.open("rb") as file:
            digest = hashlib.sha256(file.read()).hexdigest()
        made.chmod(0o700)
        path = folder / f"{key}-{digest}.so"
        if path.is_dir() and not path.is_symlink():
            discard(path)
        writing.put(made, path)
    return path


def discard(path: Path) -> None:
    """Remove what cannot be used; whatever hinders that, hinders nothing else."""
    try:
        if path.is_dir() and not path.is_symlink():
            shutil.rmtree(path, ignore_errors=True)
        else:
            path.unlink()
    except OSError:
        pass


def _cache() -> Path | None:
    """The folder that the environment names, with its links resolved; None if it names none."""
    try:
        if given := os.environ.get("OPTLAB_CACHE", "").strip():
            named = _expanded(given)
        else:
            base = _expanded(os.environ.get("XDG_CACHE_HOME") or "~/.cache")
            if not base.is_absolute():
                base = _expanded("~/.cache")
            named = Path(base, "optlab", "kernels")
        if named.is_symlink():
            return None
        return named.resolve()
    except (OSError, RuntimeError, ValueError):  # no home, or a circle of links
        return None


def _expanded(path: str) -> Path:
    if path.startswith("~") and os.environ.get("HOME") == "":
        raise RuntimeError("no home: ~ would be the root of the file system")
    return Path(path).expanduser()


def _prepare(folder: Path) -> bool:
    """Make the folder, if need be; whether kernels may be kept in it and loaded from it."""
    try:
        missing = [f for f in (folder, *folder.parents) if not f.exists()]
        for f in reversed(missing):
            f.mkdir(mode=0o700, exist_ok=True)
        if hasattr(os, "statvfs") and os.statvfs(folder).f_flag & getattr(os, "ST_NOEXEC", 0):
            return False
        # One that may only be read serves those who find their kernel in it.
        return _is_ours(folder) and all(map(_is_safe, folder.parents))
    except OSError:
        return False


def _is_ours(path: Path) -> bool:
    """Whether `path` is not a link, is of this user, and can be written by nobody else."""
    status = path.lstat()
    if stat.S_ISLNK(status.st_mode):
        return False
    if not hasattr(os, "geteuid"):
        return True
    return status.st_uid == os.geteuid() and not status.st_mode & (stat.S_IWGRP | stat.S_IWOTH)


def _is_safe(parent: Path) -> bool:
    """Whether nobody else can put another folder in the place of one in `parent`."""
    if not hasattr(os, "geteuid"):
        return True
    status = parent.lstat()
    if status.st_uid not in (0, os.geteuid()):
        return False
    sticky = bool(status.st_mode & stat.S_ISVTX)
    return sticky or not status.st_mode & (stat.S_IWGRP | stat.S_IWOTH)


def _is_sound(path: Path) -> bool:
    try:
        if not stat.S_ISREG(path.lstat().st_mode) or not _is_ours(path):
            return False
        digest = hashlib.sha256(path.read_bytes()).hexdigest()
    except OSError:
        return False
    return path.stem.rpartition("-")[2] == digest


def _temporary() -> Path:
    """A folder for this process alone, removed at its end."""
    return _temporary_of(os.getpid())


@functools.lru_cache(maxsize=1)
def _temporary_of(process: int) -> Path:
    folder = Path(tempfile.mkdtemp(prefix="optlab-kernels-"))

    def remove() -> None:
        if os.getpid() == process:
            shutil.rmtree(folder, ignore_errors=True)

    atexit.register(remove)
    return folder


def _sweep(folder: Path) -> None:
    """Remove what builds have left whose process was killed."""
    try:
        left = list(folder.glob(f"{_BUILDS}{_host()}-*"))
    except OSError:
        return
    for path in left:
        number = path.name.removeprefix(f"{_BUILDS}{_host()}-").partition("-")[0]
        if number.isdigit() and not _runs(int(number)):
            discard(path)


def _runs(process: int) -> bool:
    try:
        os.kill(process, 0)
    except ProcessLookupError:
        return False
    except (OSError, OverflowError):  # of another user; or no number of a process
        return True
    return True


@functools.cache
def _host() -> str:
    return hashlib.sha256(socket.gethostname().encode()).hexdigest()[:8]
