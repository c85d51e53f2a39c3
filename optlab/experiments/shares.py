"""What one of several processes does of a training run that they do together."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import distributed
from torch.nn.functional import cross_entropy


@dataclass(frozen=True)
class Share:
    """Process number `rank` of `world` takes examples rank, rank + world, … of every batch.

    The default is the whole: one process, which talks to nobody. With more, torch's default
    process group must have been made.
    """

    rank: int = 0
    world: int = 1

    def of(self, batch: torch.Tensor) -> torch.Tensor:
        """This process's examples of a batch; they may be none."""
        return batch[self.rank :: self.world]

    def loss(self, outputs: torch.Tensor, y: torch.Tensor, whole: int) -> torch.Tensor:
        """A number whose mean over the processes is the mean cross-entropy of a batch of
        `whole` examples, however unevenly they are shared. outputs, y: of this process's."""
        if self.world == 1:
            return cross_entropy(outputs, y)
        return cross_entropy(outputs, y, reduction="sum") * (self.world / whole)

    def mean(self, *numbers: float) -> list[float]:
        """Each number's mean over the processes, which is the same in all of them."""
        if self.world == 1:
            return list(numbers)
        device = "cuda" if distributed.get_backend() == "nccl" else "cpu"
        sums = torch.tensor(numbers, dtype=torch.float64, device=device)
        distributed.all_reduce(sums)
        return [float(x) / self.world for x in sums]
