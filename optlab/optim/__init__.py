"""torch.optim.Optimizer classes made of rules."""

from optlab.optim.adam import Adam
from optlab.optim.optimizer import RuleOptimizer
from optlab.optim.sgd import SGD

__all__ = ["SGD", "Adam", "RuleOptimizer"]
