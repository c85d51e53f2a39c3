"""Larger runs, recorded once and shown beside the small ones that are run every time."""

from __future__ import annotations

import json
import math
import os
import platform
import subprocess
import time
from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass, is_dataclass
from importlib.metadata import version
from pathlib import Path
from typing import Any

import torch

from optlab.experiments.files import replacing
from optlab.experiments.scales import settings

FOLDER = "OPTLAB_RECORD"  # environment variable: where to record; unset, nothing is written
RESULTS = Path("book", "results")
DIGITS = 6  # significant, of recorded numbers
_STARTED = time.perf_counter()


@dataclass(frozen=True)
class Record:
    """What a run gave, and what it was: settings as `settings(chapter, scale)` has them,
    versions of packages, device in words, seconds since optlab.experiments was imported, seed,
    and commit of the code ("-dirty" if the package was changed since)."""

    chapter: str
    scale: str
    settings: dict[str, Any]
    results: dict[str, Any]
    versions: dict[str, str]
    device: str
    seconds: float
    seed: int
    commit: str

    def outdated(self) -> list[str]:
        """A line for each setting that the code now has otherwise."""
        now = _plain(settings(self.chapter, self.scale))
        return [
            f"{name}: {self.settings.get(name)} recorded, {now.get(name)} in the code"
            for name in sorted(now.keys() | self.settings.keys())
            if now.get(name) != self.settings.get(name)
        ]


def record(
    chapter: str,
    scale: str,
    results: Mapping[str, Any],
    *,
    seed: int,
    device: torch.device | str,
) -> Path | None:
    """Write the results of a chapter's run to `<chapter>.<scale>.json`, if that is wanted.

    It is wanted under `optlab run CHAPTER -p scale SCALE --record`; otherwise nothing happens,
    so that a chapter can call this at its end.

    Args:
        results: numbers, texts, tensors, dataclasses, and lists and dictionaries of them; what
            is not finite becomes None.
    """
    folder = os.environ.get(FOLDER)
    if not folder:
        return None
    made = Record(
        chapter=chapter,
        scale=scale,
        settings=_plain(settings(chapter, scale)),
        results=_plain(results, DIGITS),
        versions={"python": platform.python_version()}
        | {name: version(name) for name in ("optlab", "torch", "numpy")},
        device=_described(torch.device(device)),
        seconds=round(time.perf_counter() - _STARTED, 1),
        seed=seed,
        commit=_commit(),
    )
    path = Path(folder) / f"{chapter}.{scale}.json"
    with replacing(path) as draft:
        text = json.dumps(asdict(made), indent=1, ensure_ascii=False, allow_nan=False)
        draft.write_text(text + "\n", encoding="utf-8")
    return path


def recorded(chapter: str, scale: str, folder: Path | None = None) -> Record | None:
    """The recorded run of a chapter at a scale, or None if there is none.

    Args:
        folder: by default book/results, beside or above the working folder.
    """
    path = result_file(f"{chapter}.{scale}.json", folder)
    return Record(**json.loads(path.read_text(encoding="utf-8"))) if path else None


def result_file(name: str, folder: Path | None = None) -> Path | None:
    """A file of recorded results, or None if there is none. folder: as of `recorded`."""
    for place in [folder] if folder else _folders():
        if (place / name).is_file():
            return place / name
    return None


def _folders() -> Iterator[Path]:
    here = Path.cwd()
    for place in (here, *here.parents, Path(__file__).parents[2]):
        yield place / RESULTS


def _plain(value: Any, digits: int | None = None) -> Any:
    """As JSON has it: what is read back is equal."""
    if is_dataclass(value) and not isinstance(value, type):
        value = asdict(value)
    if hasattr(value, "tolist"):  # tensors and arrays
        value = value.tolist()
    if isinstance(value, Mapping):
        return {str(key): _plain(item, digits) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(item, digits) for item in value]
    if isinstance(value, float):
        if not math.isfinite(value):
            return None
        return float(f"{value:.{digits}g}") if digits else value
    return value


def _described(device: torch.device) -> str:
    if device.type == "cuda":
        return torch.cuda.get_device_name(device)
    return f"{platform.machine()} CPU, {torch.get_num_threads()} threads"


def _commit() -> str:
    package = Path(__file__).parents[1]
    try:
        _git(package, "ls-files", "--error-unmatch", "__init__.py")  # installed: another's commit
        commit = _git(package, "rev-parse", "HEAD")
        changed = _git(package, "status", "--porcelain", "--", ".")
    except (OSError, subprocess.CalledProcessError):
        return "unknown"
    return f"{commit}-dirty" if changed else commit


def _git(folder: Path, *arguments: str) -> str:
    done = subprocess.run(
        ["git", *arguments], cwd=folder, capture_output=True, text=True, check=True
    )
    return done.stdout.strip()
