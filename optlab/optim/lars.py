"""LARS."""

from __future__ import annotations

from typing import Any, ClassVar

import torch
from torch.optim.optimizer import ParamsT

from optlab.optim.optimizer import RuleOptimizer
from optlab.rules import Rule, lars, lars_deck

_RULES = {"2017": lars, "deck": lars_deck}


class LARS(RuleOptimizer):
    """LARS: a learning rate for each layer, here each parameter tensor, by its norms.

    Args:
        params: iterable of parameters or of groups.
        lr: learning rate, a number ≥ 0 or a 1-element tensor.
        momentum: decay of the momentum buffer, in [0, 1).
        weight_decay: coefficient of L2 regularization, added to the gradient.
        trust_coefficient: factor of the local rate; only in the form "2017".
        form: "2017", You, Gitman and Ginsburg (`optlab.rules.lars`), or "deck", the deck's
            Algorithm 7 (`optlab.rules.lars_deck`).
        maximize: ascend instead of descend.
        execution: "plain", "foreach", "compiled" or "auto".
        nonfinite: with a gradient that is not finite "propagate" it, "skip" the step, or "raise".
        rounding: of weights in half precision, to the "nearest" number or "stochastic".

    Raises:
        ValueError: for impossible values, in torch.optim's words where it has any.
    """

    state_names: ClassVar[dict[str, str]] = {"v": "momentum_buffer", "m": "exp_avg"}
    choices: ClassVar[dict[str, tuple[str, ...]]] = {"form": tuple(_RULES)}

    def __init__(
        self,
        params: ParamsT,
        lr: float | torch.Tensor = 1.0,
        momentum: float = 0.9,
        weight_decay: float = 0,
        trust_coefficient: float = 0.001,
        *,
        form: str = "2017",
        maximize: bool = False,
        execution: str = "auto",
        nonfinite: str = "propagate",
        rounding: str = "nearest",
    ):
        defaults = {
            "lr": lr,
            "momentum": momentum,
            "weight_decay": weight_decay,
            "trust_coefficient": trust_coefficient,
            "form": form,
            "maximize": maximize,
            "execution": execution,
            "nonfinite": nonfinite,
            "rounding": rounding,
        }
        super().__init__(params, defaults)

    def validate(self, group: dict[str, Any]) -> None:
        super().validate(group)
        if not group["momentum"] < 1:
            raise ValueError(f"Invalid momentum value: {group['momentum']}; give one below 1")

    def rule(self, group: dict[str, Any]) -> Rule:
        return _RULES[group["form"]]

    def hyperparameters(self, group: dict[str, Any], rule: Rule) -> dict[str, Any]:
        return super().hyperparameters({**group, "beta1": group["momentum"]}, rule)
