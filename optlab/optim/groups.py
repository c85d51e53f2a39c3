"""Parameter groups."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import torch
from torch import nn
from torch.nn.parameter import UninitializedParameter

_NORMS = (nn.LayerNorm, nn.RMSNorm)  # whose gains may have several dimensions
_TABLES = (nn.Embedding, nn.EmbeddingBag)


def param_groups(
    model: nn.Module, weight_decay: float, *, adamw: Iterable[nn.Module] | None = None
) -> list[dict[str, Any]]:
    """The parameters of `model` in two groups: first those that decay, then the others, with
    weight_decay 0: what has fewer than two dimensions, what is called a bias, and the gains of
    norms. Frozen ones are left out.

    With `adamw`, the groups are for `optlab.Muon`, and three: before these two, which it leaves
    to AdamW, the matrices that it is for. Those are what would decay, but for the embeddings and
    the parameters of the modules in `adamw`: the last layer at least, which no type tells.
    """
    of_norms = _of_modules(m for m in model.modules() if isinstance(m, _NORMS))
    left = _of_modules([*(adamw or ()), *(m for m in model.modules() if isinstance(m, _TABLES))])
    matrices: list[nn.Parameter] = []
    decaying: list[nn.Parameter] = []
    others: list[nn.Parameter] = []
    for name, p in model.named_parameters():
        if p.requires_grad:
            plain = p.dim() < 2 or p in of_norms or "bias" in name.rpartition(".")[2]
            muon = adamw is not None and p not in left
            (others if plain else matrices if muon else decaying).append(p)
    groups = [
        {"params": decaying, "weight_decay": weight_decay},
        {"params": others, "weight_decay": 0.0},
    ]
    if adamw is None:
        return groups
    by_muon = {"params": matrices, "weight_decay": weight_decay, "use_muon": True}
    return [by_muon, *({**group, "use_muon": False} for group in groups)]


def _of_modules(modules: Iterable[nn.Module]) -> set[nn.Parameter]:
    return {p for m in modules for p in m.parameters()}


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
