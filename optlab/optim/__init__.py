"""torch.optim.Optimizer classes made of rules."""

from typing import TYPE_CHECKING, Any

from optlab import rules
from optlab.optim.adafactor import Adafactor
from optlab.optim.adagrad import AdaGrad, FullAdaGrad
from optlab.optim.adam import Adam
from optlab.optim.adamw import AdamW
from optlab.optim.amsgrad import AMSGrad
from optlab.optim.groups import param_groups
from optlab.optim.lamb import LAMB
from optlab.optim.lars import LARS
from optlab.optim.made import MadeOptimizer, make_all
from optlab.optim.optimizer import RuleOptimizer
from optlab.optim.sgd import SGD
from optlab.optim.sophia import Sophia, gauss_newton_bartlett, hutchinson

_WRITTEN = (SGD, AdaGrad, FullAdaGrad, Adam, AdamW, Adafactor, AMSGrad, LARS, LAMB, Sophia)

# The optimizers that have no class of their own, and all of them, by name. What else there is of
# an optimizer (`optlab.<name>`, bench, explorer, tests) goes through these two.
MADE: dict[str, type[MadeOptimizer]] = make_all(vars(rules).values(), _WRITTEN, __name__)
OPTIMIZERS: dict[str, type[RuleOptimizer]] = {**{cls.__name__: cls for cls in _WRITTEN}, **MADE}
globals().update(MADE)

if TYPE_CHECKING:

    def __getattr__(name: str) -> Any:
        """Those of MADE."""


__all__ = [
    "LAMB",
    "LARS",
    "MADE",
    "OPTIMIZERS",
    "SGD",
    "AMSGrad",
    "AdaGrad",
    "Adafactor",
    "Adam",
    "AdamW",
    "FullAdaGrad",
    "MadeOptimizer",
    "RuleOptimizer",
    "Sophia",
    "gauss_newton_bartlett",
    "hutchinson",
    "param_groups",
]
