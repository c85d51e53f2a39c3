"""Gradients with NaN or infinite entries, and steps that are not taken because of them.

The decision stays on the device, as a 0-dimensional tensor: to read it would be to wait for
the whole backward pass. So a step is always calculated, and its results stored where the
gradients were finite.
"""

from __future__ import annotations

import functools
import math
from collections.abc import Sequence
from typing import Any

import torch

from optlab import ops
from optlab.rules import Rule, State

NONFINITE = ("propagate", "skip", "raise")


@ops.Operation
def select(x: Any, y: Any, condition: Any) -> Any:
    """x if the condition holds, else y."""
    return x if condition else y


select.register(torch.Tensor, lambda x, y, condition: torch.where(condition != 0, x, y))


@functools.cache
def guarded(inner: Rule) -> Rule:
    """The rule `inner` where all gradients of the step are finite; else everything stays."""

    def where_finite(
        p: Any, g: Any, s: State, t: Any, *, finite: Any, **hyperparameters: Any
    ) -> tuple[Any, State]:
        g = select(g, 0.0, finite)  # a matrix with NaN in it has no eigenvalues to decompose into
        new_p, new_s = inner(p, g, s, t, **hyperparameters)
        old = vars(s)
        kept = {k: v if v is old[k] else select(v, old[k], finite) for k, v in vars(new_s).items()}
        return select(new_p, p, finite), State(**kept)

    return Rule(where_finite, inner.initial, around=inner)


def all_finite(grads: Sequence[Any]) -> torch.Tensor:
    """Whether no entry of any of the tensors is NaN or infinite: a 0-dimensional bool tensor.

    Of DTensors each process looks at its own part, and all come to the same answer.
    """
    parts = [g.to_local() if _is_dtensor(g) else g for g in grads]
    reals = [torch.view_as_real(x.resolve_conj()) if x.is_complex() else x for x in parts]
    filled = [x for x in reals if x.numel()]
    device = parts[0].device
    finite = torch.ones((), dtype=torch.bool, device=device)
    if filled:
        norms = torch._foreach_norm(filled, math.inf)
        finite = torch.stack([x.to(device) for x in norms]).isfinite().all()
    for mesh in dict.fromkeys(g.device_mesh for g in grads if _is_dtensor(g)):
        from torch.distributed.tensor import DTensor, Partial

        bad = DTensor.from_local((~finite).float(), mesh, [Partial()] * mesh.ndim)
        finite = bad.full_tensor() == 0
    return finite


def _is_dtensor(x: Any) -> bool:
    return hasattr(x, "to_local")
