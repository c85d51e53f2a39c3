"""Small networks."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise

import torch
from torch import nn

from optlab.seeds import checked


def mlp(
    sizes: Sequence[int],
    *,
    seed: int,
    dtype: torch.dtype = torch.float64,
    device: torch.device | str = "cpu",
) -> nn.Sequential:
    """A fully connected network with tanh between its layers.

    Weights and biases of a layer with n inputs are drawn uniformly from
    ±1/√n (torch's default), from `seed` alone: the same on every device.

    Args:
        sizes: inputs, units of each hidden layer, outputs.
    """
    generator = torch.Generator().manual_seed(checked(seed))
    layers: list[nn.Module] = []
    for n_in, n_out in pairwise(sizes):
        layer = nn.Linear(n_in, n_out, dtype=torch.float64)
        with torch.no_grad():
            for p in layer.parameters():
                p.uniform_(-(n_in**-0.5), n_in**-0.5, generator=generator)
        layers += [layer, nn.Tanh()]
    return nn.Sequential(*layers[:-1]).to(device=device, dtype=dtype)


def normalized_mlp(
    sizes: Sequence[int],
    *,
    seed: int,
    dtype: torch.dtype = torch.float64,
    device: torch.device | str = "cpu",
) -> nn.Sequential:
    """A fully connected network that normalizes each hidden layer before its ReLU.

    `sizes` as of `mlp`. The normalization is over the units of a layer, without gain or offset,
    and hidden layers have no biases: multiplying a hidden layer's weights by a positive number
    does not change the function, as in the papers' residual networks. Weights are drawn as in
    `mlp`.
    """
    generator = torch.Generator().manual_seed(checked(seed))
    layers: list[nn.Module] = []
    for n_in, n_out in pairwise(sizes):
        last = len(layers) == 3 * (len(sizes) - 2)
        layer = nn.Linear(n_in, n_out, bias=last, dtype=torch.float64)
        with torch.no_grad():
            for p in layer.parameters():
                p.uniform_(-(n_in**-0.5), n_in**-0.5, generator=generator)
        layers.append(layer)
        if not last:
            layers += [nn.LayerNorm(n_out, elementwise_affine=False), nn.ReLU()]
    return nn.Sequential(*layers).to(device=device, dtype=dtype)
