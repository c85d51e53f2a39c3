"""Every algorithm of the book, once, as its paper writes it."""

from optlab.rules.adam import adam
from optlab.rules.gradient_descent import gradient_descent, momentum
from optlab.rules.rule import Rule, State, rule
from optlab.rules.weight_decay import with_l2

__all__ = ["Rule", "State", "adam", "gradient_descent", "momentum", "rule", "with_l2"]
