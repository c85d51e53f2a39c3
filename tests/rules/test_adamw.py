"""AdamW in both parametrizations, against Adam with L2 and against the deck's Algorithm 6."""

import math

import pytest
import torch
from walk import assert_same, path, randn, train_torch, walk

from optlab.rules import State, adam, adamw, with_decay, with_l2

HYPER = {"lr": 0.1, "beta1": 0.5, "beta2": 0.75, "eps": 0.25}
# Adam's own steps for the gradients 2 and -4 (see test_adam.py).
FIRST = 0.2 / 2.25
SECOND = -0.2 / (math.sqrt(4.75 / 0.4375) + 0.25)


def test_two_steps_by_hand():
    # eta = 0.5 multiplies both, weight_decay = 0.3 is not multiplied by lr
    x1 = 1 - 0.5 * (FIRST + 0.3 * 1)
    x2 = x1 - 0.5 * (SECOND + 0.3 * x1)
    settings = {**HYPER, "weight_decay": 0.3, "eta": 0.5}
    assert path(adamw, 1.0, [2.0, -4.0], **settings) == pytest.approx([x1, x2], rel=1e-14)
    assert walk(adamw, 1.0, [2.0, -4.0], **settings)[1] == State(m=-1.5, v=4.75)


def test_two_steps_by_hand_in_torch_s_parametrization():
    x1 = 1 - FIRST - 0.1 * 0.3 * 1
    x2 = x1 - SECOND - 0.1 * 0.3 * x1
    points = path(with_decay(adam), 1.0, [2.0, -4.0], **HYPER, weight_decay=0.3)
    assert points == pytest.approx([x1, x2], rel=1e-14)


START, GRADIENTS = randn(4, 3), randn(30, 4, 3, seed=1)
PLAIN = {"lr": 0.05, "beta1": 0.9, "beta2": 0.99, "eps": 1e-8}


def test_without_decay_both_are_adam():
    expected = torch.stack(path(adam, START, GRADIENTS, **PLAIN))
    paper = path(adamw, START, GRADIENTS, **PLAIN, weight_decay=0.0, eta=1.0)
    theirs = path(with_decay(adam), START, GRADIENTS, **PLAIN, weight_decay=0.0)
    assert_same(torch.stack(paper), expected)
    assert_same(torch.stack(theirs), expected)


def test_one_parametrization_is_the_other_with_decay_times_lr():
    paper = path(adamw, START, GRADIENTS, **PLAIN, weight_decay=0.05 * 0.2, eta=1.0)
    theirs = path(with_decay(adam), START, GRADIENTS, **PLAIN, weight_decay=0.2)
    assert_same(torch.stack(paper), torch.stack(theirs))


def test_torch_s_adamw_multiplies_the_decay_by_lr():
    settings = {"lr": 0.05, "betas": (0.9, 0.99), "eps": 1e-8, "weight_decay": 0.2}
    theirs = train_torch(torch.optim.AdamW, START, GRADIENTS, **settings)
    ours = path(with_decay(adam), START, GRADIENTS, **PLAIN, weight_decay=0.2)
    assert_same(torch.stack(ours), torch.stack(theirs))


def test_torch_s_adam_with_weight_decay_is_adam_with_l2():
    settings = {"lr": 0.05, "betas": (0.9, 0.99), "eps": 1e-8, "weight_decay": 0.2}
    theirs = train_torch(torch.optim.Adam, START, GRADIENTS, **settings)
    ours = path(with_l2(adam), START, GRADIENTS, **PLAIN, weight_decay=0.2)
    assert_same(torch.stack(ours), torch.stack(theirs))


def as_printed(p, g, s, t, *, lr, beta1, beta2, eps, weight_decay):
    """The deck's Algorithm 6, with g² in line 4: decay in line 2 and again, times α, in line 7."""
    g = g + weight_decay * p
    m = beta1 * s.m + (1 - beta1) * g
    v = beta2 * s.v + (1 - beta2) * g**2
    m_hat, v_hat = m / (1 - beta1**t), v / (1 - beta2**t)
    return p - lr * (m_hat / (math.sqrt(v_hat) + eps) + weight_decay * p), State(m=m, v=v)


as_printed.init = adam.init


def test_first_step_of_the_three_and_of_the_deck():
    # Erratum (c), at θ = 2, g = 3 > 0 and eps = 0: α = 0.1, λ = 0.25.
    settings = {**HYPER, "eps": 0.0, "weight_decay": 0.25}

    def step(rule, **more):
        return walk(rule, 2.0, [3.0], **settings, **more)[0] - 2.0

    assert step(with_l2(adam)) == pytest.approx(-0.1, rel=1e-14)
    assert step(adamw, eta=1.0) == pytest.approx(-0.1 - 0.25 * 2, rel=1e-14)
    assert step(with_decay(adam)) == pytest.approx(-0.1 - 0.1 * 0.25 * 2, rel=1e-14)
    assert step(as_printed) == pytest.approx(-0.1 * (1 + 0.25 * 2), rel=1e-14)


def effect_of_decay(rule, lr, g, **more):
    """How far a step with weight decay 0.25 is from one without, at θ = 2."""
    settings = {**HYPER, "eps": 0.0, "lr": lr, **more}
    with_it, _ = walk(rule, 2.0, [g], **settings, weight_decay=0.25)
    without, _ = walk(rule, 2.0, [g], **settings, weight_decay=0.0)
    return without - with_it


def test_only_the_paper_s_decay_is_independent_of_the_learning_rate():
    for lr in (0.01, 0.1, 1.0):
        assert effect_of_decay(adamw, lr, 3.0, eta=1.0) == pytest.approx(0.5, rel=1e-12)
        assert effect_of_decay(with_decay(adam), lr, 3.0) == pytest.approx(0.5 * lr, rel=1e-12)
        assert effect_of_decay(as_printed, lr, 3.0) == pytest.approx(0.5 * lr, rel=1e-12)


def test_only_decay_beside_the_step_is_independent_of_the_gradient():
    # g = -0.25 and λθ = 0.5: with decay in the gradient as well, the step turns round.
    assert effect_of_decay(adamw, 0.1, -0.25, eta=1.0) == pytest.approx(0.5, rel=1e-12)
    assert effect_of_decay(with_decay(adam), 0.1, -0.25) == pytest.approx(0.05, rel=1e-12)
    assert effect_of_decay(as_printed, 0.1, -0.25) == pytest.approx(0.05 + 0.2, rel=1e-12)
