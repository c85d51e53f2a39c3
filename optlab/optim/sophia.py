"""Sophia, and the two estimates of a Hessian's diagonal that it may use."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, ClassVar

import torch

from optlab.optim.made import MadeOptimizer, in_torch, settings_of
from optlab.optim.nonfinite import all_finite, select
from optlab.rules import Rule, average_hessian, sophia


class Sophia(MadeOptimizer):
    """Sophia, Liu et al. (2023): `optlab.rules.sophia`.

    Every few steps (10 in the paper), before `step()`, hand in an estimate of the
    Hessian's diagonal::

        optimizer.update_hessian(optlab.optim.hutchinson(loss, params))

    With maximize=True the step is one of descent on minus the loss, and so must the estimate be:
    `hutchinson(-loss, params)`. An estimate of the loss itself is negative where it should be
    positive; the coordinates concerned then take steps of full length, ρ lr.

    Args:
        betas: decay rates of the gradient's and of the Hessian's average, each in [0, 1).
        rho: the longest step of a coordinate, in units of lr.
        weight_decay: decoupled, multiplied by lr.
        eps: least curvature that is divided by.
        maximize: ascend instead of descend; the estimates are then to be of minus the loss.
    """

    of: ClassVar[Rule] = sophia
    settings: ClassVar[dict[str, Any]] = settings_of(sophia, beta2=0.99)
    keywords: ClassVar[tuple[str, ...]] = ("eps",)
    state_names: ClassVar[dict[str, str]] = {**in_torch("m"), "h": "hessian"}

    @torch.no_grad()
    def update_hessian(self, estimates: Iterable[torch.Tensor]) -> None:
        """Average in one estimate for each parameter that is not frozen, in the groups' order.

        Estimates that are not finite are treated as such gradients are (`nonfinite`).
        """
        self._settle()
        pairs = [(p, g) for g in self.param_groups for p in g["params"] if p.requires_grad]
        estimates = list(estimates)
        if [tuple(h.shape) for h in estimates] != [tuple(p.shape) for p, _ in pairs]:
            raise ValueError(
                f"the estimates have the shapes {_shapes(estimates)}, but the parameters that "
                f"require a gradient {_shapes(p for p, _ in pairs)}: give one for each, in order"
            )
        modes = {group["nonfinite"] for _, group in pairs} - {"propagate"}
        finite = all_finite(estimates) if modes else None
        if "raise" in modes and not finite:
            raise RuntimeError("an estimate of the Hessian is not finite; nothing was changed")
        for (p, group), h_hat in zip(pairs, estimates, strict=True):
            self.complete_state(p, self.rule(group), group)
            h = self.state[p]["hessian"]
            new = average_hessian(h, h_hat.to(h), beta2=group["betas"][1])
            if finite is not None and group["nonfinite"] == "skip":
                new = select(new, h, finite.to(h.device))
            h.copy_(new)


def hutchinson(
    loss: torch.Tensor,
    params: Iterable[torch.Tensor],
    *,
    generator: torch.Generator | None = None,
) -> list[torch.Tensor]:
    """Hutchinson's estimate z ⊙ (H z) of the diagonal of the Hessian of `loss`, with normal z.

    Liu et al. (2023), Algorithm 1. `loss` is a scalar whose graph is kept; the estimate has
    the shapes of `params`, and its mean over z is the diagonal.
    """
    params = list(params)
    grads = torch.autograd.grad(loss, params, create_graph=True, materialize_grads=True)
    z = [_normal_like(p, generator) for p in params]
    # A constant gradient has no second derivatives to ask for.
    varying = [(g, v) for g, v in zip(grads, z, strict=True) if g.requires_grad]
    if not varying:
        return [torch.zeros_like(p) for p in params]
    products = torch.autograd.grad(
        [g for g, _ in varying],
        params,
        [v for _, v in varying],
        retain_graph=True,
        materialize_grads=True,
    )
    return [v * h for v, h in zip(z, products, strict=True)]


def gauss_newton_bartlett(
    logits: torch.Tensor,
    params: Iterable[torch.Tensor],
    *,
    generator: torch.Generator | None = None,
) -> list[torch.Tensor]:
    """The Gauss-Newton-Bartlett estimate B ĝ ⊙ ĝ, Liu et al. (2023), Algorithm 2.

    logits: … × classes; all leading dimensions together are the batch of B examples. The
    labels are drawn from the model's own probabilities, never the true ones, and ĝ is the
    gradient of the mean cross-entropy on them. Its mean over the labels is the diagonal of
    the Gauss-Newton matrix of the mean loss.
    """
    flat = logits.reshape(-1, logits.shape[-1])
    probabilities = flat.detach().softmax(-1)
    labels = torch.multinomial(probabilities, 1, generator=generator).squeeze(1)
    loss = torch.nn.functional.cross_entropy(flat, labels)
    grads = torch.autograd.grad(loss, list(params), retain_graph=True, materialize_grads=True)
    return [len(flat) * g * g for g in grads]


def _shapes(tensors: Iterable[torch.Tensor]) -> str:
    return ", ".join(str(tuple(x.shape)) for x in tensors) or "none"


def _normal_like(p: torch.Tensor, generator: torch.Generator | None) -> torch.Tensor:
    return torch.randn(p.shape, dtype=p.dtype, device=p.device, generator=generator)
