"""Stochastic rounding: weights in half precision whose small steps are not all lost.

A bfloat16 weight has eight bits: at the rate 1e-4 nearly every step is less than half of the
distance to the next number, and rounding to the nearest leaves the weight where it was, for ever.
Rounded up or down at random, in proportion to how near each neighbour is, it is right in the mean.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import torch

from optlab.optim import inspection
from optlab.optim.batch import Batch
from optlab.optim.execution import run

ROUNDING = ("nearest", "stochastic")

# Elements that are kept in single precision at a time, as far as whole parameters allow.
TOGETHER = 2**22


def run_rounded(batch: Batch, execution: str) -> None:
    """Run a batch of half-precision parameters in float32, and round their new values at random.

    Every execution takes float32 parameters, so that this is done in one place; and a weight
    that does not change is rounded to itself.
    """
    for indices in _parts(batch):
        part = batch.part(indices)
        wide = batch.part(indices)
        wide.params = [p.float() for p in part.params]
        wide.grads = [g.float() for g in part.grads]
        wide.compute = None
        (found,) = inspection.inspect([wide])
        run(wide, execution, found)
        for p, x in zip(part.params, wide.params, strict=True):
            _local(p).copy_(stochastically(_local(x), p.dtype))


def stochastically(
    x: torch.Tensor, dtype: torch.dtype, *, generator: torch.Generator | None = None
) -> torch.Tensor:
    """x, of float32, in a narrower dtype: one of its two neighbours there, with x as the mean.

    The probabilities are exact to 2⁻²⁴. What `dtype` can represent stays, and so do infinities
    and NaN; beyond the largest number rounding is to the nearest, as a mean would be infinite.
    Random numbers come from the generator of x's device, one for each element: the same seed
    gives the same weights.
    """
    near = x.to(dtype)
    # The other neighbour: one bit pattern away from the nearest, to the side where x is.
    side = torch.where(x.abs() > near.float().abs(), 1, -1).to(torch.int16)
    other = (near.view(torch.int16) + side).view(dtype)
    share = (x - near.float()) / (other.float() - near.float())  # exact: a gap is a power of two
    chance = torch.rand(x.shape, dtype=torch.float32, device=x.device, generator=generator)
    return torch.where(chance < share, other, near)


def _parts(batch: Batch) -> Iterator[list[int]]:
    indices: list[int] = []
    elements = 0
    for i, p in enumerate(batch.params):
        if indices and elements + p.numel() > TOGETHER:
            yield indices
            indices, elements = [], 0
        indices.append(i)
        elements += p.numel()
    yield indices


def _local(x: Any) -> torch.Tensor:
    """The part of a DTensor that this process holds; any other tensor itself."""
    local: torch.Tensor = x.to_local() if hasattr(x, "to_local") else x
    return local
