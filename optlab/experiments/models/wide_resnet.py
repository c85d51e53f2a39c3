"""Wide residual networks (Zagoruyko and Komodakis, 2016), the networks of the SGDR tables."""

from __future__ import annotations

from itertools import pairwise

import torch
from torch import nn
from torch.nn.functional import relu

from optlab.experiments.models.build import build

STEM = 16


def wide_resnet(
    depth: int,
    k: int,
    classes: int = 10,
    *,
    dropout: float = 0.0,
    seed: int = 0,
    dtype: torch.dtype = torch.float32,
    device: torch.device | str = "cpu",
) -> nn.Module:
    """WRN-depth-k for images of 3 × 32 × 32: three stages of 16k, 32k and 64k channels.

    Args:
        depth: 6n + 4 for n blocks in a stage.
        dropout: its probability, between the two convolutions of a block.

    Raises:
        ValueError: for another depth.
    """
    if depth < 10 or depth % 6 != 4:
        raise ValueError(f"depth must be 10, 16, 22, 28, … (6n + 4); got {depth}")
    return build(
        lambda: _WideResNet((depth - 4) // 6, k, classes, dropout),
        seed=seed,
        dtype=dtype,
        device=device,
    )


class _WideResNet(nn.Module):
    def __init__(self, n: int, k: int, classes: int, dropout: float):
        super().__init__()
        widths = [16 * k, 32 * k, 64 * k]
        self.stem = _conv(3, STEM)
        blocks = []
        for stage, (n_in, n_out) in enumerate(pairwise([STEM, *widths])):
            blocks.append(_Block(n_in, n_out, 1 if stage == 0 else 2, dropout))
            blocks += [_Block(n_out, n_out, 1, dropout) for _ in range(n - 1)]
        self.blocks = nn.Sequential(*blocks)
        self.norm = nn.BatchNorm2d(widths[-1])
        self.head = nn.Linear(widths[-1], classes)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        y: torch.Tensor = self.head(relu(self.norm(self.blocks(self.stem(x)))).mean((2, 3)))
        return y


class _Block(nn.Module):
    """Normalization and ReLU before each convolution; a changed shape takes the skip
    connection through a convolution 1 × 1 of the normalized input."""

    def __init__(self, n_in: int, n_out: int, stride: int, dropout: float):
        super().__init__()
        self.norm = nn.BatchNorm2d(n_in)
        self.residual = nn.Sequential(
            _conv(n_in, n_out, stride),
            nn.BatchNorm2d(n_out),
            nn.ReLU(),
            nn.Dropout(dropout),
            _conv(n_out, n_out),
        )
        same = n_in == n_out and stride == 1
        self.skip = None if same else nn.Conv2d(n_in, n_out, 1, stride, bias=False)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        normal = relu(self.norm(x))
        skipped = x if self.skip is None else self.skip(normal)
        y: torch.Tensor = skipped + self.residual(normal)
        return y


def _conv(n_in: int, n_out: int, stride: int = 1) -> nn.Conv2d:
    return nn.Conv2d(n_in, n_out, 3, stride, padding=1, bias=False)
