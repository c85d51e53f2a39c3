"""LARS."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar

from optlab.optim.made import MadeOptimizer, in_torch
from optlab.rules import Rule, lars, lars_deck


class LARS(MadeOptimizer):
    """LARS: a learning rate for each layer, here each parameter tensor, by its norms.

    Args:
        momentum: decay of the momentum buffer, in [0, 1).
        weight_decay: coefficient of L2 regularization, added to the gradient.
        trust_coefficient: factor of the local rate; only in the form "2017".
        form: "2017", You, Gitman and Ginsburg (`optlab.rules.lars`), or "deck", the deck's
            Algorithm 7 (`optlab.rules.lars_deck`).
    """

    chosen: ClassVar[tuple[str, Mapping[str, Rule]]] = ("form", {"2017": lars, "deck": lars_deck})
    stands_for: ClassVar[dict[str, tuple[str, ...]]] = {"momentum": ("momentum", "beta1")}
    state_names: ClassVar[dict[str, str]] = {"v": "momentum_buffer", **in_torch("m")}

    def validate(self, group: dict[str, Any]) -> None:
        super().validate(group)
        if not group["momentum"] < 1:
            raise ValueError(f"Invalid momentum value: {group['momentum']}; give one below 1")
