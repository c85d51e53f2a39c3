"""AMSGrad."""

from __future__ import annotations

from typing import Any, ClassVar

import torch
from torch.optim.optimizer import ParamsT

from optlab.optim.optimizer import RuleOptimizer
from optlab.rules import Rule, amsgrad, with_l2

_amsgrad_l2 = with_l2(amsgrad)


class AMSGrad(RuleOptimizer):
    """AMSGrad, Reddi, Kale and Kumar (2018), Algorithm 2: `optlab.rules.amsgrad`.

    The paper's form, without bias correction, so that the divisor never falls.
    `torch.optim.Adam(amsgrad=True)` corrects the bias after taking the maximum: there
    the divisor may fall.

    Args:
        params: iterable of parameters or of groups.
        lr: stepsize α, a number ≥ 0 or a 1-element tensor.
        betas: decay rates (β1, β2) of the two moments, each in [0, 1).
        eps: added to the square root; 0 in the paper, where 0/0 is 0.
        weight_decay: coefficient of L2 regularization, added to the gradient.
        maximize: ascend instead of descend.
        execution: "plain", "foreach", "compiled" or "auto".
        nonfinite: with a gradient that is not finite "propagate" it, "skip" the step, or "raise".
        rounding: of weights in half precision, to the "nearest" number or "stochastic".

    Raises:
        ValueError: for impossible values, in torch.optim's words where it has any.
    """

    state_names: ClassVar[dict[str, str]] = {
        "m": "exp_avg",
        "v": "exp_avg_sq",
        "v_hat": "max_exp_avg_sq",
    }

    def __init__(
        self,
        params: ParamsT,
        lr: float | torch.Tensor = 1e-3,
        betas: tuple[float, float] = (0.9, 0.999),
        eps: float = 1e-8,
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
        return _amsgrad_l2 if group["weight_decay"] else amsgrad
