"""Decay through the gradient and beside it: where they are one thing, and where they are not."""

import pytest
import torch
from walk import assert_same, path, randn, walk

from optlab.rules import (
    adam,
    amsgrad,
    factored_adam,
    gradient_descent,
    momentum,
    with_decay,
    with_l2,
)

START, GRADIENTS = randn(4), randn(10, 4, seed=1)


def test_two_steps_of_decoupled_decay_by_hand():
    # Gradients 2 and 1 from w = 1, lr = 0.5, momentum = 0.5: steps 0.5 · 2 and 0.5 · (1 + 1);
    # decay 0.5 · 0.25 of the weight before the step.
    w1 = 1 - 1.0 - 0.125
    w2 = w1 - 1.0 - 0.125 * w1
    points = path(with_decay(momentum), 1.0, [2.0, 1.0], lr=0.5, momentum=0.5, weight_decay=0.25)
    assert points == [w1, w2] == [-0.125, -1.109375]


def test_decay_leaves_the_state_alone_and_l2_does_not():
    settings = {"lr": 0.5, "momentum": 0.5, "weight_decay": 0.25}
    plain = {"lr": 0.5, "momentum": 0.5}
    _, s = walk(momentum, START, GRADIENTS, **plain)
    assert_same(walk(with_decay(momentum), START, GRADIENTS, **settings)[1].b, s.b)
    assert (walk(with_l2(momentum), START, GRADIENTS, **settings)[1].b - s.b).abs().max() > 0.01


RULES = {
    gradient_descent: {},
    momentum: {"momentum": 0.5},
    adam: {"beta1": 0.5, "beta2": 0.9, "eps": 0.1},
    amsgrad: {"beta1": 0.5, "beta2": 0.9, "eps": 0.1},
}


@pytest.mark.parametrize("change", [with_l2, with_decay])
@pytest.mark.parametrize("rule", RULES, ids=lambda rule: rule.name)
def test_no_decay_is_no_change(rule, change):
    plain = path(rule, START, GRADIENTS, lr=0.1, **RULES[rule])
    changed = path(change(rule), START, GRADIENTS, lr=0.1, weight_decay=0.0, **RULES[rule])
    assert_same(torch.stack(changed), torch.stack(plain))


@pytest.mark.parametrize("rule", RULES, ids=lambda rule: rule.name)
def test_with_zero_gradients_decay_alone_is_left(rule):
    settings = {"lr": 0.1, "weight_decay": 0.5, **RULES[rule]}
    p, _ = walk(with_decay(rule), START, torch.zeros(10, 4, dtype=torch.float64), **settings)
    assert_same(p, START * (1 - 0.1 * 0.5) ** 10)


def weight_decay_of_the_paper(theta, gradients, alpha, lam):
    """(1 - λ) θ - α ∇f, the deck's Proposition 1."""
    for g in gradients:
        theta = (1 - lam) * theta - alpha * g
    return theta


def test_for_sgd_decay_is_l2_with_lambda_over_alpha():
    # Proposition 1, erratum (l): the penalty is λ/(2α) ‖θ‖², not (λ/2) α ‖θ‖² nor λ/2 ‖θ‖².
    alpha, lam = 0.2, 0.1
    expected = weight_decay_of_the_paper(START, GRADIENTS, alpha, lam)

    def gap(coefficient):
        p, _ = walk(with_l2(gradient_descent), START, GRADIENTS, lr=alpha, weight_decay=coefficient)
        return (p - expected).abs().max().item()

    assert gap(lam / alpha) < 1e-14
    assert gap(lam * alpha) > 0.1
    assert gap(lam) > 0.1
    decoupled, _ = walk(
        with_decay(gradient_descent), START, GRADIENTS, lr=alpha, weight_decay=lam / alpha
    )
    assert_same(decoupled, expected)


def on_a_parabola(rule, **hyper):
    """Three steps on f = x² from 1."""
    p, s = 1.0, rule.init(1.0)
    for t in (1, 2, 3):
        p, s = rule(p, 2 * p, s, t, **hyper)
    return p


def test_with_momentum_decay_and_l2_part_and_without_they_do_not():
    # Erratum (l): what λ = 0.5 comes to, in the gradient and beside it.
    settings = {"lr": 0.1, "momentum": 0.9, "weight_decay": 0.5}
    l2 = on_a_parabola(with_l2(momentum), **settings)
    decoupled = on_a_parabola(with_decay(momentum), **settings)
    # buffers 2.5, 4.125, 4.55625 from gradients 2.5, 1.875, 0.84375
    assert l2 == pytest.approx(1 - 0.25 - 0.4125 - 0.455625, rel=1e-13) == -0.118125
    # buffers 2, 3.3, 3.67 from gradients 2, 1.5, 0.7; decay 0.05, 0.0375, 0.0182...
    w1 = 1 - 0.2 - 0.05
    w2 = w1 - 0.33 - 0.05 * w1
    assert decoupled == pytest.approx(w2 - 0.1 * (0.9 * 3.3 + 2 * w2) - 0.05 * w2, rel=1e-13)
    assert decoupled == pytest.approx(-0.010, abs=0.0005)
    settings["momentum"] = 0.0
    assert on_a_parabola(with_l2(momentum), **settings) == pytest.approx(
        on_a_parabola(with_decay(momentum), **settings), rel=1e-13
    )


def test_names_and_hyperparameters():
    assert with_decay(adam).name == "adam_decayed"
    assert set(with_decay(adam).hyperparameters) == {*adam.hyperparameters, "weight_decay"}
    assert with_decay(factored_adam).initial is factored_adam.initial
    both = with_decay(with_l2(adam))
    assert both.name == "adam_l2_decayed"
