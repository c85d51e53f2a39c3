"""A small convolutional network that vmap can take."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import nn

from optlab.seeds import checked

GROUPS = 4  # of GroupNorm


def cnn(
    shape: tuple[int, int, int],
    classes: int,
    *,
    widths: Sequence[int] = (16, 32),
    seed: int,
    dtype: torch.dtype = torch.float64,
    device: torch.device | str = "cpu",
) -> nn.Sequential:
    """Convolutions 3 × 3 with group normalization and ReLU, each followed by 2 × 2 averaging.

    The mean over what is left of the image goes into one linear layer. Group normalization keeps
    no running statistics, so that the network is a pure function of its parameters and many of
    them train as one batch. Weights are drawn uniformly from ±1/√(inputs of the layer), from
    `seed` alone.

    Args:
        shape: channels, height and width of an input.
        widths: channels of each stage, multiples of 4.
    """
    channels, height, width = shape
    layers: list[nn.Module] = []
    for w in widths:
        layers += [
            nn.Conv2d(channels, w, 3, padding=1, bias=False, dtype=torch.float64),
            nn.GroupNorm(GROUPS, w, dtype=torch.float64),
            nn.ReLU(),
        ]
        if min(height, width) >= 2:
            layers.append(nn.AvgPool2d(2))
            height, width = height // 2, width // 2
        channels = w
    layers += [
        nn.AvgPool2d((height, width)),
        nn.Flatten(),
        nn.Linear(channels, classes, dtype=torch.float64),
    ]
    generator = torch.Generator().manual_seed(checked(seed))
    for layer in layers:
        if isinstance(layer, nn.Conv2d | nn.Linear):
            bound = layer.weight[0].numel() ** -0.5
            with torch.no_grad():
                for p in layer.parameters():
                    p.uniform_(-bound, bound, generator=generator)
    return nn.Sequential(*layers).to(device=device, dtype=dtype)
