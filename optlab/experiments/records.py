"""What a chapter calls at its end, so that its results can be kept for the book."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch

from optlab import provenance
from optlab.experiments.scales import seconds, settings
from optlab.records import DIGITS, FOLDER, PACKAGES, Record, keep, plain


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
    taken = seconds(chapter)
    folder = os.environ.get(FOLDER)
    if not folder:
        return None
    made = Record(
        chapter=chapter,
        scale=scale,
        settings=plain(settings(chapter, scale)),
        results=plain(results, DIGITS),
        versions=provenance.versions(*PACKAGES),
        device=provenance.machine(torch.device(device)),
        seconds=round(taken, 1),
        seed=seed,
        commit=provenance.commit(),
        date=provenance.today(),
    )
    return keep(made, Path(folder))
