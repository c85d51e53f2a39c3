"""The optimizers by name: those that are written as classes, and those made of a rule alone."""

from __future__ import annotations

from optlab import rules
from optlab.optim.adafactor import Adafactor
from optlab.optim.adagrad import AdaGrad, FullAdaGrad
from optlab.optim.adam import Adam
from optlab.optim.adamw import AdamW
from optlab.optim.amsgrad import AMSGrad
from optlab.optim.lamb import LAMB
from optlab.optim.lars import LARS
from optlab.optim.made import MadeOptimizer, make_all
from optlab.optim.muon import Muon
from optlab.optim.optimizer import RuleOptimizer
from optlab.optim.schedule_free import AdamWScheduleFree
from optlab.optim.sgd import SGD
from optlab.optim.sophia import Sophia

_OF_THE_DECK = (SGD, AdaGrad, FullAdaGrad, Adam, AdamW, Adafactor, AMSGrad, LARS, LAMB, Sophia)
_WRITTEN = (*_OF_THE_DECK, Muon, AdamWScheduleFree)

# Those that the deck has: chapter 15 compares them, and each kept bench has times of them.
OF_THE_DECK = frozenset(cls.__name__ for cls in _OF_THE_DECK)

# The optimizers that have no class of their own, and all of them, by name. What else there is of
# an optimizer (`optlab.<name>`, bench, explorer, tests) goes through these two; type checkers
# read classes.pyi, which tools/stubs.py writes.
MADE: dict[str, type[MadeOptimizer]] = make_all(vars(rules).values(), _WRITTEN, "optlab.optim")
OPTIMIZERS: dict[str, type[RuleOptimizer]] = {**{cls.__name__: cls for cls in _WRITTEN}, **MADE}
globals().update(MADE)

__all__ = list(OPTIMIZERS)
