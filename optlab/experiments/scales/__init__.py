"""The settings of each empirical chapter at each scale: one table, one code for all scales.

"ci" takes seconds and is what is committed, "small" minutes on a laptop's CPU, "gpu" tens of
minutes on one GPU, "paper" is what the paper did.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Literal, overload

from optlab.experiments.scales.adamw import ADAMW, AdamW
from optlab.experiments.scales.adamwr import ADAMWR, AdamWR
from optlab.experiments.scales.batch_scaling import LARS, BatchScaling
from optlab.experiments.scales.characters import Characters
from optlab.experiments.scales.choosing import CHOOSING, Choosing
from optlab.experiments.scales.ensembles import ENSEMBLES, Ensembles
from optlab.experiments.scales.lamb import LAMB
from optlab.experiments.scales.linear_decay import LINEAR_DECAY, LinearDecay
from optlab.experiments.scales.sgdr import SGDR, SGDR_
from optlab.experiments.scales.sophia import SOPHIA, Sophia
from optlab.experiments.scales.task import Task

Settings = AdamW | AdamWR | BatchScaling | LinearDecay | SGDR | Ensembles | Sophia | Choosing

SCALES = ("ci", "small", "gpu", "paper")
CHAPTERS: dict[str, Mapping[str, Settings]] = {
    "07-adamw": ADAMW,
    "08-adamwr": ADAMWR,
    "09-lars": LARS,
    "10-lamb": LAMB,
    "11-linear-decay": LINEAR_DECAY,
    "12-sgdr": SGDR_,
    "13-snapshot-ensembles": ENSEMBLES,
    "14-sophia": SOPHIA,
    "15-choosing-an-optimizer": CHOOSING,
}


@overload
def settings(chapter: Literal["07-adamw"], scale: str) -> AdamW: ...
@overload
def settings(chapter: Literal["08-adamwr"], scale: str) -> AdamWR: ...
@overload
def settings(chapter: Literal["09-lars", "10-lamb"], scale: str) -> BatchScaling: ...
@overload
def settings(chapter: Literal["11-linear-decay"], scale: str) -> LinearDecay: ...
@overload
def settings(chapter: Literal["12-sgdr"], scale: str) -> SGDR: ...
@overload
def settings(chapter: Literal["13-snapshot-ensembles"], scale: str) -> Ensembles: ...
@overload
def settings(chapter: Literal["14-sophia"], scale: str) -> Sophia: ...
@overload
def settings(chapter: Literal["15-choosing-an-optimizer"], scale: str) -> Choosing: ...
@overload
def settings(chapter: str, scale: str) -> Settings: ...
def settings(chapter: str, scale: str) -> Settings:
    """The settings of a chapter, such as "07-adamw", at "ci", "small", "gpu" or "paper".

    Raises:
        ValueError: naming what there is.
    """
    if chapter not in CHAPTERS:
        raise ValueError(f"no settings for {chapter!r}; there are {', '.join(CHAPTERS)}")
    if scale not in SCALES:
        raise ValueError(f"no scale {scale!r}; there are {', '.join(SCALES)}")
    return CHAPTERS[chapter][scale]


__all__ = [
    "CHAPTERS",
    "SCALES",
    "SGDR",
    "AdamW",
    "AdamWR",
    "BatchScaling",
    "Characters",
    "Choosing",
    "Ensembles",
    "LinearDecay",
    "Settings",
    "Sophia",
    "Task",
    "settings",
]
