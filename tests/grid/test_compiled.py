"""A step of a grid that torch.compile has made gives the numbers of the plain one."""

import torch
from compilers import NEEDS_CXX
from torch import nn

from optlab import rules
from optlab.grid import train_grid


def curved(seed):
    torch.manual_seed(seed)
    return nn.Sequential(nn.Linear(6, 3), nn.GELU()).double()


@NEEDS_CXX
def test_compiled_steps_are_the_plain_ones(task, monkeypatch):
    make, sizes = torch.compile, []

    def counting(function, **options):
        compiled = make(function, **options)

        def call(*inputs):
            sizes.append(inputs[2].shape[1])
            return compiled(*inputs)

        return call

    monkeypatch.setattr(torch, "compile", counting)
    grid = {"lr": [0.01, 0.1], "beta1": 0.8, "beta2": 0.9, "eps": 1e-6}
    settings = {"steps": 7, "batch_size": 40, "seeds": (3, 5), "record": 1, "snapshots": [7]}
    plain = train_grid(curved, task, rules.adam, grid, execution="plain", **settings)
    assert sizes == []
    compiled = train_grid(curved, task, rules.adam, grid, execution="compiled", **settings)
    assert (plain.execution, compiled.execution) == ("plain", "compiled")
    assert sizes == [40] * 5  # the last batch of an epoch, of 10, is not worth a compilation
    for curve in ("loss", "error", "test_loss", "batch_loss"):
        here, there = getattr(compiled, curve), getattr(plain, curve)
        torch.testing.assert_close(here, there, rtol=1e-10, atol=1e-12)
    for name, p in plain.snapshots[7].items():
        torch.testing.assert_close(compiled.snapshots[7][name], p, rtol=1e-10, atol=1e-12)
