"""The settings of each empirical chapter at each scale: one table, one code for all scales.

"ci" takes seconds and is what is committed, "small" minutes on a laptop's CPU, "gpu" tens of
minutes on one GPU, "paper" is what the paper did. Chapter 7, `07-adamw`, has its settings in
`c07_adamw.py`: the class `Settings`, and `SCALES` with one of them for each scale.
"""

from __future__ import annotations

from collections.abc import Mapping
from importlib import import_module
from pkgutil import iter_modules
from typing import Any

from optlab.experiments.scales.characters import Characters
from optlab.experiments.scales.task import Task

SCALES = ("ci", "small", "gpu", "paper")
CHAPTERS: dict[str, Mapping[str, Any]] = {
    found.name[1:].replace("_", "-"): import_module(f"{__name__}.{found.name}").SCALES
    for found in iter_modules(__path__)
    if found.name[1:3].isdigit()
}


def settings(chapter: str, scale: str) -> Any:
    """The settings of a chapter, such as "07-adamw", at "ci", "small", "gpu" or "paper".

    Raises:
        ValueError: naming what there is.
    """
    if chapter not in CHAPTERS:
        raise ValueError(f"no settings for {chapter!r}; there are {', '.join(CHAPTERS)}")
    if scale not in SCALES:
        raise ValueError(f"no scale {scale!r}; there are {', '.join(SCALES)}")
    return CHAPTERS[chapter][scale]


__all__ = ["CHAPTERS", "SCALES", "Characters", "Task", "settings"]
