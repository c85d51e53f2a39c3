"""ResNet 26 2x64d and 2x96d, the networks of Loshchilov and Hutter (2019)."""

from __future__ import annotations

from itertools import pairwise

import torch
from torch import nn
from torch.nn.functional import pad, relu

from optlab.experiments.models.build import build

BLOCKS = 4  # in each of three stages; depth 26 = 3 · 4 · 2 + 2
STEM = 16


def resnet26(
    width: int,
    classes: int = 10,
    *,
    shake: bool = True,
    seed: int = 0,
    dtype: torch.dtype = torch.float32,
    device: torch.device | str = "cpu",
) -> nn.Module:
    """ResNet 26 2x{width}d for images of 3 × 32 × 32: two residual branches in each block.

    As in the code of Gastaldi (2017), which Loshchilov and Hutter (2019) used. The paper
    gives 11.6 M parameters for 2x64d and 25.6 M for 2x96d; this network has 11.65 M and
    26.19 M.

    Args:
        shake: weigh the branches of each image by α and 1 - α in the forward pass and by
            β and 1 - β in the backward pass, both drawn anew ("Shake-Shake-Image"), from torch's
            global generator. Without it, and in `eval` mode, both weights are 1/2.
    """
    return build(lambda: _ResNet26(width, classes, shake), seed=seed, dtype=dtype, device=device)


class _ResNet26(nn.Module):
    def __init__(self, width: int, classes: int, shake: bool):
        super().__init__()
        widths = [width, 2 * width, 4 * width]
        self.stem = nn.Sequential(_conv(3, STEM), nn.BatchNorm2d(STEM))
        blocks = []
        for stage, (n_in, n_out) in enumerate(pairwise([STEM, *widths])):
            blocks.append(_Block(n_in, n_out, 1 if stage == 0 else 2, shake))
            blocks += [_Block(n_out, n_out, 1, shake) for _ in range(BLOCKS - 1)]
        self.blocks = nn.Sequential(*blocks)
        self.head = nn.Linear(widths[-1], classes)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        y: torch.Tensor = self.head(relu(self.blocks(self.stem(x))).mean((2, 3)))
        return y


class _Block(nn.Module):
    def __init__(self, n_in: int, n_out: int, stride: int, shake: bool):
        super().__init__()
        self.first = _branch(n_in, n_out, stride)
        self.second = _branch(n_in, n_out, stride)
        self.skip = nn.Identity() if n_in == n_out else _Skip(n_in, n_out, stride)
        self.shake = shake

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        first: torch.Tensor = self.first(x)
        second: torch.Tensor = self.second(x)
        skipped: torch.Tensor = self.skip(x)
        if not (self.shake and self.training):
            return skipped + 0.5 * (first + second)
        weights = torch.rand(2, len(x), 1, 1, 1, dtype=x.dtype, device=x.device)
        alpha, beta = weights[0], weights[1]
        difference = first - second
        # Its value has α, its derivative β: the difference of the two is held constant.
        return skipped + second + beta * difference + (alpha - beta) * difference.detach()


class _Skip(nn.Module):
    """Every other pixel, and every other pixel of the image shifted by one, each to half the
    channels."""

    def __init__(self, n_in: int, n_out: int, stride: int):
        super().__init__()
        self.here = nn.Conv2d(n_in, n_out // 2, 1, bias=False)
        self.shifted = nn.Conv2d(n_in, n_out // 2, 1, bias=False)
        self.norm = nn.BatchNorm2d(n_out)
        self.stride = stride

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        x, s = relu(x), self.stride
        shifted = pad(x, (1, -1, 1, -1))[:, :, ::s, ::s]
        both = [self.here(x[:, :, ::s, ::s]), self.shifted(shifted)]
        y: torch.Tensor = self.norm(torch.cat(both, dim=1))
        return y


def _branch(n_in: int, n_out: int, stride: int) -> nn.Sequential:
    return nn.Sequential(
        nn.ReLU(),
        _conv(n_in, n_out, stride),
        nn.BatchNorm2d(n_out),
        nn.ReLU(),
        _conv(n_out, n_out),
        nn.BatchNorm2d(n_out),
    )


def _conv(n_in: int, n_out: int, stride: int = 1) -> nn.Conv2d:
    return nn.Conv2d(n_in, n_out, 3, stride, padding=1, bias=False)
