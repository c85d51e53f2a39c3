"""Gradient descent, its projection and its momentum, by hand."""

import pytest
import torch

from optlab.rules import State, gradient_descent, momentum, with_l2


def test_two_steps_by_hand():
    # f(w) = w², g = 2w: 3 -> 3 - 0.25 · 6 = 1.5 -> 1.5 - 0.25 · 3 = 0.75
    w, s = 3.0, gradient_descent.init(3.0)
    path = []
    for t in (1, 2):
        w, s = gradient_descent(w, 2 * w, s, t, lr=0.25)
        path.append(w)
    assert path == [1.5, 0.75]
    assert s == State()


def test_projection_comes_after_the_step():
    # 0.5 + 2 · 1 = 2.5, then into [-1, 1]; projecting first would give 2.5
    w, _ = gradient_descent(0.5, -1.0, State(), 1, lr=2.0, project=lambda w: min(max(w, -1.0), 1.0))
    assert w == 1.0


def test_projection_sees_the_whole_vector():
    def onto_ball(w):
        return w / max(w.norm(), 1)

    w = torch.zeros(2, dtype=torch.float64)
    g = torch.tensor([-3.0, -4.0], dtype=torch.float64)
    w, _ = gradient_descent(w, g, State(), 1, lr=1.0, project=onto_ball)
    torch.testing.assert_close(w, torch.tensor([0.6, 0.8], dtype=torch.float64), rtol=1e-15, atol=0)


# Gradients 2 and 1 from w = 1, with lr 0.5 and momentum 0.5.
BY_HAND = {
    # b = 2, w = 1 - 1 = 0;  b = 1 + 1 = 2, w = 0 - 1 = -1
    "heavy ball": ({}, [(0.0, 2.0), (-1.0, 2.0)]),
    # b = 1.5, w = 0.25;  b = 0.75 + 0.75 = 1.5, w = 0.25 - 0.75 = -0.5
    "dampened by a quarter": ({"dampening": 0.25}, [(0.25, 1.5), (-0.5, 1.5)]),
    # b = 2, step 2 + 0.5 · 2 = 3, w = -0.5;  b = 2, step 1 + 1 = 2, w = -1.5
    "Nesterov": ({"nesterov": True}, [(-0.5, 2.0), (-1.5, 2.0)]),
}


@pytest.mark.parametrize("name", BY_HAND)
def test_momentum_by_hand(name):
    flags, expected = BY_HAND[name]
    w, s = 1.0, momentum.init(1.0)
    path = []
    for t, g in enumerate([2.0, 1.0], start=1):
        w, s = momentum(w, g, s, t, lr=0.5, momentum=0.5, **flags)
        path.append((w, s.b))
    assert path == expected


def test_momentum_zero_is_gradient_descent():
    w, _ = momentum(1.0, 2.0, momentum.init(1.0), 1, lr=0.5, momentum=0.0)
    assert w == gradient_descent(1.0, 2.0, State(), 1, lr=0.5)[0] == 0.0


def test_nesterov_s_momentum_is_the_gradient_at_the_point_looked_ahead_to():
    # Sutskever et al. (2013), eqs 3 and 4: v' = μv - ε∇f(θ + μv), θ' = θ + v'. Our w is their
    # θ + μv, and our b is -v / ε, on f(θ) = θ²/2.
    lr, mu = 0.1, 0.8
    theta, v = 1.0, 0.0
    w, s = 1.0, momentum.init(1.0)
    for t in range(1, 30):
        v = mu * v - lr * (theta + mu * v)
        theta = theta + v
        w, s = momentum(w, w, s, t, lr=lr, momentum=mu, nesterov=True)
        assert w == pytest.approx(theta + mu * v, rel=1e-12)
        assert s.b == pytest.approx(-v / lr, rel=1e-12)


@pytest.mark.parametrize("rule", [gradient_descent, momentum])
def test_l2_pulls_towards_zero(rule):
    # gradient 0: w = 1 - 0.5 · (0 + 0.25 · 1)
    hyper = {"lr": 0.5} | ({"momentum": 0.5} if rule is momentum else {})
    w, _ = with_l2(rule)(1.0, 0.0, rule.init(1.0), 1, weight_decay=0.25, **hyper)
    assert w == 0.875
