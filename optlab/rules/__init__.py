"""Every algorithm of the book, once, as its paper writes it."""

from optlab.rules.adafactor import adafactor, adafactor_vector, factored_adam
from optlab.rules.adagrad import (
    adagrad,
    adagrad_dual,
    adagrad_full,
    adagrad_full_dual,
    l1,
    no_penalty,
)
from optlab.rules.adam import adam
from optlab.rules.adamw import adamw
from optlab.rules.amsgrad import amsgrad
from optlab.rules.gradient_descent import gradient_descent, momentum
from optlab.rules.lamb import lamb
from optlab.rules.lars import lars, lars_deck
from optlab.rules.rule import Rule, State, rule
from optlab.rules.sophia import average_hessian, sophia
from optlab.rules.weight_decay import with_decay, with_l2

__all__ = [
    "Rule",
    "State",
    "adafactor",
    "adafactor_vector",
    "adagrad",
    "adagrad_dual",
    "adagrad_full",
    "adagrad_full_dual",
    "adam",
    "adamw",
    "amsgrad",
    "average_hessian",
    "factored_adam",
    "gradient_descent",
    "l1",
    "lamb",
    "lars",
    "lars_deck",
    "momentum",
    "no_penalty",
    "rule",
    "sophia",
    "with_decay",
    "with_l2",
]
