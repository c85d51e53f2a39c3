"""AdamW: Adam with decoupled weight decay."""

from __future__ import annotations

import warnings
from collections.abc import Mapping
from typing import Any, ClassVar

import torch

from optlab.ops import divide
from optlab.optim.made import MadeOptimizer, in_torch, settings_of
from optlab.optim.optimizer import number
from optlab.optim.settings import is_number
from optlab.optim.together import by_entries
from optlab.rules import Rule, State, adam, adamw, cautious, with_decay


def _with_scheduled_decay(inner: Rule) -> Rule:
    """The rule `inner` with the decay of `adamw`, which eta multiplies and lr does not."""

    def scheduled(
        p: Any, g: Any, s: State, t: Any, *, lr: Any, weight_decay: Any, eta: Any, **others: Any
    ) -> tuple[Any, State]:
        q, s = inner(p, g, s, t, lr=eta * lr, **others)
        return q - eta * weight_decay * p, s

    return Rule(scheduled, inner.initial, around=inner)


_CAUTIOUS = {
    "lr": with_decay(cautious(adam)),
    "schedule": _with_scheduled_decay(cautious(adam)),
}

# Multipliers up to this are 1, but for rounding.
_TOP = 1 + 1e-6

# The first rate of a group, as a scheduler remembers it and as this class does.
_FIRST = ("initial_lr", "base_lr")


class AdamW(MadeOptimizer):
    """AdamW, Loshchilov and Hutter (2019): decay beside the gradient step, not through it.

    Args:
        betas: decay rates (β1, β2) of the two moments, each in [0, 1).
        eps: added to the square root, outside it and after bias correction.
        weight_decay: λ ≥ 0.
        decay_by: what multiplies λ. "lr": the learning rate, as in torch.optim.AdamW. "schedule":
            only the learning rate over its first value, as in the paper (`optlab.rules.adamw`);
            another lr then leaves the decay as it is. A schedule that does not begin at its
            highest rate multiplies the decay by more than 1, and there is a warning.
        caution: step only where step and gradient agree in sign, `optlab.rules.cautious`; the
            decay is outside.
    """

    chosen: ClassVar[tuple[str, Mapping[str, Rule]]] = (
        "decay_by",
        {"lr": with_decay(adam), "schedule": adamw},
    )
    settings: ClassVar[dict[str, Any]] = settings_of(adam, weight_decay=1e-2, caution=False)
    keywords: ClassVar[tuple[str, ...]] = ("caution",)
    torch_has: ClassVar[frozenset[str]] = frozenset({"amsgrad"})
    state_names: ClassVar[dict[str, str]] = in_torch("m", "v")
    refused: ClassVar[dict[str, str]] = {
        "amsgrad": "AMSGrad is another algorithm, with a state of its own",
    }
    _warned = False  # until this optimizer has warned of multipliers above 1

    def add_param_group(self, param_group: dict[str, Any]) -> None:
        super().add_param_group(param_group)
        self._remember_lr(self.param_groups[-1])

    def __setstate__(self, state: dict[str, Any]) -> None:
        super().__setstate__(state)
        for group in self.param_groups:
            self._remember_lr(group)

    @by_entries
    def rule(self, group: dict[str, Any]) -> Rule:
        return _CAUTIOUS[group["decay_by"]] if group["caution"] else super().rule(group)

    def adopt(self, group: dict[str, Any]) -> dict[str, Any]:
        if group.get("decoupled_weight_decay", True) is False:
            raise ValueError(
                "cannot load a state with decoupled_weight_decay=False: it is that of torch's Adam"
            )
        return super().adopt(group)

    def watched(self, defaults: dict[str, Any]) -> list[str]:
        return [*super().watched(defaults), *_FIRST]

    def validate(self, group: dict[str, Any]) -> None:
        super().validate(group)
        for key in _FIRST:
            first = group.get(key, 0)
            if not isinstance(first, torch.Tensor) and not (is_number(first) and first >= 0):
                raise ValueError(f"Invalid {key} value: {first}")

    def _remember_lr(self, group: dict[str, Any]) -> None:
        # A scheduler's own record of the first rate is taken where there is one.
        if group["decay_by"] == "schedule":
            group.setdefault("base_lr", float(group["lr"]))

    def _warn_of(self, eta: float | torch.Tensor) -> None:
        """Say once that a schedule began below its top. A number on another device is not read."""
        if self._warned or isinstance(eta, torch.Tensor) or eta <= _TOP:
            return
        self._warned = True
        warnings.warn(
            f"decay_by='schedule': lr is {eta:.4g} times its first value, and so is the weight "
            "decay. Where a schedule begins low, as OneCycleLR does, set 'initial_lr' in the "
            "groups to its highest rate once it is made, or use decay_by='lr'",
            stacklevel=2,
        )

    @by_entries
    def hyperparameters(self, group: dict[str, Any], rule: Rule) -> dict[str, Any]:
        values = super().hyperparameters(group, rule)
        if group["decay_by"] == "schedule":
            self._remember_lr(group)  # where decay_by was changed on the way
            base = number(group.get("initial_lr", group["base_lr"]))
            values["eta"] = divide(values["lr"], base)
            self._warn_of(values["eta"])
            values["lr"] = base
        return values
