"""The step of a grid is an optimizer's step, whatever the dtype and with or without C."""

import warnings

import pytest
import torch
from compilers import NEEDS_C

import optlab
from optlab import rules
from optlab.grid.update import Update
from optlab.optim import native

HYPER = {"lr": 0.01, "beta1": 0.9, "beta2": 0.999, "eps": 1e-8}


def stepped(dtype, steps=20, runs=2):
    """Parameters after some steps of Adam: in an update of a grid, and alone."""
    generator = torch.Generator().manual_seed(0)
    p = torch.randn(3, 5, generator=generator).to(dtype)
    grads = torch.randn(steps, 3, 5, generator=generator).to(dtype)
    alone = torch.nn.Parameter(p.clone())
    optimizer = optlab.Adam([alone], lr=0.01, execution="plain")
    together, g = p.expand(runs, 3, 5).clone(), torch.zeros(runs, 3, 5, dtype=dtype)
    update = Update(rules.adam, {}, list(HYPER), [together], [g])
    table = {n: torch.full((steps, runs), x, dtype=torch.float64) for n, x in HYPER.items()}
    update.prepare(0, table)
    for one in grads:
        alone.grad = one.clone()
        optimizer.step()
        g.copy_(one)
        update()
    return update, together, alone.detach()


@pytest.mark.parametrize("dtype", [torch.bfloat16, torch.float16, torch.float32, torch.float64])
def test_a_step_is_the_optimizers_step(dtype):
    update, together, alone = stepped(dtype)
    kept = torch.float32 if dtype.itemsize == 2 else dtype
    assert {x.dtype for state in update.states for x in state.values()} == {kept}
    tolerance = {} if dtype.itemsize > 2 else {"rtol": 0, "atol": 0}
    for one in together:
        torch.testing.assert_close(one, alone, **tolerance)


@NEEDS_C
def test_a_compiler_that_fails_is_warned_of_and_done_without(monkeypatch):
    def load(source):
        raise native.CannotCompile("the disk is full\nmore")

    monkeypatch.setattr("optlab.optim.native.load", load)
    with pytest.warns(RuntimeWarning, match="without C, which is slower: the disk is full$") as got:
        _, together, alone = stepped(torch.float64)
    assert len(got) == 1
    torch.testing.assert_close(together[0], alone)


def test_no_compiler_at_all_is_no_matter(monkeypatch):
    monkeypatch.setenv("CC", "/nowhere/cc")
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        _, together, alone = stepped(torch.float64)
    torch.testing.assert_close(together[0], alone)
