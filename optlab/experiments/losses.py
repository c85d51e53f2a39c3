"""The loss of a language model."""

from __future__ import annotations

import torch
from torch.nn.functional import cross_entropy


def nats_per_character(logits: torch.Tensor, targets: torch.Tensor) -> torch.Tensor:
    """Mean cross-entropy over the places that have a target, in nats.

    Args:
        logits: … × places × characters.
        targets: … × places, NO_TARGET (-100) where there is none.
    """
    return cross_entropy(logits.flatten(0, -2), targets.flatten())
