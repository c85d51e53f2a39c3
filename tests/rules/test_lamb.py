"""LAMB: by hand, and the length and direction of its step."""

import math

import pytest
import torch
from walk import assert_same, path, randn, tensor, walk

from optlab.ops import maximum, minimum
from optlab.rules import State, adam, lamb, with_decay

PLAIN = {"lr": 0.1, "beta1": 0.9, "beta2": 0.999, "eps": 1e-6, "weight_decay": 0.01}


def test_two_steps_by_hand():
    # beta1 = 0.5, beta2 = 0.75, eps = 1, decay 0.1, x = (3, 4), g = (2, -4): m̂ = g and v̂ = g²,
    # so r = (2/3 + 0.3, -4/5 + 0.4).
    r1 = (2 / 3 + 0.3, -0.4)
    ratio = 5 / math.hypot(*r1)
    x1 = (3 - 0.1 * ratio * r1[0], 4 - 0.1 * ratio * r1[1])
    # g = (-4, 2): m = (1, -2)/2 + (-2, 1) = (-1.5, 0), m̂ = m/0.75;
    # v = (0.75 · 1 + 4, 0.75 · 4 + 1), v̂ = v/0.4375.
    r2 = (-2 / (math.sqrt(4.75 / 0.4375) + 1) + 0.1 * x1[0], 0.1 * x1[1])
    ratio = math.hypot(*x1) / math.hypot(*r2)
    x2 = (x1[0] - 0.1 * ratio * r2[0], x1[1] - 0.1 * ratio * r2[1])
    settings = {"lr": 0.1, "beta1": 0.5, "beta2": 0.75, "eps": 1.0, "weight_decay": 0.1}
    gradients = [tensor([2.0, -4.0]), tensor([-4.0, 2.0])]
    assert_same(torch.stack(path(lamb, tensor([3.0, 4.0]), gradients, **settings)), [x1, x2])
    _, s = walk(lamb, tensor([3.0, 4.0]), gradients, **settings)
    assert_same(s.m, [-1.5, 0.0])
    assert_same(s.v, [4.75, 4.0])


X, G = randn(4, 3), randn(10, 4, 3, seed=1)


def clipped(z):
    """A φ of the paper: between two limits."""
    return minimum(maximum(z, 0.5), 1.5)


@pytest.mark.parametrize("scale", [1e-3, 0.3, 1.0, 1e3])
@pytest.mark.parametrize("decay", [0.0, 0.1])
def test_every_step_has_the_length_lr_times_phi_of_the_norm(scale, decay):
    p, s = scale * X, lamb.init(X)
    settings = {**PLAIN, "weight_decay": decay}
    for t, g in enumerate(G, start=1):
        q, _ = lamb(p, g, s, t, **settings, phi=clipped)
        assert (q - p).norm().item() == pytest.approx(
            0.1 * min(max(p.norm().item(), 0.5), 1.5), rel=1e-10
        )
        q, s = lamb(p, g, s, t, **settings)
        assert (q - p).norm().item() == pytest.approx(0.1 * p.norm().item(), rel=1e-10)
        p = q


def test_its_direction_is_that_of_adam_with_decay():
    settings = {k: PLAIN[k] for k in ("beta1", "beta2", "eps", "weight_decay")}
    _, s = walk(lamb, X, G[:5], **PLAIN)
    ours = lamb(X, G[5], s, 6, **PLAIN)[0] - X
    theirs = with_decay(adam)(X, G[5], s, 6, lr=1.0, **settings)[0] - X
    assert_same(ours / ours.norm(), theirs / theirs.norm(), rtol=1e-11)


def test_where_a_norm_is_zero_the_ratio_is_one():
    settings = {**PLAIN, "eps": 0.0}
    zero = 0 * X
    assert_same(walk(lamb, zero, G[:1], **settings)[0], -0.1 * G[0].sign())
    settings = {**PLAIN, "weight_decay": 0.0}
    assert walk(lamb, X, [zero], **settings)[0].tolist() == X.tolist()


def test_a_phi_that_is_never_zero_moves_weights_of_zero():
    p, _ = walk(lamb, 0 * X, G[:1], **PLAIN, phi=clipped)
    assert (p.norm() / (0.1 * 0.5)).item() == pytest.approx(1, rel=1e-12)


def test_the_scale_of_the_weights_is_kept_in_proportion():
    # φ = id without decay: from c x the path is c times the path from x.
    settings = {**PLAIN, "weight_decay": 0.0}
    assert_same(walk(lamb, 8 * X, G, **settings)[0], 8 * walk(lamb, X, G, **settings)[0])


def test_numbers_and_tensors_agree():
    assert lamb.init(1.0) == State(m=0, v=0)
    on_numbers = path(lamb, -2.0, [1.0, -3.0, 0.5], **PLAIN)
    on_tensors = path(lamb, tensor([-2.0]), tensor([[1.0], [-3.0], [0.5]]), **PLAIN)
    assert_same(torch.cat(on_tensors), on_numbers)
