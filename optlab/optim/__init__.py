"""torch.optim.Optimizer classes made of rules."""

from optlab.optim.adafactor import Adafactor
from optlab.optim.adagrad import AdaGrad, FullAdaGrad
from optlab.optim.adam import Adam
from optlab.optim.adamw import AdamW
from optlab.optim.amsgrad import AMSGrad
from optlab.optim.groups import param_groups
from optlab.optim.lamb import LAMB
from optlab.optim.lars import LARS
from optlab.optim.optimizer import RuleOptimizer
from optlab.optim.sgd import SGD
from optlab.optim.sophia import Sophia, gauss_newton_bartlett, hutchinson

__all__ = [
    "LAMB",
    "LARS",
    "SGD",
    "AMSGrad",
    "AdaGrad",
    "Adafactor",
    "Adam",
    "AdamW",
    "FullAdaGrad",
    "RuleOptimizer",
    "Sophia",
    "gauss_newton_bartlett",
    "hutchinson",
    "param_groups",
]
