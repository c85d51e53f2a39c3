"""Erratum (l), Proposition 1: λ/2α means λ/(2α), and SGD means SGD without momentum."""

import pytest
import sympy
from walk import randn, walk

from optlab.rules import gradient_descent, momentum, with_decay, with_l2

ALPHA, LAM = 0.2, 0.1


def test_the_coefficient_solved_for():
    alpha, lam, prime = sympy.symbols("alpha lambda prime", positive=True)
    theta, g = sympy.symbols("theta g", real=True)
    step, _ = with_l2(gradient_descent)(
        theta, g, with_l2(gradient_descent).init(theta), 1, lr=alpha, weight_decay=prime
    )
    assert sympy.solve(step - ((1 - lam) * theta - alpha * g), prime) == [lam / alpha]


def gap(coefficient):
    """Between ten steps with the penalty (coefficient/2)‖θ‖² and with weight decay λ."""
    theta, gradients = randn(4), randn(10, 4, seed=1)
    settings = {"lr": ALPHA, "weight_decay": coefficient}
    penalized, _ = walk(with_l2(gradient_descent), theta, gradients, **settings)
    for g in gradients:
        theta = (1 - LAM) * theta - ALPHA * g
    return (penalized - theta).abs().max().item()


def test_read_as_lambda_over_2_alpha_the_steps_agree_and_read_otherwise_they_do_not():
    assert gap(LAM / ALPHA) < 1e-14
    assert gap(LAM * ALPHA) > 0.1  # (λ/2)·α
    assert gap(LAM) > 0.1  # λ/2


def on_a_parabola(rule, **settings):
    """Three steps on f = x² from 1."""
    p, s = 1.0, rule.init(1.0)
    for t in (1, 2, 3):
        p, s = rule(p, 2 * p, s, t, **settings)
    return p


def test_with_momentum_decay_and_penalty_part_and_without_they_do_not():
    settings = {"lr": 0.1, "momentum": 0.9, "weight_decay": 0.5}
    # buffers 2.5, 4.125, 4.55625 from gradients 2.5, 1.875, 0.84375
    assert on_a_parabola(with_l2(momentum), **settings) == pytest.approx(-0.118125, rel=1e-12)
    # buffers 2, 3.3, 3.67 from gradients 2, 1.5, 0.7; decay 0.05, 0.0375, 0.0182...
    assert on_a_parabola(with_decay(momentum), **settings) == pytest.approx(-0.010, abs=5e-4)
    settings["momentum"] = 0.0
    penalized = on_a_parabola(with_l2(momentum), **settings)
    assert penalized == pytest.approx(on_a_parabola(with_decay(momentum), **settings), rel=1e-13)
