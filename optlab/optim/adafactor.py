"""Adafactor."""

from __future__ import annotations

from typing import Any, ClassVar

import torch

from optlab.optim.made import MadeOptimizer, in_torch, settings_of
from optlab.optim.together import by_entries
from optlab.rules import Rule, adafactor, adafactor_vector


class Adafactor(MadeOptimizer):
    """Adafactor, Shazeer and Stern (2018), without momentum: `optlab.rules.adafactor`.

    Parameters of two dimensions or more keep row and column averages over their
    two largest dimensions; vectors keep all squares.

    Args:
        lr: the largest relative rate ρ; the rate used is min(lr, 1/√t) times the parameter's
            root mean square.
        beta2_decay: exponent c < 0 of the decay rate 1 - t^c.
        eps: (ε1, ε2), added to squared gradients and the least parameter scale.
        d: clipping threshold of the update's root mean square.
        weight_decay: decoupled, multiplied by lr as in torch.optim.Adafactor.
    """

    of: ClassVar[Rule] = adafactor
    stands_for: ClassVar[dict[str, tuple[str, ...]]] = {"eps": ("eps1", "eps2")}
    settings: ClassVar[dict[str, Any]] = settings_of(adafactor, stands_for, weight_decay=0.0)
    decay: ClassVar[str] = "decoupled"
    torch_has: ClassVar[frozenset[str]] = frozenset({"beta2_decay", "d"})
    state_names: ClassVar[dict[str, str]] = in_torch("R", "C", "V")
    real_only: ClassVar[bool] = True

    def validate(self, group: dict[str, Any]) -> None:
        super().validate(group)
        if not (isinstance(group["eps"], tuple | list) and len(group["eps"]) == 2):
            raise ValueError(f"Invalid epsilon value: {group['eps']}; give a pair (eps1, eps2)")

    def adopt(self, group: dict[str, Any]) -> dict[str, Any]:
        group = super().adopt(group)
        eps = group.get("eps")
        if isinstance(eps, tuple | list) and len(eps) == 2 and eps[0] is None:
            # in torch: what suits each parameter's dtype
            group["eps"] = (self.defaults["eps"][0], eps[1])
        return group

    @by_entries
    def rule_for(self, p: torch.Tensor, group: dict[str, Any]) -> Rule:
        return self.decayed(adafactor if p.dim() >= 2 else adafactor_vector, group)

    def arrange(self, x: torch.Tensor) -> torch.Tensor:
        if x.dim() <= 2:
            return x
        # The two largest dimensions go last; of equal ones, the first.
        largest = sorted(sorted(range(x.dim()), key=lambda k: -x.shape[k])[:2])
        return x.movedim(largest, (-2, -1))
