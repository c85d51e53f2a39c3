"""Lists of tensors are stepped in parts: the same numbers in less memory."""

import os
import subprocess
import sys

import pytest
import torch
from every import EVERY, make, parameters_for
from twins import train

import optlab
from optlab import rules
from optlab.optim import chunks, execution

SHAPES = [(300, 77), (5000,), (), (0,), (7,), (64, 3, 5, 5), (4097,), (4096,)]
SMALL = [(12, 10), (30,), (), (7,), (2, 3, 5)]  # for a matrix of d × d


def trained(label, dtype, limit, monkeypatch, **settings):
    monkeypatch.setitem(chunks.BYTES, "cpu", limit)
    params = parameters_for(label, dtype, SMALL if label.startswith("FullAdaGrad") else SHAPES)
    params[0].data = params[0].data.t()
    optimizer = make(label, params, execution="foreach", **settings)
    train(optimizer, params, 3)
    return params, [optimizer.state[p] for p in params]


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64, torch.bfloat16], ids=str)
@pytest.mark.parametrize("label", EVERY)
def test_parts_change_no_bit(label, dtype, monkeypatch):
    whole = trained(label, dtype, 2**40, monkeypatch)
    for limit in (2**14, 2**12):
        torch.testing.assert_close(
            trained(label, dtype, limit, monkeypatch), whole, rtol=0, atol=0, equal_nan=True
        )


@pytest.mark.parametrize("settings", [{"maximize": True}, {"nonfinite": "skip"}], ids=str)
@pytest.mark.parametrize("label", ["AdamW", "LAMB", "Adafactor", "AdaGrad dual"])
def test_parts_change_no_bit_under_settings(label, settings, monkeypatch):
    whole = trained(label, torch.float32, 2**40, monkeypatch, **settings)
    parts = trained(label, torch.float32, 2**12, monkeypatch, **settings)
    torch.testing.assert_close(parts, whole, rtol=0, atol=0)


def batch(rule, shapes, dtype=torch.float32, compute=None, **hyper):
    params = [torch.randn(s).to(dtype) for s in shapes]
    grads = [torch.randn(s).to(dtype) for s in shapes]
    state = {
        k: [start(p.to(compute or dtype)) for p in params] for k, start in rule.initial.items()
    }
    return execution.Batch(rule, 1, hyper, params, grads, state, compute)


def sizes(parts):
    return [[p.numel() for p in part.params] for part in parts]


def test_parts_are_bounded_and_only_large_tensors_are_cut(monkeypatch):
    monkeypatch.setitem(chunks.BYTES, "cpu", 4 * 100)
    b = batch(rules.momentum, [(250,), (40,), (60,), (1,), (0,), (30, 10), (99,)], lr=0.1)
    assert sizes(chunks.chunks(b, elementwise=True)) == [
        [100], [100], [50], [40, 60, 1][:2], [1, 0], [100], [100], [100], [99],
    ]  # fmt: skip
    assert sizes(chunks.chunks(b, elementwise=False)) == [[250], [40, 60], [1, 0], [300], [99]]
    wide = batch(rules.momentum, [(250,)], torch.bfloat16, torch.float32, lr=0.1)
    assert sizes(chunks.chunks(wide, elementwise=True)) == [[100], [100], [50]]
    b.params[0] = b.params[0].view(50, 5).t()
    b.grads[0] = b.grads[0].view(5, 50)
    b.state = {k: [xs[0].view(5, 50), *xs[1:]] for k, xs in b.state.items()}
    assert sizes(chunks.chunks(b, elementwise=True))[0] == [250]


def test_rules_that_look_at_a_whole_tensor_are_not_cut():
    def elementwise(name, **hyper):
        return execution._is_elementwise(batch(getattr(rules, name), [(4, 3)], **hyper))

    betas = {"lr": 0.1, "beta1": 0.9, "beta2": 0.9, "eps": 1e-8}
    assert elementwise("adam", **betas)
    assert not elementwise("lamb", **betas, weight_decay=0.1)
    matrix = {"lr": 0.1, "beta2_decay": -0.8, "eps1": 1e-30, "eps2": 1e-3, "d": 0.5}
    assert not elementwise("adafactor", **matrix)
    assert not elementwise("adafactor_vector", **matrix)
    assert not elementwise("adagrad_full", lr=0.1, delta=0.1)

    def looks(p, g, s, t, *, lr):
        return (p - lr * g if lr > 0.05 else p), rules.State()

    assert not execution._is_elementwise(batch(rules.Rule(looks, {}), [(3,)], lr=0.1))


PEAK = """
import resource, sys, torch, optlab
torch.set_num_threads(1)
torch.manual_seed(0)
params = [torch.nn.Parameter(torch.randn(n)) for n in eval(sys.argv[1])]
total = sum(p.numel() for p in params)
optimizer = eval(sys.argv[2])(params)
for p in params:
    p.grad = torch.randn_like(p)
optimizer.init_state() if hasattr(optimizer, "init_state") else optimizer.step()
def peak():
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024
q = [torch.nn.Parameter(torch.randn(100))]  # what a first step loads
q[0].grad = torch.randn(100)
eval(sys.argv[2])(q).step()
before = peak()
optimizer.step()
print((peak() - before) / (4 * total))
"""


def peak(tensors, optimizer):
    """The memory that a step needs besides what there is, in copies of the parameters."""
    done = subprocess.run(
        [sys.executable, "-c", PEAK, tensors, optimizer],
        capture_output=True, text=True, check=True, env={**os.environ, "OMP_NUM_THREADS": "1"},
    )  # fmt: skip
    return float(done.stdout)


@pytest.mark.parametrize("tensors", ["[8_000_000]", "[400_000] * 20"])
def test_a_step_over_lists_needs_less_than_one_copy(tensors):
    assert peak(tensors, "lambda p: optlab.AdamW(p, execution='foreach')") < 0.6


def test_a_rule_with_norms_needs_copies_of_its_largest_tensor_only():
    lamb = "lambda p: optlab.LAMB(p, execution='foreach')"
    assert peak("[400_000] * 20", lamb) < 0.6


def test_backward_notices_that_a_part_has_changed():
    p = torch.nn.Parameter(torch.randn(2_000_000))
    loss = (p**2).sum()
    p.grad = torch.ones_like(p)
    optlab.Adam([p], execution="foreach").step()
    with pytest.raises(RuntimeError, match="modified by an inplace operation"):
        loss.backward()
