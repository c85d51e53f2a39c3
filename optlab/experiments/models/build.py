"""Building large networks from a seed, or without memory to count them."""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import nn

from optlab.seeds import checked


def build(
    make: Callable[[], nn.Module], *, seed: int, dtype: torch.dtype, device: torch.device | str
) -> nn.Module:
    """The network that `make` describes, drawn as He et al. (2015) do, from `seed` alone.

    Convolutions are normal with variance 2/(size² · output channels), linear layers uniform in
    ±1/√inputs with bias 0; normalizations start as the identity. On the device "meta" nothing
    is drawn and no memory is taken.
    """
    with torch.device("meta"):
        model = make().to(dtype)
    if torch.device(device).type == "meta":
        return model
    model.to_empty(device="cpu")
    generator = torch.Generator().manual_seed(checked(seed))
    with torch.no_grad():
        for layer in model.modules():
            _draw(layer, generator)
    return model.to(device)


def _draw(layer: nn.Module, generator: torch.Generator) -> None:
    if isinstance(layer, nn.Conv2d):
        variance = 2 / (layer.weight[0, 0].numel() * layer.out_channels)
        layer.weight.normal_(0, variance**0.5, generator=generator)
    elif isinstance(layer, nn.Linear):
        bound = layer.in_features**-0.5
        layer.weight.uniform_(-bound, bound, generator=generator)
        layer.bias.zero_()
    elif isinstance(layer, nn.BatchNorm2d):
        layer.reset_parameters()
