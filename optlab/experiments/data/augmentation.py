"""The usual augmentation of CIFAR-10: a random flip and a random crop."""

from __future__ import annotations

import torch
from torch.nn.functional import pad


def flip_and_crop(x: torch.Tensor, generator: torch.Generator, *, padding: int = 4) -> torch.Tensor:
    """Each image mirrored with probability 1/2, and shifted by up to `padding` pixels each way.

    Args:
        x: n × channels × height × width, on any device. What is shifted in is zeros, the mean of
            centered data.
        generator: on the CPU, so that the draws are the same for every device.
    """
    n, _, height, width = x.shape
    down, right = torch.randint(2 * padding + 1, (2, n, 1), generator=generator)
    flipped = torch.rand(n, 1, generator=generator) < 0.5
    columns = torch.where(flipped, torch.arange(width).flip(0), torch.arange(width)) + right
    rows = torch.arange(height) + down
    image = torch.arange(n, device=x.device)[:, None, None]
    padded = pad(x, (padding,) * 4).permute(0, 2, 3, 1)
    chosen = padded[image, rows.to(x.device)[:, :, None], columns.to(x.device)[:, None, :]]
    return chosen.permute(0, 3, 1, 2)
