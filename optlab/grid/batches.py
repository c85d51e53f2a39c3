"""Which examples are in which mini-batch: as `optlab.experiments.train` has it, for each seed."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import torch


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
    done = 0
    while True:
        orders = torch.stack([torch.randperm(n, generator=g) for g in drawn])
        for batch in orders.split(batch_size, dim=1):
            if drop_last and batch.shape[1] < batch_size:
                break
            if done == steps:
                return
            yield batch
            done += 1
