"""What a stored figure was made on and from: processor, versions, date and commit."""

from __future__ import annotations

import hashlib
import os
import platform
import subprocess
from contextlib import suppress
from datetime import UTC, datetime
from importlib import import_module
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import torch

PACKAGE = Path(__file__).parent


def processor() -> str:
    """The processor's name where Linux tells it, else its architecture, with its cores."""
    name = platform.machine()
    cpuinfo = Path("/proc/cpuinfo")
    if cpuinfo.is_file():
        for line in cpuinfo.read_text(encoding="utf-8").splitlines():
            if line.startswith("model name"):
                name = line.partition(":")[2].strip()
                break
    return f"{name}, {os.cpu_count()} cores"


def machine(device: torch.device) -> str:
    """What runs on a device: the GPU's name, or the processor and the threads that torch uses."""
    import torch  # slow to load

    if device.type == "cuda":
        return torch.cuda.get_device_name(device)
    threads = torch.get_num_threads()
    return f"{processor()}, {threads} thread{'s' if threads > 1 else ''}"


def versions(*packages: str) -> dict[str, str]:
    """Python's version and those of the packages that are installed.

    Optlab's own is that of its code: in the index of packages, another project has its name.
    """
    found = {"python": platform.python_version()}
    for name in packages:
        if name == "optlab":
            found[name] = import_module("optlab").__version__
            continue
        with suppress(PackageNotFoundError):  # the book's tools are not the package's
            found[name] = version(name)
    return found


def today() -> str:
    return f"{datetime.now(UTC):%Y-%m-%d}"


def commit(*files: Path, package: Path = PACKAGE) -> str:
    """The commit of the code: of the package, and of further files that belong to it.

    It ends in "-dirty" where they were changed since, and is "unknown" where the package is
    not under git.
    """
    paths = [".", *(str(path.resolve()) for path in files)]
    try:
        _git(package, "ls-files", "--error-unmatch", "__init__.py")
        last = _git(package, "rev-parse", "HEAD")
        changed = _git(package, "status", "--porcelain", "--", *paths)
    except (OSError, subprocess.CalledProcessError):
        return "unknown"
    return f"{last}-dirty" if changed else last


def files_hash(package: Path = PACKAGE) -> str:
    """16 digits that tell the package's files from others, also where there is no git: SHA-256
    of their names and contents. What Python has compiled and hidden files do not count."""
    total = hashlib.sha256()
    for path in sorted(package.rglob("*")):
        name = path.relative_to(package)
        hidden = any(part.startswith((".", "__pycache__")) for part in name.parts)
        if path.is_file() and not hidden:
            content = hashlib.sha256(path.read_bytes()).hexdigest()
            total.update(f"{name.as_posix()} {content}\n".encode())
    return total.hexdigest()[:16]


def _git(folder: Path, *arguments: str) -> str:
    done = subprocess.run(
        ["git", *arguments], cwd=folder, capture_output=True, text=True, check=True
    )
    return done.stdout.strip()
