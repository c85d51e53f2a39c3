"""Muon, and AdamW for what it leaves out."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, ClassVar

import torch

from optlab.optim.groups import described
from optlab.optim.made import MadeOptimizer, in_torch, settings_of
from optlab.optim.settings import is_number
from optlab.optim.together import by_entries
from optlab.rules import Rule, adam, muon, muon_polar, with_decay
from optlab.rules.muon import exact, like_adamw, of_outputs, original

_SCALES: dict[str, Callable[[Any], Any]] = {
    "original": original,
    "match_rms_adamw": like_adamw,
    "rms_to_rms": of_outputs,
}


def _in_bfloat16(x: Any) -> Any:
    return x.to(torch.bfloat16)


_PRECISIONS: dict[str, Callable[[Any], Any]] = {"weights": exact, "bfloat16": _in_bfloat16}
_FORMS = ("newton-schulz", "polar")
# The rule for each form, scale, precision, and for whether there are more rows than columns.
_RULES: dict[tuple[str, str, str, bool], Rule] = {
    (form, word, precision, tall): (
        muon_polar.with_flags(scale=scale)
        if form == "polar"
        else muon.with_flags(scale=scale, rounded=rounded, tall=tall)
    )
    for form in _FORMS
    for word, scale in _SCALES.items()
    for precision, rounded in _PRECISIONS.items()
    for tall in (False, True)
}
_ADAMW: Rule = with_decay(adam)
# What a group of AdamW begins with, where it does not say: as in Jordan's code.
_LEFT_TO_ADAMW = {"lr": 3e-4, "eps": 1e-10}


class Muon(MadeOptimizer):
    """Muon, Jordan et al. (2024): `optlab.rules.muon`, for the matrices within a network.

    Of a tensor with more dimensions, as a convolution has, the first one counts the rows. For
    vectors, embeddings and the last layer, a group with `use_muon=False` is stepped by AdamW, as
    in Jordan's code; `optlab.param_groups(model, weight_decay, adamw=[model.head])` makes such
    groups. Their lr and eps, where they do not say, are 3e-4 and 1e-10; `betas` are theirs alone.

    Steps are calculated in the precision of the weights (float32 for half precision); torch and
    the original take the products of the polynomial in bfloat16, as `ns_precision="bfloat16"`
    does. That is faster on processors that have units for it, and a step then differs from that
    in float32 by some hundredths of its length.

    Args:
        lr: learning rate; with the scale "match_rms_adamw" one that is tuned for AdamW.
        momentum: decay of the momentum buffer, an average of gradients, in [0, 1).
        nesterov: look ahead, as torch and the original do.
        weight_decay: decoupled, multiplied by lr.
        ns_coefficients: (a, b, c) of the polynomial a s + b s³ + c s⁵, of which there are five.
        eps: least norm by which momentum is divided; of a group of AdamW, its ε.
        adjust_lr_fn: the scale of a step for a matrix of n × m: "original", √max(1, n/m);
            "match_rms_adamw", 0.2 √max(n, m), Liu et al. (2025); "rms_to_rms", √(n/m), Bernstein
            and Newhouse (2024).
        use_muon: of a group: False leaves it to AdamW.
        form: "newton-schulz", or "polar": the polar factor, by a singular value decomposition.
        ns_precision: of the products in form "newton-schulz": that of the "weights", or
            "bfloat16".
    """

    of: ClassVar[Rule] = muon
    stands_for: ClassVar[dict[str, tuple[str, ...]]] = {
        **MadeOptimizer.stands_for,
        "ns_coefficients": ("a", "b", "c"),
    }
    settings: ClassVar[dict[str, Any]] = {
        **{k: v for k, v in settings_of(muon, stands_for).items() if k != "tall"},
        "adjust_lr_fn": "original",
        "betas": (0.9, 0.95),
        "use_muon": True,
        "form": "newton-schulz",
        "ns_precision": "weights",
    }
    keywords: ClassVar[tuple[str, ...]] = (
        "adjust_lr_fn", "betas", "use_muon", "form", "ns_precision",
    )  # fmt: skip
    choices: ClassVar[dict[str, tuple[str, ...]]] = {
        "adjust_lr_fn": tuple(_SCALES),
        "form": _FORMS,
        "ns_precision": tuple(_PRECISIONS),
    }
    torch_has: ClassVar[frozenset[str]] = frozenset({"ns_coefficients", "adjust_lr_fn"})
    torch_lacks: ClassVar[frozenset[str]] = frozenset({"betas"})
    state_names: ClassVar[dict[str, str]] = {"M": "momentum_buffer", **in_torch("m", "v")}
    uncounted: ClassVar[bool] = True
    real_only: ClassVar[bool] = True

    def add_param_group(self, param_group: dict[str, Any]) -> None:
        apart = isinstance(param_group, dict) and param_group.get("use_muon") is False
        if apart and self.defaults["use_muon"]:
            param_group = {**_LEFT_TO_ADAMW, **param_group}
        super().add_param_group(param_group)

    def validate(self, group: dict[str, Any]) -> None:
        super().validate(group)
        abc = group["ns_coefficients"]
        if not (isinstance(abc, tuple | list) and len(abc) == 3 and all(map(is_number, abc))):
            raise ValueError(f"Invalid ns_coefficients: {abc}; give three numbers (a, b, c)")
        if not group["momentum"] < 1:
            raise ValueError(f"Invalid momentum value: {group['momentum']}; give one below 1")
        if group.get("ns_steps", 5) != 5:
            raise ValueError(f"Invalid ns_steps: {group['ns_steps']}; Muon takes five here")

    def watched(self, defaults: dict[str, Any]) -> list[str]:
        return [*super().watched(defaults), "ns_steps"]

    def adopt(self, group: dict[str, Any]) -> dict[str, Any]:
        group = super().adopt(group)
        if group.get("adjust_lr_fn", "") is None:  # in torch: its default
            group["adjust_lr_fn"] = "original"
        return group

    def check_parameter(self, p: torch.Tensor) -> None:
        super().check_parameter(p)
        if not torch.nn.parameter.is_lazy(p):  # which has no shape yet
            self.rule_for(p, self.param_groups[-1])

    def is_uncounted(self, rule: Rule) -> bool:
        return rule is not _ADAMW

    @by_entries
    def rule_for(self, p: torch.Tensor, group: dict[str, Any]) -> Rule:
        if not group["use_muon"]:
            return _ADAMW
        if p.dim() < 2:
            raise ValueError(
                f"Muon is for matrices, and not for {described(p, self.param_groups)}: put it in a "
                "group with use_muon=False, as optlab.param_groups(model, …, adamw=[…]) does"
            )
        tall = p.shape[0] > p[0].numel() if len(p) else False
        return _RULES[group["form"], group["adjust_lr_fn"], group["ns_precision"], tall]
