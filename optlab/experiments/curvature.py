"""The curvature of a network's loss: exact where it is small, and in parts where it is not."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import torch
from torch import nn
from torch.func import functional_call, jacrev, vmap

Product = Callable[[torch.Tensor], torch.Tensor]


def hessian_product(loss: torch.Tensor, params: Sequence[torch.Tensor]) -> Product:
    """v -> H v, with H the Hessian of `loss` in `params`; v and H v are flat, all parameters
    one after another. The graph of `loss` is kept."""
    params = list(params)
    grads = torch.autograd.grad(loss, params, create_graph=True)
    gradient = torch.cat([g.flatten() for g in grads])

    def product(v: torch.Tensor) -> torch.Tensor:
        parts = torch.autograd.grad(gradient, params, v, retain_graph=True)
        return torch.cat([part.flatten() for part in parts])

    return product


def hessian(loss: torch.Tensor, params: Sequence[torch.Tensor]) -> torch.Tensor:
    """The Hessian of `loss`, n × n for n parameters in all, column by column."""
    params = list(params)
    product = hessian_product(loss, params)
    n = sum(p.numel() for p in params)
    columns = [product(e) for e in torch.eye(n, dtype=params[0].dtype, device=params[0].device)]
    return torch.stack(columns, dim=1)


def gauss_newton(model: nn.Module, x: torch.Tensor) -> torch.Tensor:
    """The Gauss-Newton matrix of the mean cross-entropy on inputs x, n × n.

    It is the mean of Jᵀ (diag p - p pᵀ) J over all rows of the logits, J being the Jacobian of
    a row and p its softmax: the Hessian, if the logits were linear in the parameters. What the
    model says of an input must not depend on the others.
    """
    params = {name: p.detach() for name, p in model.named_parameters()}

    def logits(params: dict[str, torch.Tensor], one: torch.Tensor) -> torch.Tensor:
        outputs: torch.Tensor = functional_call(model, params, (one[None],))
        return outputs.flatten(0, -2)

    p = vmap(logits, (None, 0))(params, x).softmax(-1).flatten(0, 1)
    jacobians = vmap(jacrev(logits), (None, 0))(params, x)  # inputs × rows × classes × …
    j = torch.cat([jacobians[name].flatten(0, 1).flatten(2) for name in params], dim=2)
    centered = j - (p[:, None] @ j)
    return torch.einsum("rc,rca,rcb->ab", p, centered, centered) / len(p)


def lanczos(
    product: Product, n: int, steps: int, *, generator: torch.Generator, dtype: torch.dtype
) -> tuple[torch.Tensor, torch.Tensor]:
    """Ritz values of a symmetric n × n matrix, ascending, and the weight of each.

    The outermost are close to the outermost eigenvalues long before `steps` is n. The weights
    add up to 1; averaged over starts, the weight of an interval is the part of the eigenvalues
    that lie in it (Golub and Welsch 1969). product: v -> A v. The start is drawn from
    `generator`, on the CPU; every vector is orthogonalized against all before it.
    """
    steps = min(steps, n)
    v = torch.randn(n, generator=generator, dtype=dtype)
    basis = [v / v.norm()]
    diagonal: list[torch.Tensor] = []
    beside: list[torch.Tensor] = []
    for _ in range(steps):
        w = product(basis[-1])
        diagonal.append(w @ basis[-1])
        known = torch.stack(basis)
        for _ in range(2):  # once leaves rounding that grows
            w = w - known.T @ (known @ w)
        size = w.norm()
        if len(diagonal) == steps or size < 1e-10 * torch.stack(diagonal).abs().max():
            break
        beside.append(size)
        basis.append(w / size)
    off = torch.stack(beside) if beside else torch.zeros(0, dtype=dtype)
    tridiagonal = torch.diag(torch.stack(diagonal)) + off.diag(1) + off.diag(-1)
    values, vectors = torch.linalg.eigh(tridiagonal)
    return values, vectors[0] ** 2
