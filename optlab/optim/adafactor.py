"""Adafactor."""

from __future__ import annotations

import math
from typing import Any, ClassVar

import torch
from torch.optim.optimizer import ParamsT

from optlab.optim.optimizer import RuleOptimizer
from optlab.optim.settings import is_number
from optlab.rules import Rule, adafactor, adafactor_vector, with_decay

_MATRIX: dict[bool, Rule] = {False: adafactor, True: with_decay(adafactor)}
_VECTOR: dict[bool, Rule] = {False: adafactor_vector, True: with_decay(adafactor_vector)}


class Adafactor(RuleOptimizer):
    """Adafactor, Shazeer and Stern (2018), without momentum: `optlab.rules.adafactor`.

    Parameters of two dimensions or more keep row and column averages over their
    two largest dimensions; vectors keep all squares.

    Args:
        params: iterable of parameters or of groups.
        lr: the largest relative rate ρ; the rate used is min(lr, 1/√t) times the parameter's
            root mean square.
        beta2_decay: exponent c < 0 of the decay rate 1 - t^c.
        eps: (ε1, ε2), added to squared gradients and the least parameter scale.
        d: clipping threshold of the update's root mean square.
        weight_decay: decoupled, multiplied by lr as in torch.optim.Adafactor.
        maximize: ascend instead of descend.
        execution: "plain", "foreach", "compiled" or "auto".
        nonfinite: with a gradient that is not finite "propagate" it, "skip" the step, or "raise".
        rounding: of weights in half precision, to the "nearest" number or "stochastic".

    Raises:
        ValueError: for impossible values, in torch.optim's words where it has any.
    """

    torch_has: ClassVar[frozenset[str]] = frozenset({"beta2_decay", "d"})
    state_names: ClassVar[dict[str, str]] = {"R": "row_var", "C": "col_var", "V": "variance"}
    real_only: ClassVar[bool] = True

    def __init__(
        self,
        params: ParamsT,
        lr: float | torch.Tensor = 1e-2,
        beta2_decay: float = -0.8,
        eps: tuple[float, float] = (1e-30, 1e-3),
        d: float = 1.0,
        weight_decay: float = 0.0,
        *,
        maximize: bool = False,
        execution: str = "auto",
        nonfinite: str = "propagate",
        rounding: str = "nearest",
    ):
        defaults = {
            "lr": lr,
            "beta2_decay": beta2_decay,
            "eps": eps,
            "d": d,
            "weight_decay": weight_decay,
            "maximize": maximize,
            "execution": execution,
            "nonfinite": nonfinite,
            "rounding": rounding,
        }
        super().__init__(params, defaults)

    def validate(self, group: dict[str, Any]) -> None:
        super().validate(group)
        if not (isinstance(group["eps"], tuple | list) and len(group["eps"]) == 2):
            raise ValueError(f"Invalid epsilon value: {group['eps']}; give a pair (eps1, eps2)")
        if not (is_number(c := group["beta2_decay"]) and -math.inf < c <= 0):
            raise ValueError(f"Invalid beta2_decay value: {c}; give one that is not positive")
        if not group["d"] > 0:
            raise ValueError(f"Invalid d value: {group['d']}")

    def adopt(self, group: dict[str, Any]) -> dict[str, Any]:
        group = super().adopt(group)
        eps = group.get("eps")
        if isinstance(eps, tuple | list) and len(eps) == 2 and eps[0] is None:
            # in torch: what suits each parameter's dtype
            group["eps"] = (self.defaults["eps"][0], eps[1])
        return group

    def rule_for(self, p: torch.Tensor, group: dict[str, Any]) -> Rule:
        rules = _MATRIX if p.dim() >= 2 else _VECTOR
        return rules[bool(group["weight_decay"])]

    def arrange(self, x: torch.Tensor) -> torch.Tensor:
        if x.dim() <= 2:
            return x
        # The two largest dimensions go last; of equal ones, the first.
        largest = sorted(sorted(range(x.dim()), key=lambda k: -x.shape[k])[:2])
        return x.movedim(largest, (-2, -1))

    def hyperparameters(self, group: dict[str, Any], rule: Rule) -> dict[str, Any]:
        eps1, eps2 = group["eps"]
        return super().hyperparameters({**group, "eps1": eps1, "eps2": eps2}, rule)
