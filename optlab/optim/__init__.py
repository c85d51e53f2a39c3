"""torch.optim.Optimizer classes made of rules."""

from optlab.optim import classes
from optlab.optim.classes import *  # noqa: F403
from optlab.optim.classes import MADE, OPTIMIZERS
from optlab.optim.groups import param_groups
from optlab.optim.made import MadeOptimizer
from optlab.optim.optimizer import RuleOptimizer
from optlab.optim.sophia import gauss_newton_bartlett, hutchinson

__all__ = [
    "MADE",
    "OPTIMIZERS",
    "MadeOptimizer",
    "RuleOptimizer",
    "gauss_newton_bartlett",
    "hutchinson",
    "param_groups",
]
__all__ += classes.__all__
