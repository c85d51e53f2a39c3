"""Commands as one types them here, for messages: of this Python, not of whichever comes first."""

from __future__ import annotations

import shlex
import shutil
import sys
from pathlib import Path


def typed(program: str, *words: str) -> str:
    """A command line that works where it is shown.

    program: "python", or a program that is installed beside it. It is named alone where that finds
    it, else by its path, from the working folder where it is inside.
    """
    path = Path(sys.executable)
    path = path if program == "python" else path.with_name(program)
    found = shutil.which(program)
    if found and Path(found).absolute() == path.absolute():
        name = program
    else:
        here = Path.cwd()
        inside = path.is_relative_to(here) and path.parent != here
        name = str(path.relative_to(here) if inside else path)
    return " ".join([shlex.quote(name), *words])
