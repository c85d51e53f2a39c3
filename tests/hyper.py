"""A value for every hyperparameter that a rule may have, and the rules that are registered
as optimizers, which the tests of all rules take in."""

from optlab.optim import MADE

HYPER = {
    "lr": 0.1,
    "beta1": 0.7,
    "beta2": 0.9,
    "eps": 0.01,
    "momentum": 0.8,
    "dampening": 0.3,
    "weight_decay": 0.2,
    "eta": 0.5,
    "delta": 0.1,
    "rho": 0.3,
    "trust_coefficient": 0.02,
    "beta2_decay": -0.8,
    "eps1": 1e-8,
    "eps2": 1e-3,
    "d": 0.5,
    "warmup_steps": 2.0,
}

REGISTERED = [cls.of for cls in MADE.values()]


def numbers(rule):
    """The hyperparameters of a registered rule that are numbers: from above, or its defaults."""
    return {k: HYPER.get(k, v) for k, v in rule.numbers.items()}
