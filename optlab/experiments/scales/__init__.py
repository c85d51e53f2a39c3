"""The settings of each empirical chapter at each scale: one table, one code for all scales.

"ci" takes seconds and is what is committed, "small" minutes on a laptop's CPU, "gpu" tens of
minutes on one GPU, "paper" is what the paper did. Chapter 7, `07-adamw`, has its settings in
`c07_adamw.py`: the class `Settings`, and `SCALES` with one of them for each scale.
"""

from __future__ import annotations

from collections.abc import Mapping
from importlib import import_module
from pkgutil import iter_modules
from time import perf_counter
from typing import Any

from optlab.experiments.scales.characters import Characters
from optlab.experiments.scales.task import Task

SCALES = ("ci", "small", "gpu", "paper")
CHAPTERS: dict[str, Mapping[str, Any]] = {
    found.name[1:].replace("_", "-"): import_module(f"{__name__}.{found.name}").SCALES
    for found in iter_modules(__path__)
    if found.name[1:3].isdigit()
}

# The chapters that have asked for their settings, and when: in seconds of `time.perf_counter`.
_begun: dict[str, float] = {}


def settings(chapter: str, scale: str) -> Any:
    """The settings of a chapter, such as "07-adamw", at "ci", "small", "gpu" or "paper".

    A chapter asks for them before it computes: its seconds are counted from then.

    Raises:
        ValueError: naming what there is.
    """
    if chapter not in CHAPTERS:
        raise ValueError(f"no settings for {chapter!r}; there are {', '.join(CHAPTERS)}")
    if scale not in SCALES:
        raise ValueError(f"no scale {scale!r}; there are {', '.join(SCALES)}")
    _begun.setdefault(chapter, perf_counter())
    return CHAPTERS[chapter][scale]


def seconds(chapter: str) -> float:
    """The seconds since a chapter first asked for its settings; asked again, since it asked anew.

    0 where it has not.
    """
    now = perf_counter()
    return now - _begun.pop(chapter, now)


__all__ = ["CHAPTERS", "SCALES", "Characters", "Task", "seconds", "settings"]
