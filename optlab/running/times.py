"""How long each notebook took, and on what: what the book's status page shows."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

from optlab import provenance, writing
from optlab.running.errors import RunError
from optlab.running.files import require_writable

PACKAGES = ("optlab", "torch", "numpy", "sympy", "jupyter-book")


class Times:
    """Seconds by notebook. file: where they are written, with those it has of others; or None.

    RunError if the file is damaged or cannot be written.
    """

    def __init__(self, file: Path | None = None) -> None:
        self.seconds: dict[str, float] = {}
        self._file, self._old = file, _read(file) if file else {}

    @contextmanager
    def of(self, name: str) -> Iterator[None]:
        """Time what runs inside; what fails has no time."""
        start = time.perf_counter()
        yield
        self.seconds[name] = round(time.perf_counter() - start, 1)
        if self._file:
            self.save(self._file, self._old)

    def save(self, path: Path, old: Mapping[str, float] | None = None) -> None:
        """Write them as JSON; notebooks that were not run now keep the seconds they had.

        RunError if the file cannot be written.
        """
        old = _read(path) if old is None else old
        content = {
            "date": provenance.today(),
            "processor": provenance.processor(),
            "versions": provenance.versions(*PACKAGES),
            "seconds": dict(sorted({**old, **self.seconds}.items())),
        }
        text = json.dumps(content, indent=1) + "\n"
        try:
            (writing.rewrite if path.exists() else writing.write)(path, text.encode())
        except OSError as error:
            raise RunError(f"cannot write the times into {path}: {error.strerror}") from None


def _read(path: Path) -> dict[str, float]:
    """The seconds that a file has, known to be one that can be written."""
    require_writable(path, "the times into")
    if not path.exists():
        return {}
    try:
        seconds = json.loads(path.read_text(encoding="utf-8"))["seconds"]
        return {str(name): float(value) for name, value in seconds.items()}
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise RunError(f"{path} has no times of notebooks ({error}); move it away") from None
