"""C source to a loaded function: compiled once, kept in the user's cache."""

from __future__ import annotations

import ctypes
import hashlib
from pathlib import Path
from typing import Any

from optlab.optim.native import cache
from optlab.optim.native.toolchain import (
    CannotCompile,
    compile_to,
    described,
    required_compiler,
)


def load(source: str) -> Any:
    """The function `step` of a C source: from the cache, or compiled into it.

    Raises CannotCompile, whatever the reason: no compiler, a broken one, or no folder that a
    library can be written to and loaded from.
    """
    command = required_compiler()
    key = hashlib.sha256("\0".join([source, *described(command)]).encode()).hexdigest()[:32]
    reasons: list[str] = []
    try:
        for folder in cache.folders():
            kept = cache.find(folder, key)
            if kept is not None:
                try:
                    return _step(kept)
                except (OSError, AttributeError):
                    cache.discard(kept)
            try:
                made = cache.keep(folder, key, lambda to: compile_to(to, source, command))
            except (OSError, CannotCompile) as error:
                reasons.append(str(error))
                continue
            try:
                return _step(made)
            except (OSError, AttributeError) as error:
                cache.discard(made)
                reasons.append(str(error))
    except OSError as error:  # no folder for temporary files
        reasons.append(str(error))
    raise CannotCompile(reasons[-1])


def _step(library: Path) -> Any:
    return ctypes.CDLL(str(library)).step
