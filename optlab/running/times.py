"""How long each notebook took, and on what: what the book's status page shows."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from optlab import provenance

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
            "date": provenance.today(),
            "processor": provenance.processor(),
            "versions": provenance.versions(*PACKAGES),
            "seconds": dict(sorted({**old, **self.seconds}.items())),
        }
        path.write_text(json.dumps(content, indent=1) + "\n", encoding="utf-8")
