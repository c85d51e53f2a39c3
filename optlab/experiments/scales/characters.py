"""The language model of the last chapters: surnames, letter by letter."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import torch
from torch import nn

from optlab.experiments.data import ALPHABET, Data, surname_characters
from optlab.experiments.models import transformer
from optlab.learning.batches import steps_per_epoch


@dataclass(frozen=True)
class Characters:
    """Surnames and a transformer that spells them; its loss is `nats_per_character`.

    width, heads, depth: of the network; length: places of a text, so that names have at most
    length - 1 letters; examples, test: how many names are for training and for testing.
    """

    width: int
    heads: int
    depth: int
    batch_size: int
    examples: int
    test: int
    length: int = 12
    precision: Literal["float64", "float32"] = "float64"

    @property
    def steps_per_epoch(self) -> int:
        """Updates in an epoch, the last batch included."""
        return steps_per_epoch(self.examples, self.batch_size)

    def data(self, device: torch.device | str = "cpu") -> Data:
        """The names, whose split does not depend on a run's seed."""
        return surname_characters(self.length, test=self.test).first(self.examples).to(device)

    def model(self, seed: int, device: torch.device | str = "cpu") -> nn.Module:
        """The network, drawn from `seed` alone."""
        return transformer(
            len(ALPHABET),
            self.length,
            width=self.width,
            heads=self.heads,
            depth=self.depth,
            seed=seed,
            dtype=getattr(torch, self.precision),
            device=device,
        )
