"""A bench as a file."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any


def save(rows: Sequence[Any], conditions: dict[str, Any], path: Path) -> None:
    """Conditions and rows as JSON."""
    record = {"conditions": conditions, "rows": [asdict(row) for row in rows]}
    path.write_text(json.dumps(record, indent=1) + "\n")
