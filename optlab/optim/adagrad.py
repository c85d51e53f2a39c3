"""AdaGrad, diagonal and full."""

from __future__ import annotations

from typing import Any, ClassVar

import torch
from torch.optim.optimizer import ParamsT

from optlab.optim.optimizer import RuleOptimizer
from optlab.rules import Rule, adagrad, adagrad_dual, adagrad_full, adagrad_full_dual, with_l2

_RULES = {"mirror": adagrad, "dual": adagrad_dual}
_RULES_L2 = {form: with_l2(rule) for form, rule in _RULES.items()}
_FULL = {"mirror": adagrad_full, "dual": adagrad_full_dual}
_FULL_L2 = {form: with_l2(rule) for form, rule in _FULL.items()}


class _AdaGrad(RuleOptimizer):
    rules: ClassVar[dict[str, Rule]]
    rules_l2: ClassVar[dict[str, Rule]]
    choices: ClassVar[dict[str, tuple[str, ...]]] = {"form": tuple(_RULES)}

    def rule(self, group: dict[str, Any]) -> Rule:
        return (self.rules_l2 if group["weight_decay"] else self.rules)[group["form"]]

    def hyperparameters(self, group: dict[str, Any], rule: Rule) -> dict[str, Any]:
        return super().hyperparameters({**group, "delta": group["eps"]}, rule)


class AdaGrad(_AdaGrad):
    """AdaGrad with a diagonal matrix, Duchi, Hazan and Singer (2011): `optlab.rules.adagrad`.

    Args:
        params: iterable of parameters or of groups.
        lr: stepsize η, a number ≥ 0 or a 1-element tensor.
        weight_decay: coefficient of L2 regularization, added to the gradient.
        initial_accumulator_value: what the sums of squares start at.
        eps: δ, added to the square root. The paper's bound wants it as large as a gradient.
        form: "mirror", the composite mirror-descent update, which is torch's; or "dual", the
            primal-dual update, anchored at the start.
        maximize: ascend instead of descend.
        execution: "plain", "foreach", "compiled" or "auto".
        nonfinite: with a gradient that is not finite "propagate" it, "skip" the step, or "raise".
        rounding: of weights in half precision, to the "nearest" number or "stochastic".

    Raises:
        ValueError: for impossible values, in torch.optim's words where it has any.
    """

    rules: ClassVar[dict[str, Rule]] = _RULES
    rules_l2: ClassVar[dict[str, Rule]] = _RULES_L2
    torch_has: ClassVar[frozenset[str]] = frozenset({"lr_decay"})
    refused: ClassVar[dict[str, str]] = {"lr_decay": "use a learning-rate scheduler instead"}

    def __init__(
        self,
        params: ParamsT,
        lr: float | torch.Tensor = 1e-2,
        weight_decay: float = 0,
        initial_accumulator_value: float = 0,
        eps: float = 1e-10,
        *,
        form: str = "mirror",
        maximize: bool = False,
        execution: str = "auto",
        nonfinite: str = "propagate",
        rounding: str = "nearest",
    ):
        defaults = {
            "lr": lr,
            "weight_decay": weight_decay,
            "initial_accumulator_value": initial_accumulator_value,
            "eps": eps,
            "lr_decay": 0,  # only so that torch can load our state
            "form": form,
            "maximize": maximize,
            "execution": execution,
            "nonfinite": nonfinite,
            "rounding": rounding,
        }
        super().__init__(params, defaults)

    def initial(self, name: str, like: torch.Tensor, group: dict[str, Any]) -> torch.Tensor:
        start = super().initial(name, like, group)
        if name == "sum" and (value := group["initial_accumulator_value"]):
            start.fill_(complex(value, value) if like.is_complex() else value)
        return start


class FullAdaGrad(_AdaGrad):
    """AdaGrad with the full matrix, Duchi, Hazan and Singer (2011): `optlab.rules.adagrad_full`.

    Each parameter of d entries keeps a d × d matrix in float64, and a step takes time d³. A
    gradient that is not finite may be an error of torch.linalg.eigh under "propagate"; and on
    a GPU eigh itself waits for the device.

    Args:
        params: iterable of parameters or of groups, each of at most 4096 entries.
        lr: stepsize η, a number ≥ 0 or a 1-element tensor.
        weight_decay: coefficient of L2 regularization, added to the gradient.
        eps: δ, added to the square root of the matrix.
        form: "mirror" or "dual", as for AdaGrad; "dual" is the deck's Algorithm 2.
        maximize: ascend instead of descend.
        execution: "plain", "foreach", "compiled" or "auto".
        nonfinite: with a gradient that is not finite "propagate" it, "skip" the step, or "raise".
        rounding: of weights in half precision, to the "nearest" number or "stochastic".

    Raises:
        ValueError: for impossible values, in torch.optim's words where it has any.
    """

    rules: ClassVar[dict[str, Rule]] = _FULL
    rules_l2: ClassVar[dict[str, Rule]] = _FULL_L2
    wide: ClassVar[set[str]] = {"G"}
    real_only: ClassVar[bool] = True
    LARGEST = 4096

    def __init__(
        self,
        params: ParamsT,
        lr: float | torch.Tensor = 1e-2,
        weight_decay: float = 0,
        eps: float = 1e-10,
        *,
        form: str = "mirror",
        maximize: bool = False,
        execution: str = "auto",
        nonfinite: str = "propagate",
        rounding: str = "nearest",
    ):
        defaults = {
            "lr": lr,
            "weight_decay": weight_decay,
            "eps": eps,
            "form": form,
            "maximize": maximize,
            "execution": execution,
            "nonfinite": nonfinite,
            "rounding": rounding,
        }
        super().__init__(params, defaults)

    def check_parameter(self, p: torch.Tensor) -> None:
        super().check_parameter(p)
        if any(x.is_shard() for x in getattr(p, "placements", ())):
            raise ValueError(
                "FullAdaGrad does not support sharded parameters: use AdaGrad, or leave this "
                f"one of shape {tuple(p.shape)} whole"
            )
        if p.numel() > self.LARGEST:
            raise ValueError(
                f"FullAdaGrad would keep a matrix of {p.numel()} × {p.numel()} for a parameter of "
                f"shape {tuple(p.shape)}: use AdaGrad, or split the parameter"
            )
