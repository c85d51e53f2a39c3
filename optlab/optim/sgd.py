"""Stochastic gradient descent."""

from __future__ import annotations

from typing import Any, ClassVar

import torch
from torch.optim.optimizer import ParamsT

from optlab.ops import minimum
from optlab.optim.optimizer import RuleOptimizer
from optlab.rules import Rule, State, gradient_descent, momentum, with_l2


def _as_torch_begins(inner: Rule) -> Rule:
    """The rule `inner` with a buffer that starts as the first gradient, which is not damped."""

    def begun(
        p: Any, g: Any, s: State, t: Any, *, dampening: Any, **hyperparameters: Any
    ) -> tuple[Any, State]:
        return inner(p, g, s, t, dampening=dampening * minimum(t - 1, 1), **hyperparameters)

    return Rule(begun, inner.initial, around=inner)


_damped = _as_torch_begins(momentum)
_gradient_descent_l2, _momentum_l2, _damped_l2 = map(with_l2, (gradient_descent, momentum, _damped))


class SGD(RuleOptimizer):
    """Gradient descent, with momentum if asked for: `optlab.rules.gradient_descent`, `momentum`.

    Args:
        params: iterable of parameters or of groups.
        lr: learning rate, a number ≥ 0 or a 1-element tensor.
        momentum: decay of the momentum buffer, ≥ 0.
        dampening: the part of the gradient that the buffer leaves out, from its second step on.
        weight_decay: coefficient of L2 regularization, added to the gradient.
        nesterov: look ahead by the buffer; needs momentum and no dampening.
        maximize: ascend instead of descend.
        execution: "plain", "foreach", "compiled" or "auto".
        nonfinite: with a gradient that is not finite "propagate" it, "skip" the step, or "raise".
        rounding: of weights in half precision, to the "nearest" number or "stochastic".

    Raises:
        ValueError: for impossible values, in torch.optim.SGD's words.
    """

    torch_has: ClassVar[frozenset[str]] = frozenset({"dampening", "nesterov"})
    state_names: ClassVar[dict[str, str]] = {"b": "momentum_buffer"}
    uncounted: ClassVar[bool] = True

    def __init__(
        self,
        params: ParamsT,
        lr: float | torch.Tensor = 1e-3,
        momentum: float = 0,
        dampening: float = 0,
        weight_decay: float = 0,
        nesterov: bool = False,
        *,
        maximize: bool = False,
        execution: str = "auto",
        nonfinite: str = "propagate",
        rounding: str = "nearest",
    ):
        defaults = {
            "lr": lr,
            "momentum": momentum,
            "dampening": dampening,
            "weight_decay": weight_decay,
            "nesterov": nesterov,
            "maximize": maximize,
            "execution": execution,
            "nonfinite": nonfinite,
            "rounding": rounding,
        }
        super().__init__(params, defaults)

    def validate(self, group: dict[str, Any]) -> None:
        super().validate(group)
        if group["nesterov"] and (group["momentum"] <= 0 or group["dampening"] != 0):
            raise ValueError("Nesterov momentum requires a momentum and zero dampening")

    def rule(self, group: dict[str, Any]) -> Rule:
        if group["momentum"]:
            if group["dampening"]:
                return _damped_l2 if group["weight_decay"] else _damped
            return _momentum_l2 if group["weight_decay"] else momentum
        return _gradient_descent_l2 if group["weight_decay"] else gradient_descent

    def complete_state(self, p: torch.Tensor, rule: Rule, group: dict[str, Any]) -> None:
        if any(self.state[p].get(self.key_of(name)) is None for name in rule.initial):
            # A buffer that is new, since momentum was 0 until now, takes its first step.
            self.state[p].pop("step", None)
        super().complete_state(p, rule, group)
