"""Parameter groups."""

from __future__ import annotations

from typing import Any

import torch
from torch import nn
from torch.nn.parameter import UninitializedParameter

_NORMS = (nn.LayerNorm, nn.RMSNorm)  # whose gains may have several dimensions


def param_groups(model: nn.Module, weight_decay: float) -> list[dict[str, Any]]:
    """The parameters of `model` in two groups: first those that decay, then the others, with
    weight_decay 0: what has fewer than two dimensions, what is called a bias, and the gains of
    norms. Frozen ones are left out.
    """
    of_norms = {p for m in model.modules() if isinstance(m, _NORMS) for p in m.parameters()}
    decaying: list[nn.Parameter] = []
    others: list[nn.Parameter] = []
    for name, p in model.named_parameters():
        if p.requires_grad:
            plain = p.dim() < 2 or p in of_norms or "bias" in name.rpartition(".")[2]
            (others if plain else decaying).append(p)
    return [
        {"params": decaying, "weight_decay": weight_decay},
        {"params": others, "weight_decay": 0.0},
    ]


def described(p: torch.Tensor, groups: list[dict[str, Any]]) -> str:
    """How messages call a parameter: by its name where it has one, else by its place among the
    parameters of all groups; and its shape."""
    place = 0
    for group in groups:
        names: list[str] = group.get("param_names", [])
        for i, q in enumerate(group["params"]):
            if q is p:
                called = repr(names[i]) if i < len(names) else str(place)
                if isinstance(p, UninitializedParameter):
                    return f"parameter {called}, not initialized"
                return f"parameter {called}, of shape {tuple(p.shape)}"
            place += 1
    return f"a parameter of shape {tuple(p.shape)}"
