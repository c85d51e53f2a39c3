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


def test_names_and_hyperparameters():
    assert with_decay(adam).name == "adam_decayed"
    assert set(with_decay(adam).hyperparameters) == {*adam.hyperparameters, "weight_decay"}
    assert with_decay(factored_adam).initial is factored_adam.initial
    both = with_decay(with_l2(adam))
    assert both.name == "adam_l2_decayed"
