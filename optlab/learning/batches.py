"""Which examples are in which mini-batch, of grids and of runs alone."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence

import torch

from optlab.learning.data import Augmentation, Examples


def steps_per_epoch(n: int, batch_size: int, drop_last: bool = False) -> int:
    """Mini-batches in one pass over n examples."""
    return n // batch_size if drop_last else -(-n // batch_size)


def batches(
    n: int,
    batch_size: int,
    steps: int,
    generators: Sequence[torch.Generator | int],
    drop_last: bool = False,
) -> Iterator[torch.Tensor]:
    """The examples of mini-batch 1, …, steps: seeds × (size of the batch).

    Every epoch is a fresh permutation, drawn from the generator of each run, or from one with
    the seed given, as the epoch begins; the last batch of an epoch may be smaller, and is left
    out with drop_last.
    """
    drawn = [torch.Generator().manual_seed(g) if isinstance(g, int) else g for g in generators]
    in_epoch = steps_per_epoch(n, batch_size, drop_last)
    for done in range(0, steps, in_epoch):
        orders = torch.stack([torch.randperm(n, generator=g) for g in drawn])
        yield from orders.split(batch_size, dim=1)[: min(in_epoch, steps - done)]


def fed(
    data: Examples,
    order: Iterable[torch.Tensor],
    generators: Sequence[torch.Generator],
    augment: Augmentation | None,
) -> Iterator[tuple[torch.Tensor, torch.Tensor]]:
    """Inputs and targets of the mini-batches in `order`, as `batches` gives them, on the data's
    device: seeds × (size of the batch) × …. Each seed's inputs are augmented with its generator.
    """
    for batch in order:
        examples = batch.to(data.x_train.device, non_blocking=True)
        x, y = data.x_train[examples], data.y_train[examples]
        if augment is not None:
            x = torch.stack([augment(a, g) for a, g in zip(x, generators, strict=True)])
        yield x, y
