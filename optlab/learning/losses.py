"""Losses, and what the targets are: classes, one for each row of outputs, or numbers."""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch.nn.functional import cross_entropy

# Outputs and targets of a mini-batch -> its mean loss, a number.
Loss = Callable[[torch.Tensor, torch.Tensor], torch.Tensor]

# A target that is none, as torch's cross-entropy has it: what fills a sequence up.
PADDING = -100


def are_classes(outputs: torch.Tensor, y: torch.Tensor) -> bool:
    """Whether outputs are … × classes and y their … integers."""
    return not y.is_floating_point() and outputs.shape[:-1] == y.shape


def nats_per_character(logits: torch.Tensor, targets: torch.Tensor) -> torch.Tensor:
    """Mean cross-entropy over the places that have a target, in nats.

    Args:
        logits: … × places × characters.
        targets: … × places, PADDING (-100) where there is none.
    """
    return cross_entropy(logits.flatten(0, -2), targets.flatten())


def sampled_cross_entropy(logits: torch.Tensor, noise: torch.Tensor) -> torch.Tensor:
    """Mean cross-entropy of logits, … × classes, on labels drawn from their own softmax.

    noise: rows × classes, from the exponential distribution, as torch.multinomial draws it:
    with p its softmax, a row's label is where p / noise is largest. Rows of infinite noise
    count as padding.
    """
    flat = logits.reshape(-1, logits.shape[-1])
    labels = (flat.detach().softmax(-1) / noise).argmax(-1)
    return cross_entropy(flat, labels.where(noise[:, 0].isfinite(), PADDING))
