"""AdaGrad, diagonal and full."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar

import torch

from optlab.optim.made import MadeOptimizer
from optlab.rules import Rule, adagrad, adagrad_dual, adagrad_full, adagrad_full_dual


class AdaGrad(MadeOptimizer):
    """AdaGrad with a diagonal matrix, Duchi, Hazan and Singer (2011): `optlab.rules.adagrad`.

    Args:
        lr: stepsize η, a number ≥ 0 or a 1-element tensor.
        weight_decay: coefficient of L2 regularization, added to the gradient.
        initial_accumulator_value: what the sums of squares start at.
        eps: δ, added to the square root. The paper's bound wants it as large as a gradient.
        form: "mirror", the composite mirror-descent update, which is torch's; or "dual", the
            primal-dual update, anchored at the start.
    """

    chosen: ClassVar[tuple[str, Mapping[str, Rule]]] = (
        "form",
        {"mirror": adagrad, "dual": adagrad_dual},
    )
    settings: ClassVar[dict[str, Any]] = {
        "lr": 1e-2,
        "weight_decay": 0,
        "initial_accumulator_value": 0,
        "eps": 1e-10,
    }
    stands_for: ClassVar[dict[str, tuple[str, ...]]] = {"eps": ("delta",)}
    decay: ClassVar[str] = "l2"
    for_torch: ClassVar[dict[str, Any]] = {"lr_decay": 0}
    torch_has: ClassVar[frozenset[str]] = frozenset({"lr_decay"})
    refused: ClassVar[dict[str, str]] = {"lr_decay": "use a learning-rate scheduler instead"}

    def initial(self, name: str, like: torch.Tensor, group: dict[str, Any]) -> torch.Tensor:
        start = super().initial(name, like, group)
        if name == "sum" and (value := group["initial_accumulator_value"]):
            start.fill_(complex(value, value) if like.is_complex() else value)
        return start


class FullAdaGrad(MadeOptimizer):
    """AdaGrad with the full matrix, Duchi, Hazan and Singer (2011): `optlab.rules.adagrad_full`.

    Each parameter of d entries keeps a d × d matrix in float64, and a step takes time d³. A
    gradient that is not finite may be an error of torch.linalg.eigh under "propagate"; and on
    a GPU eigh itself waits for the device.

    Args:
        params: iterable of parameters or of groups, each of at most 4096 entries.
        lr: stepsize η, a number ≥ 0 or a 1-element tensor.
        weight_decay: coefficient of L2 regularization, added to the gradient.
        eps: δ, added to the square root of the matrix.
        form: "mirror" or "dual", as for AdaGrad; "dual" is the deck's Algorithm 2.
    """

    chosen: ClassVar[tuple[str, Mapping[str, Rule]]] = (
        "form",
        {"mirror": adagrad_full, "dual": adagrad_full_dual},
    )
    settings: ClassVar[dict[str, Any]] = {"lr": 1e-2, "weight_decay": 0, "eps": 1e-10}
    stands_for: ClassVar[dict[str, tuple[str, ...]]] = {"eps": ("delta",)}
    decay: ClassVar[str] = "l2"
    wide: ClassVar[set[str]] = {"G"}
    real_only: ClassVar[bool] = True
    LARGEST = 4096

    def check_parameter(self, p: torch.Tensor) -> None:
        super().check_parameter(p)
        if any(x.is_shard() for x in getattr(p, "placements", ())):
            raise ValueError(
                "FullAdaGrad does not support sharded parameters: use AdaGrad, or leave this "
                f"one of shape {tuple(p.shape)} whole"
            )
        if p.numel() > self.LARGEST:
            raise ValueError(
                f"FullAdaGrad would keep a matrix of {p.numel()} × {p.numel()} for a parameter of "
                f"shape {tuple(p.shape)}: use AdaGrad, or split the parameter"
            )
