"""The chapters' checks on symbols: the code that their notebooks run, for any rule.

A module holds those of one algorithm, each a `Check`. `of` gives those that are asked of a rule.
"""

from types import ModuleType

from optlab.live.checks import (
    adafactor,
    adagrad,
    adam,
    amsgrad,
    decay,
    descent,
    lamb,
    lars,
    muon,
    sophia,
)
from optlab.live.checks.check import Check

MODULES: tuple[ModuleType, ...] = (
    descent,
    adagrad,
    amsgrad,
    adam,
    adafactor,
    decay,
    lars,
    lamb,
    sophia,
    muon,
)


def of(name: str) -> list[Check]:
    """The checks of a rule of the catalogue, in the order of the page."""
    every = [x for module in MODULES for x in vars(module).values() if isinstance(x, Check)]
    return [check for check in every if name in check.rules]
