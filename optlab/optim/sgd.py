"""Stochastic gradient descent."""

from __future__ import annotations

from typing import Any, ClassVar

import torch

from optlab.ops import minimum
from optlab.optim.made import MadeOptimizer, in_torch
from optlab.optim.together import by_entries
from optlab.rules import Rule, State, gradient_descent, momentum


def _as_torch_begins(inner: Rule) -> Rule:
    """The rule `inner` with a buffer that starts as the first gradient, which is not damped."""

    def begun(
        p: Any, g: Any, s: State, t: Any, *, dampening: Any, **hyperparameters: Any
    ) -> tuple[Any, State]:
        return inner(p, g, s, t, dampening=dampening * minimum(t - 1, 1), **hyperparameters)

    return Rule(begun, inner.initial, around=inner)


_damped = _as_torch_begins(momentum)


class SGD(MadeOptimizer):
    """Gradient descent, with momentum if asked for: `optlab.rules.gradient_descent`, `momentum`.

    Args:
        momentum: decay of the momentum buffer, ≥ 0.
        dampening: the part of the gradient that the buffer leaves out, from its second step on.
        weight_decay: coefficient of L2 regularization, added to the gradient.
        nesterov: look ahead by the buffer; needs momentum and no dampening.
    """

    settings: ClassVar[dict[str, Any]] = {
        "lr": 1e-3,
        "momentum": 0,
        "dampening": 0,
        "weight_decay": 0,
        "nesterov": False,
    }
    decay: ClassVar[str] = "l2"
    torch_has: ClassVar[frozenset[str]] = frozenset({"dampening", "nesterov"})
    state_names: ClassVar[dict[str, str]] = in_torch("b")
    uncounted: ClassVar[bool] = True

    def validate(self, group: dict[str, Any]) -> None:
        super().validate(group)
        if group["nesterov"] and (group["momentum"] <= 0 or group["dampening"] != 0):
            raise ValueError("Nesterov momentum requires a momentum and zero dampening")

    @by_entries
    def rule(self, group: dict[str, Any]) -> Rule:
        if group["momentum"]:
            return _damped if group["dampening"] else momentum
        return gradient_descent

    def complete_state(self, p: torch.Tensor, rule: Rule, group: dict[str, Any]) -> None:
        if any(self.state[p].get(self.key_of(name)) is None for name in rule.initial):
            # A buffer that is new, since momentum was 0 until now, takes its first step.
            self.state[p].pop("step", None)
        super().complete_state(p, rule, group)
