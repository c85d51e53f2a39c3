"""The values of a network's buffers and parameters, and which of them differ."""

from __future__ import annotations

import torch
from torch import nn


def values(network: nn.Module) -> dict[str, torch.Tensor]:
    """Copies of buffers and parameters, by name."""
    tensors = (*network.named_buffers(), *network.named_parameters())
    return {n: x.detach().clone() for n, x in tensors}


def differing(one: dict[str, torch.Tensor], two: dict[str, torch.Tensor]) -> list[str]:
    """Names of those that are not the same in both, NaN being the same as NaN."""
    names = dict.fromkeys([*one, *two])
    return [n for n in names if n not in one or n not in two or not _same(one[n], two[n])]


def _same(a: torch.Tensor, b: torch.Tensor) -> bool:
    if a.shape != b.shape or a.dtype != b.dtype:
        return False
    return bool(((a == b) | ((a != a) & (b != b))).all())
