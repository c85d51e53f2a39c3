"""A batch in parts of bounded size, so that what a step makes in between takes little memory."""

from __future__ import annotations

from collections.abc import Iterator

import torch

from optlab.optim.batch import Batch

# Bytes of the parameters of one part, in the dtype that is calculated in; a step over lists makes
# five times as many. On a CPU so few that they stay in its cache, elsewhere enough to keep it busy.
BYTES = {"cpu": 2**21}
BYTES_ELSEWHERE = 2**26


def chunks(batch: Batch, elementwise: bool) -> Iterator[Batch]:
    """Parts of `batch` that may be stepped one after another.

    elementwise: whether each entry is stepped by itself, so that a large tensor may be cut.
        Pieces are flat views of its memory.
    """
    dtype = batch.compute or batch.params[0].dtype
    limit = BYTES.get(batch.params[0].device.type, BYTES_ELSEWHERE) // dtype.itemsize
    rows = list(zip(batch.params, batch.grads, *batch.state.values(), strict=True))
    part: list[tuple[torch.Tensor, ...]] = []
    room = limit
    for row in rows:
        n = row[0].numel()
        if n > room and part:
            yield _of(batch, part)
            part, room = [], limit
        if n > limit and elementwise and all(_can_be_cut(x, n) for x in row):
            flat = [x.detach().view(-1) for x in row]
            for start in range(0, n, limit):
                yield _of(batch, [tuple(x[start : start + limit] for x in flat)])
        else:
            part.append(row)
            room -= n
    if part:
        yield _of(batch, part)


def fits_in_one(batch: Batch) -> bool:
    """Whether the batch is so small that it is its own only part."""
    dtype = batch.compute or batch.params[0].dtype
    limit = BYTES.get(batch.params[0].device.type, BYTES_ELSEWHERE) // dtype.itemsize
    return sum(map(torch.Tensor.numel, batch.params)) <= limit


def _can_be_cut(x: torch.Tensor, n: int) -> bool:
    return x.is_contiguous() and x.numel() == n


def _of(batch: Batch, rows: list[tuple[torch.Tensor, ...]]) -> Batch:
    params, grads, *state = (list(xs) for xs in zip(*rows, strict=True))
    named = dict(zip(batch.state, state, strict=True))
    return Batch(batch.rule, batch.t, batch.hyperparameters, params, grads, named, batch.compute)
