"""Which parameters decay: matrices, but no biases and no gains of norms."""

import pytest
import torch
from torch import nn

import optlab


class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.embed = nn.Embedding(10, 4)
        self.conv = nn.Conv1d(4, 4, 3)
        self.norms = nn.ModuleList(
            [nn.LayerNorm(4), nn.BatchNorm1d(4), nn.GroupNorm(2, 4), nn.RMSNorm((3, 4))]
        )
        self.wide = nn.LayerNorm((3, 4))
        self.attention = nn.MultiheadAttention(4, 2, add_bias_kv=True)
        self.head = nn.Linear(4, 10, bias=False)
        self.head.weight = self.embed.weight  # tied
        self.frozen = nn.Linear(4, 4).requires_grad_(False)
        self.temperature = nn.Parameter(torch.ones(()))


def test_matrices_decay_and_nothing_else_does():
    net = Net()
    names = {p: n for n, p in net.named_parameters()}
    decaying, others = optlab.param_groups(net, 0.1)
    assert (decaying["weight_decay"], others["weight_decay"]) == (0.1, 0.0)
    assert [names[p] for p in decaying["params"]] == [
        "embed.weight",
        "conv.weight",
        "attention.in_proj_weight",
        "attention.out_proj.weight",
    ]
    together = decaying["params"] + others["params"]
    trained = [p for p in net.parameters() if p.requires_grad]
    assert len(together) == len(trained)
    assert set(together) == set(trained)


@pytest.mark.parametrize("name", ["SGD", "AdamW", "LAMB", "Adafactor"])
def test_the_groups_are_an_optimizer_s(name):
    net = nn.Sequential(nn.Linear(3, 4), nn.LayerNorm(4))
    optimizer = getattr(optlab, name)(optlab.param_groups(net, 0.5), lr=0.1)
    assert [g["weight_decay"] for g in optimizer.param_groups] == [0.5, 0.0]
    for p in net.parameters():
        p.grad = torch.zeros_like(p)
    before = [p.detach().clone() for p in net.parameters()]
    optimizer.step()
    for p, old in zip(net.parameters(), before, strict=True):
        assert torch.equal(p, old) == (p.dim() < 2)


def test_a_decay_that_cannot_be_is_refused_by_the_optimizer_and_a_group_may_be_empty():
    with pytest.raises(ValueError, match="Invalid weight_decay value: -1"):
        optlab.AdamW(optlab.param_groups(nn.Linear(2, 2), -1))
    optlab.AdamW(optlab.param_groups(nn.Linear(2, 2, bias=False), 0.1))
