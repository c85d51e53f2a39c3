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
    label: on a slider; its own name if there is none.
    """

    letter: str
    meaning: str
    condition: str = ">= 0"
    label: str = ""


NAMES = {
    "lr": Name(
        r"\eta", "learning rate, a number ≥ 0 or a 1-element tensor.", label="Learning rate"
    ),
    "beta1": Name(r"\beta_1", "decay rate of the first moment, in [0, 1).", "in [0, 1)", "β₁"),
    "beta2": Name(r"\beta_2", "decay rate of the second moment, in [0, 1).", "in [0, 1)", "β₂"),
    "beta3": Name(r"\beta_3", "decay rate of the slow average, in [0, 1).", "in [0, 1)", "β₃"),
    "eps": Name(r"\epsilon", "ε ≥ 0.", label="ε"),
    "momentum": Name(r"\mu", "decay of the momentum buffer, ≥ 0.", label="Momentum μ"),
    "dampening": Name(r"\tau", "part of the gradient that the buffer leaves out.", "finite"),
    "weight_decay": Name(r"\lambda", "coefficient λ ≥ 0.", label="Weight decay λ"),
    "delta": Name(r"\delta", "added to the root of the sum of squares, ≥ 0.", label="δ"),
    "eta": Name(r"\eta", "multiplier of the schedule."),
    "rho": Name(r"\rho", "clipping threshold, ≥ 0.", label="Clipping ρ"),
    "eps1": Name(r"\epsilon_1", "added to squares, ≥ 0."),
    "eps2": Name(r"\epsilon_2", "least scale of a parameter, ≥ 0."),
    "d": Name("d", "largest root mean square of an update, > 0.", "> 0", "Clipping d"),
    "trust_coefficient": Name(
        r"\eta_0", "factor of the local rate, ≥ 0.", label="Trust coefficient"
    ),
    "beta2_decay": Name("c", "power with which the decay rate tends to 1, not positive.", "<= 0"),
    "alpha": Name(r"\alpha", "weight α ≥ 0 of the slow average.", label="Weight α"),
    "warmup_steps": Name("T_w", "steps in which the rate rises from 0, ≥ 0.", label="Warm-up"),
    "initial_accumulator_value": Name("G_0", "what sums of squares start at, ≥ 0."),
}


def label(name: str) -> str:
    return (NAMES[name].label if name in NAMES else "") or name


def condition(name: str) -> str:
    """The condition on a hyperparameter; of one that is not known, by the form of its name."""
    if name in NAMES:
        return NAMES[name].condition
    return "in [0, 1)" if re.fullmatch(r"beta\d*", name) else "finite"


def meets(condition: str, value: float) -> bool:
    """Whether a number is finite and meets a condition."""
    return -math.inf < value < math.inf and _CONDITIONS[condition][1](value)


def in_words(condition: str) -> str:
    """What a number must be to meet a condition."""
    return _CONDITIONS[condition][0]


_CONDITIONS: dict[str, tuple[str, Callable[[float], bool]]] = {
    "finite": ("finite", lambda value: True),
    ">= 0": ("at least 0 and finite", lambda value: value >= 0),
    "> 0": ("more than 0 and finite", lambda value: value > 0),
    "<= 0": ("at most 0 and finite", lambda value: value <= 0),
    "in [0, 1)": ("at least 0 and less than 1", lambda value: 0 <= value < 1),
}
