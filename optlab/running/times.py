"""How long each notebook took, and on what: what the book's status page shows."""

from __future__ import annotations

import json
import os
import platform
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from datetime import UTC, datetime
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

PACKAGES = ("optlab", "torch", "numpy", "sympy", "jupyter-book")


class Times:
    """Seconds by notebook."""

    def __init__(self) -> None:
        self.seconds: dict[str, float] = {}

    @contextmanager
    def of(self, name: str) -> Iterator[None]:
        start = time.perf_counter()
        yield
        self.seconds[name] = round(time.perf_counter() - start, 1)

    def save(self, path: Path) -> None:
        """Write them as JSON; notebooks that were not run now keep the seconds they had."""
        old = json.loads(path.read_text("utf-8"))["seconds"] if path.exists() else {}
        content = {
            "date": f"{datetime.now(UTC):%Y-%m-%d}",
            "processor": f"{platform.machine()}, {os.cpu_count()} cores",
            "python": platform.python_version(),
            "versions": dict(_versions()),
            "seconds": dict(sorted({**old, **self.seconds}.items())),
        }
        path.write_text(json.dumps(content, indent=1) + "\n", encoding="utf-8")


def _versions() -> Iterator[tuple[str, str]]:
    for name in PACKAGES:
        with suppress(PackageNotFoundError):  # the book's tools are not the package's
            yield name, version(name)
