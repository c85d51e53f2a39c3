"""LAMB."""

from __future__ import annotations

from typing import Any, ClassVar

import torch
from torch.optim.optimizer import ParamsT

from optlab.optim.optimizer import RuleOptimizer
from optlab.rules import Rule, lamb


class LAMB(RuleOptimizer):
    """LAMB, You et al. (2020), Algorithm 2: `optlab.rules.lamb`.

    Each parameter tensor is a layer: its step has the length lr times its norm.
    Where either norm is zero the ratio is one.

    Args:
        params: iterable of parameters or of groups.
        lr: learning rate, a number ≥ 0 or a 1-element tensor.
        betas: decay rates (β1, β2) of the two moments, each in [0, 1).
        eps: added to the square root, outside it and after bias correction.
        weight_decay: added to the update whose norm is taken.
        maximize: ascend instead of descend.
        execution: "plain", "foreach", "compiled" or "auto".
        nonfinite: with a gradient that is not finite "propagate" it, "skip" the step, or "raise".
        rounding: of weights in half precision, to the "nearest" number or "stochastic".

    Raises:
        ValueError: for impossible values, in torch.optim's words where it has any.
    """

    state_names: ClassVar[dict[str, str]] = {"m": "exp_avg", "v": "exp_avg_sq"}

    def __init__(
        self,
        params: ParamsT,
        lr: float | torch.Tensor = 1e-3,
        betas: tuple[float, float] = (0.9, 0.999),
        eps: float = 1e-6,
        weight_decay: float = 0,
        *,
        maximize: bool = False,
        execution: str = "auto",
        nonfinite: str = "propagate",
        rounding: str = "nearest",
    ):
        defaults = {
            "lr": lr,
            "betas": betas,
            "eps": eps,
            "weight_decay": weight_decay,
            "maximize": maximize,
            "execution": execution,
            "nonfinite": nonfinite,
            "rounding": rounding,
        }
        super().__init__(params, defaults)

    def rule(self, group: dict[str, Any]) -> Rule:
        return lamb
