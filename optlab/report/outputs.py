"""Data in a notebook's stored outputs, beside what a person sees."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any


def shown(notebook: Path, mime: str) -> list[Any]:
    """What a notebook's outputs have under a MIME type, in order."""
    cells = json.loads(notebook.read_text(encoding="utf-8"))["cells"]
    outputs = [output for cell in cells for output in cell.get("outputs", [])]
    return [output["data"][mime] for output in outputs if mime in output.get("data", {})]
