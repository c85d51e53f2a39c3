"""Larger runs, recorded once and shown beside the small ones that are run every time."""

from __future__ import annotations

import json
import math
from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass, field, is_dataclass, replace
from pathlib import Path
from typing import Any

from optlab import writing
from optlab.typed import typed

FOLDER = "OPTLAB_RECORD"  # environment variable: where to record; unset, nothing is written
RESULTS = Path("book", "results")
DIGITS = 6  # significant, of recorded numbers
PACKAGES = ("optlab", "torch", "numpy")  # whose versions are recorded
KEPT = ("versions", "device", "seconds", "commit", "date", "verdicts")  # of a run replaced


@dataclass(frozen=True)
class Record:
    """What a run gave, and what it was: settings as `settings(chapter, scale)` has them,
    versions of packages, device in words, seconds since the chapter asked for its settings,
    seed, commit of the code (as `provenance.commit` gives it) and date.

    verdicts: those of the chapter's claims in this run: id, verdict and evidence of each.
    earlier: of the runs that this one replaced, the last of each earlier version of optlab,
    newest first: its versions, device, seconds, commit, date and verdicts. Their results are
    in the history of the file; they are of other settings or other code.
    """

    chapter: str
    scale: str
    settings: dict[str, Any]
    results: dict[str, Any]
    versions: dict[str, str]
    device: str
    seconds: float
    seed: int
    commit: str
    date: str = ""
    verdicts: list[dict[str, str]] = field(default_factory=list)
    earlier: list[dict[str, Any]] = field(default_factory=list)

    def outdated(self, now: Any) -> list[str]:
        """A line for each setting that the code now has otherwise. now: the settings in the code,
        as `experiments.settings(chapter, scale)` gives them."""
        now = plain(now)
        return [
            f"{name}: {self.settings.get(name)} recorded, {now.get(name)} in the code"
            for name in sorted(now.keys() | self.settings.keys())
            if now.get(name) != self.settings.get(name)
        ]


def keep(made: Record, folder: Path) -> Path:
    """Write a record to its file in `folder`, and into it what is kept of the one it replaces."""
    path = folder / f"{made.chapter}.{made.scale}.json"
    if path.is_file():
        old = read(path)
        before = {name: getattr(old, name) for name in KEPT}
        same = old.versions["optlab"] == made.versions["optlab"]
        made = replace(made, earlier=old.earlier if same else [before, *old.earlier])
    text = json.dumps(plain(made), indent=1, ensure_ascii=False, allow_nan=False)
    writing.write(path, f"{text}\n".encode())
    return path


def read(path: Path) -> Record:
    """The record in a file. Raises ValueError, one line, if it is none or bears another's name."""
    try:
        made = Record(**json.loads(path.read_text(encoding="utf-8")))
        if path.name != f"{made.chapter}.{made.scale}.json":
            raise ValueError(f"it is one of {made.chapter} at {made.scale}")
    except (ValueError, TypeError) as error:
        why = str(error).split("__init__() ")[-1]
        raise ValueError(
            f"{path} is not the record that its name says ({why}); remove it, restore it by git, "
            f"or make it anew with {typed('optlab', 'run')} CHAPTER -p scale SCALE --record"
        ) from None
    return made


def recorded(chapter: str, scale: str, folder: Path | None = None) -> Record | None:
    """The recorded run of a chapter at a scale, or None if there is none.

    Args:
        folder: by default book/results, beside or above the working folder.
    """
    found = result_files(f"{chapter}.{scale}.json", folder)
    return read(found[0]) if found else None


def result_files(pattern: str, folder: Path | None = None) -> list[Path]:
    """Files of recorded results in order of their names. folder: as of `recorded`."""
    for place in [folder] if folder else _folders():
        if found := sorted(place.glob(pattern)):
            return found
    return []


def _folders() -> Iterator[Path]:
    here = Path.cwd()
    package = Path(__file__).parent  # the wheel that the site offers holds them, too
    for place in (here, *here.parents, package.parent, package):
        yield place / RESULTS


def plain(value: Any, digits: int | None = None) -> Any:
    """As JSON has it: what is read back is equal."""
    if is_dataclass(value) and not isinstance(value, type):
        value = asdict(value)
    if hasattr(value, "tolist"):  # tensors and arrays
        value = value.tolist()
    if isinstance(value, Mapping):
        return {str(key): plain(item, digits) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [plain(item, digits) for item in value]
    if isinstance(value, float):
        if not math.isfinite(value):
            return None
        return float(f"{value:.{digits}g}") if digits else value
    return value
