"""C source to a loaded function: compiled once, kept in the user's cache."""

from __future__ import annotations

import ctypes
import functools
import hashlib
import os
import platform
import shutil
import subprocess
import tempfile
from pathlib import Path
from typing import Any

FLAGS = ("-O3", "-march=native", "-fno-math-errno", "-fno-trapping-math", "-ffp-contract=fast")
_COMPILERS = ("cc", "gcc", "clang")


class CannotCompile(Exception):
    """The C compiler is missing or refused."""


def load(source: str) -> Any:
    """The function `step` of a C source. Raises CannotCompile."""
    return ctypes.CDLL(str(_library(source))).step


def compiler() -> str | None:
    """The C compiler: what CC names, or cc, gcc or clang."""
    named = os.environ.get("CC")
    return shutil.which(named) if named else next(filter(None, map(shutil.which, _COMPILERS)), None)


def _library(source: str) -> Path:
    """The shared library of `source`: from the cache, or compiled into it."""
    cc = compiler()
    if cc is None:
        raise CannotCompile("no C compiler found: install gcc, or set CC")
    key = hashlib.sha256("\0".join([source, cc, *FLAGS, _processor()]).encode()).hexdigest()[:24]
    library = _cache() / f"{key}.so"
    if not library.exists():
        library.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(dir=library.parent) as folder:
            text, made = Path(folder, "step.c"), Path(folder, "step.so")
            text.write_text(source)
            shared = ["-fopenmp", "-shared", "-fPIC"]
            command = [cc, *FLAGS, *shared, "-o", str(made), str(text), "-lm"]
            done = subprocess.run(command, capture_output=True, text=True, check=False)
            if done.returncode:
                raise CannotCompile(f"{cc} failed: {done.stderr.strip()[:500]}")
            made.replace(library)
    return library


def _cache() -> Path:
    if "OPTLAB_CACHE" in os.environ:
        return Path(os.environ["OPTLAB_CACHE"])
    base = os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache"
    return Path(base, "optlab", "kernels")


@functools.cache
def _processor() -> str:
    """What -march=native depends on, so that a shared cache serves each processor its own."""
    try:
        lines = Path("/proc/cpuinfo").read_text().splitlines()
        return next((x for x in lines if x.startswith(("flags", "Features"))), "")
    except OSError:
        return f"{platform.machine()} {platform.processor()}"
