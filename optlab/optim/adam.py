"""Adam."""

from __future__ import annotations

from typing import Any, ClassVar

from optlab.optim.made import MadeOptimizer, in_torch, settings_of
from optlab.optim.together import by_entries
from optlab.rules import Rule, adam, cautious

_CAUTIOUS: Rule = cautious(adam)


class Adam(MadeOptimizer):
    """Adam, Kingma and Ba (2015), Algorithm 1: `optlab.rules.adam`.

    Args:
        lr: stepsize α, a number ≥ 0 or a 1-element tensor.
        betas: decay rates (β1, β2) of the two moments, each in [0, 1).
        eps: added to the square root, outside it and after bias correction.
        weight_decay: coefficient of L2 regularization, added to the gradient and so to both
            moments. (Decoupled decay is another algorithm, AdamW.)
        caution: step only where step and gradient agree in sign, `optlab.rules.cautious`.
    """

    of: ClassVar[Rule] = adam
    settings: ClassVar[dict[str, Any]] = settings_of(adam, weight_decay=0, caution=False)
    keywords: ClassVar[tuple[str, ...]] = ("caution",)
    decay: ClassVar[str] = "l2"
    state_names: ClassVar[dict[str, str]] = in_torch("m", "v")
    torch_has: ClassVar[frozenset[str]] = frozenset({"amsgrad"})
    refused: ClassVar[dict[str, str]] = {
        "amsgrad": "AMSGrad is another algorithm, with a state of its own",
        "decoupled_weight_decay": "decoupled decay is another algorithm, AdamW",
    }

    @by_entries
    def rule(self, group: dict[str, Any]) -> Rule:
        return _CAUTIOUS if group["caution"] else adam
