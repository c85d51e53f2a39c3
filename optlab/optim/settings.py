"""What the settings of a parameter group may be."""

from __future__ import annotations

import math
from numbers import Real
from typing import Any

import torch

from optlab.optim.execution import EXECUTIONS
from optlab.optim.nonfinite import NONFINITE

CHOICES: dict[str, tuple[str, ...]] = {
    "execution": ("auto", *EXECUTIONS),
    "nonfinite": NONFINITE,
}


def validate(group: dict[str, Any], choices: dict[str, tuple[str, ...]]) -> None:
    """Refuse impossible settings with a ValueError, in torch.optim's words where it has any.

    choices: the words that settings of this optimizer alone may be, by setting.
    """
    lr = group["lr"]
    if isinstance(lr, torch.Tensor) and lr.numel() != 1:
        raise ValueError("Tensor lr must be 1-element")
    _at_least_zero("learning rate", lr)
    eps = group.get("eps", 0.0)
    for value in eps if isinstance(eps, tuple | list) else (eps,):
        _at_least_zero("epsilon value", value)
    betas = group.get("betas", (0, 0))
    if not (isinstance(betas, tuple | list) and len(betas) == 2):
        raise ValueError(f"Invalid betas: {betas}; give a pair (beta1, beta2)")
    for i, beta in enumerate(betas):
        if not (is_number(beta) and 0.0 <= beta < 1.0):
            raise ValueError(f"Invalid beta parameter at index {i}: {beta}")
    for name in (
        "momentum",
        "weight_decay",
        "initial_accumulator_value",
        "trust_coefficient",
        "rho",
        "d",
    ):
        if name in group:
            _at_least_zero(f"{name} value", group[name])
    dampening = group.get("dampening", 0)
    if not (is_number(dampening) and math.isfinite(dampening)):
        raise ValueError(f"Invalid dampening value: {dampening}")
    for name in ("nesterov", "maximize"):
        if not isinstance(group.get(name, False), bool):
            raise ValueError(f"Invalid {name} value: {group[name]}; give True or False")
    for name, allowed in {**choices, **CHOICES}.items():
        if group[name] not in allowed:
            raise ValueError(f"Invalid {name}: {group[name]!r}; choose one of {', '.join(allowed)}")


def is_number(x: Any) -> bool:
    return isinstance(x, Real) and not isinstance(x, bool)


def _at_least_zero(what: str, value: Any) -> None:
    number = value.item() if isinstance(value, torch.Tensor) and what == "learning rate" else value
    if not (is_number(number) and 0.0 <= number < math.inf):
        raise ValueError(f"Invalid {what}: {value}")
