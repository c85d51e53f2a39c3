"""What the hyperparameters of the rules are called: on the page, in documentation, in messages."""

from __future__ import annotations

import math
import re
from collections.abc import Callable
from dataclasses import dataclass


@dataclass(frozen=True)
class Name:
    """A hyperparameter.

    letter: its LaTeX. meaning: in documentation. condition: on its values, which are finite.
    """

    letter: str
    meaning: str
    condition: str = ">= 0"


NAMES = {
    "lr": Name(r"\eta", "learning rate, a number ≥ 0 or a 1-element tensor."),
    "beta1": Name(r"\beta_1", "decay rate of the first moment, in [0, 1).", "in [0, 1)"),
    "beta2": Name(r"\beta_2", "decay rate of the second moment, in [0, 1).", "in [0, 1)"),
    "eps": Name(r"\epsilon", "ε ≥ 0."),
    "momentum": Name(r"\mu", "decay of the momentum buffer, ≥ 0."),
    "dampening": Name(r"\tau", "part of the gradient that the buffer leaves out.", "finite"),
    "weight_decay": Name(r"\lambda", "coefficient λ ≥ 0."),
    "delta": Name(r"\delta", "added to the root of the sum of squares, ≥ 0."),
    "eta": Name(r"\eta", "multiplier of the schedule."),
    "rho": Name(r"\rho", "clipping threshold, ≥ 0."),
    "eps1": Name(r"\epsilon_1", "added to squares, ≥ 0."),
    "eps2": Name(r"\epsilon_2", "least scale of a parameter, ≥ 0."),
    "d": Name("d", "largest root mean square of an update, > 0.", "> 0"),
    "trust_coefficient": Name(r"\eta_0", "factor of the local rate, ≥ 0."),
    "beta2_decay": Name("c", "power with which the decay rate tends to 1, not positive.", "<= 0"),
    "alpha": Name(r"\alpha", "step size, ≥ 0."),
    "initial_accumulator_value": Name("G_0", "what sums of squares start at, ≥ 0."),
}


def condition(name: str) -> str:
    """The condition on a hyperparameter; of one that is not known, by the form of its name."""
    if name in NAMES:
        return NAMES[name].condition
    return "in [0, 1)" if re.fullmatch(r"beta\d*", name) else "finite"


def meets(condition: str, value: float) -> bool:
    """Whether a number is finite and meets a condition."""
    return -math.inf < value < math.inf and _MEETS[condition](value)


_MEETS: dict[str, Callable[[float], bool]] = {
    "finite": lambda value: True,
    ">= 0": lambda value: value >= 0,
    "> 0": lambda value: value > 0,
    "<= 0": lambda value: value <= 0,
    "in [0, 1)": lambda value: 0 <= value < 1,
}
