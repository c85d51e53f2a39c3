"""Settings of the chapter on LAMB: those of the chapter on LARS, with rates for three methods."""

from __future__ import annotations

from dataclasses import replace

from optlab.experiments.scales.batch_scaling import BASES, _powers

_ADAM = {"ci": (-8, -3), "small": (-10, -4), "gpu": (-12, -4), "paper": (-12, -4)}
_LAMB = {"ci": (-7, -2), "small": (-9, -3), "gpu": (-11, -3), "paper": (-11, -3)}
# The coefficient of decay and the rates are ours; tasks and batches are those of LARS.
LAMB = {
    scale: replace(
        base,
        rates={
            "adam": _powers(*_ADAM[scale]),
            "adamw": _powers(*_ADAM[scale]),
            "lamb": _powers(*_LAMB[scale]),
        },
        weight_decay=0.01,
    )
    for scale, base in BASES.items()
}
