"""What a training run gives."""

from __future__ import annotations

from dataclasses import dataclass, field

import torch


@dataclass(frozen=True)
class Run:
    """What a training run gave.

    Attributes:
        loss: mean cross-entropy on the training set after each epoch, before training first:
            epochs + 1 numbers.
        error: fraction of test examples misclassified, likewise.
        predictions: after the epochs asked for, probabilities of the classes, test examples ×
            classes, on the CPU.
    """

    loss: list[float]
    error: list[float]
    predictions: dict[int, torch.Tensor] = field(default_factory=dict, compare=False, repr=False)
