"""Which values of two networks differ."""

import torch
from torch import nn

from optlab.grid.values import differing, values


def test_values_are_copies_of_parameters_and_buffers():
    network = nn.BatchNorm1d(2)
    before = values(network)
    assert set(before) == set(network.state_dict())
    with torch.no_grad():
        network.weight.mul_(2)
    assert differing(before, values(network)) == ["weight"]


def test_what_differs():
    one = {"a": torch.tensor([1.0, torch.nan]), "b": torch.tensor([1.0]), "c": torch.ones(2)}
    assert differing(one, {n: x.clone() for n, x in one.items()}) == []
    two = {"a": torch.tensor([1.0, 0.0]), "b": torch.tensor([1]), "c": torch.ones(1, 2)}
    assert differing(one, two) == ["a", "b", "c"]
    assert differing(one, {**one, "d": torch.ones(1)}) == ["d"]
    assert differing({**one, "d": torch.ones(1)}, one) == ["d"]
