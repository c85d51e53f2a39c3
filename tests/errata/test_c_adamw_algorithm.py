"""Erratum (c), Algorithm 6: decay in the gradient or in the step, not both, and beside the rate."""

import pytest
from walk import assert_same, tensor, walk

from optlab.ops import sqrt
from optlab.rules import State, adam, adamw, with_l2

SETTINGS = {"lr": 0.01, "beta1": 0.9, "beta2": 0.999, "eps": 0.0, "weight_decay": 0.1}


def printed(p, g, s, t, *, lr, beta1, beta2, eps, weight_decay):
    """Algorithm 6 for one coordinate, where the norm in line 4 is no matter."""
    g = g + weight_decay * p
    m = beta1 * s.m + (1 - beta1) * g
    v = beta2 * s.v + (1 - beta2) * g**2
    step = m / (1 - beta1**t) / (sqrt(v / (1 - beta2**t)) + eps)
    return p - lr * (step + weight_decay * p), State(m=m, v=v)


printed.init = adam.init


def first_step(rule, p=2.0, g=3.0, **changed):
    return walk(rule, p, [g], **{**SETTINGS, **changed})[0] - p


def test_the_first_step_of_the_paper_s_two_algorithms_and_of_the_printed_one():
    alpha, decay = 0.01, 0.1 * 2.0
    assert first_step(with_l2(adam)) == pytest.approx(-alpha, rel=1e-12)
    assert first_step(adamw, eta=1.0) == pytest.approx(-alpha - decay, rel=1e-12)
    assert first_step(printed) == pytest.approx(-alpha * (1 + decay), rel=1e-12)


def shrinkage(rule, lr, **more):
    """The share of the weight that one step without gradient of the loss takes away, beyond
    what the adapted part takes."""
    with_decay = first_step(rule, g=5.0, lr=lr, **more)
    return -(with_decay - first_step(rule, g=5.0, lr=lr, weight_decay=0.0, **more)) / 2.0


def test_only_the_published_decay_does_not_depend_on_the_learning_rate():
    assert shrinkage(adamw, 0.01, eta=1.0) == pytest.approx(0.1, rel=1e-10)
    assert shrinkage(adamw, 0.1, eta=1.0) == pytest.approx(0.1, rel=1e-10)
    assert shrinkage(printed, 0.01) == pytest.approx(0.001, rel=1e-10)
    assert shrinkage(printed, 0.1) == pytest.approx(0.01, rel=1e-10)


def test_only_the_published_moments_are_those_of_the_loss_alone():
    p, gradients = 2.0, [3.0, -1.0, 0.5]
    of_the_loss = walk(adam, p, gradients, **{k: SETTINGS[k] for k in SETTINGS if k[0] != "w"})[1]
    assert walk(adamw, p, gradients, **SETTINGS, eta=1.0)[1] == of_the_loss
    assert abs(walk(printed, p, gradients, **SETTINGS)[1].m - of_the_loss.m) > 0.01


def test_line_4_is_that_of_erratum_a():
    g, p = tensor([3.0, -0.004, 0.5]), tensor([1.0, 1.0, 1.0])
    moved = walk(adamw, p, [g], **{**SETTINGS, "weight_decay": 0.0}, eta=1.0)[0] - p
    assert_same(moved, -0.01 * g.sign(), rtol=1e-12)
    assert (moved + 0.01 * g / g.norm()).abs().max() > 0.005  # as the norm would have it
