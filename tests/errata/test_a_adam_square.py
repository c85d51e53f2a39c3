"""Erratum (a), Algorithm 3: the elementwise square in line 4, and the start."""

import torch
from walk import assert_same, randn, tensor, walk

from optlab.ops import sqrt
from optlab.rules import State, adam

SCALES = tensor([1e-3, 1.0, 1e3])
SETTINGS = {"lr": 0.01, "beta1": 0.9, "beta2": 0.999, "eps": 0}


def printed(p, g, s, t, *, lr, beta1, beta2, eps):
    """Adam with the squared norm of the gradient in line 4."""
    m = beta1 * s.m + (1 - beta1) * g
    v = beta2 * s.v + (1 - beta2) * (g**2).sum()
    return p - lr * (m / (1 - beta1**t)) / (sqrt(v / (1 - beta2**t)) + eps), State(m=m, v=v)


printed.init = adam.init


def change_by_rescaling(rule):
    """How far the path moves, in units of lr, when each coordinate's gradient is rescaled."""
    gradients, start = randn(20, 3), torch.zeros(3, dtype=torch.float64)
    p, _ = walk(rule, start, gradients, **SETTINGS)
    q, _ = walk(rule, start, gradients * SCALES, **SETTINGS)
    return (p - q).abs().max().item() / SETTINGS["lr"]


def test_only_the_published_line_ignores_the_scale_of_each_coordinate():
    assert change_by_rescaling(adam) < 1e-12
    assert change_by_rescaling(printed) > 1


def test_only_the_published_first_step_moves_every_coordinate_by_lr():
    g, zero = tensor([3.0, -0.004, 0.5]), tensor([0.0, 0.0, 0.0])
    assert_same(walk(adam, zero, [g], **SETTINGS)[0], -0.01 * g.sign(), rtol=1e-12)
    assert_same(walk(printed, zero, [g], **SETTINGS)[0], -0.01 * g / g.norm(), rtol=1e-12)


def hidden_weights_that_move(scale):
    """How many weights before the last layer of a small tanh network move in three Adam steps
    from a start of this scale."""
    x, y = randn(8, 2), randn(8, 1, seed=1)
    start = [scale * randn(2, 3, seed=2), scale * randn(3, 1, seed=3)]
    weights, states = start, [adam.init(w) for w in start]
    for t in (1, 2, 3):
        weights = [w.detach().requires_grad_() for w in weights]
        loss = ((x @ weights[0]).tanh() @ weights[1] - y).square().mean()
        gradients = torch.autograd.grad(loss, weights)
        settings = {**SETTINGS, "eps": 1e-8}
        steps = zip(weights, gradients, states, strict=True)
        weights, states = zip(*(adam(w, g, s, t, **settings) for w, g, s in steps), strict=True)
    return int((weights[0] != start[0]).sum())


def test_from_zero_the_hidden_weights_of_a_network_do_not_move():
    assert hidden_weights_that_move(0.0) == 0
    assert hidden_weights_that_move(0.1) == 6
