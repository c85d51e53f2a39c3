"""How large a network is."""

from torch import nn


def parameter_count(model: nn.Module) -> int:
    """Numbers that are trained; statistics of batch normalization do not count."""
    return sum(p.numel() for p in model.parameters())
