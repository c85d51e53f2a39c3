"""Settings of the chapter on LAMB: those of the chapter on LARS, with rates for three methods."""

from __future__ import annotations

from dataclasses import replace

from optlab.experiments.scales.base import powers_of_two
from optlab.experiments.scales.c09_lars import BASES, Settings

_ADAM = {"ci": (-7, -2), "small": (-9, -4), "gpu": (-12, -4), "paper": (-12, -4)}
_LAMB = {"ci": (-7, -1), "small": (-8, -2), "gpu": (-11, -3), "paper": (-11, -3)}
# The coefficient of decay and the rates are ours; tasks and batches are those of LARS.
SCALES = {
    scale: replace(
        base,
        rates={
            "adam": powers_of_two(*_ADAM[scale]),
            "adamw": powers_of_two(*_ADAM[scale]),
            "lamb": powers_of_two(*_LAMB[scale]),
        },
        weight_decay=0.01,
    )
    for scale, base in BASES.items()
}
SCALES["ci"] = replace(SCALES["ci"], batch_sizes=(32, 128, 512))
SCALES["small"] = replace(SCALES["small"], batch_sizes=(32, 256, 1024, 4096))

__all__ = ["SCALES", "Settings"]
