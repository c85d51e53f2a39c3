"""Files that are kept with their SHA-256 beside them, and believed only with it."""

from __future__ import annotations

import hashlib
from pathlib import Path

from optlab import writing

LARGEST = 2**28  # bytes of a kept file that are read


def read_sealed(path: Path) -> bytes:
    """What is in the file. ValueError if its hash is not the one beside it, or is of another
    name; OSError if either cannot be read."""
    if path.stat().st_size > LARGEST:
        raise ValueError(f"{path} is larger than {LARGEST} bytes")
    content = path.read_bytes()
    if _seal(path).read_bytes() != _line(path, content):
        raise ValueError(f"{path} is not what was kept: its SHA-256 differs")
    return content


def write_sealed(path: Path, content: bytes) -> None:
    """Keep the file, and beside it NAME.sha256, as `sha256sum -c` reads it. Each appears whole;
    a reader that comes between the two finds that they do not agree."""
    writing.write(path, content)
    writing.write(_seal(path), _line(path, content))


def _seal(path: Path) -> Path:
    return path.with_name(f"{path.name}.sha256")


def _line(path: Path, content: bytes) -> bytes:
    return f"{hashlib.sha256(content).hexdigest()}  {path.name}\n".encode()
