"""Caution: by hand, what it leaves out, and how what is left is scaled."""

import pytest
import torch
from walk import assert_same, path, randn, tensor, walk

from optlab.rules import (
    adam,
    cautious,
    factored_adam,
    gradient_descent,
    lion,
    momentum,
    sophia,
    with_decay,
)

ADAM = {"lr": 0.1, "beta1": 0.8, "beta2": 0.9, "eps": 1e-3}
X, G = randn(40, 3), randn(12, 40, 3, seed=1)


def test_two_steps_by_hand():
    # b = (4, 2, -2, 8), and then half of it and g: (3, 2, -2, 3). In the first step all entries
    # agree with g; in the second all but the last, and these move 4/3 times as far: 0.5 b · 4/3.
    gradients = [tensor([4.0, 2.0, -2.0, 8.0]), tensor([1.0, 1.0, -1.0, -1.0])]
    settings = {"lr": 0.5, "momentum": 0.5}
    start = tensor([1.0, 1.0, 1.0, 1.0])
    found = path(cautious(momentum), start, gradients, **settings)
    x1 = [1 - 2, 1 - 1, 1 + 1, 1 - 4]
    x2 = [-1 - 1.5 * 4 / 3, 0 - 1 * 4 / 3, 2 + 1 * 4 / 3, -3]
    assert_same(torch.stack(found), [x1, x2])


def test_no_entry_moves_against_its_gradient_and_the_state_is_that_of_the_rule():
    p, s, q, r = X, adam.init(X), X, adam.init(X)
    left_out = 0
    for t, g in enumerate(G, start=1):
        new, s = cautious(adam)(p, g, s, t, **ADAM)
        q, r = adam(p, g, r, t, **ADAM)
        step, plain = p - new, p - q
        assert (step * g >= 0).all()
        agree = plain * g > 0
        assert torch.equal(step != 0, agree)
        assert_same(step[agree], plain[agree] / agree.double().mean(), rtol=1e-9)
        assert_same(s.m, r.m)
        assert_same(s.v, r.v)
        left_out += int((~agree).sum())
        p = new
    assert left_out > 100


def test_without_momentum_nothing_is_left_out():
    """The step of gradient descent has the sign of the gradient; where a gradient is 0, there is
    neither, and those entries count as left out."""
    assert_same(walk(cautious(gradient_descent), X, G, lr=0.1)[0], X - 0.1 * G.sum(0))
    half = tensor([1.0, 0.0])
    assert path(cautious(gradient_descent), tensor([0.0, 0.0]), [half], lr=0.1)[0].tolist() == [
        -0.2,
        0.0,
    ]


@pytest.mark.parametrize(("entries", "factor"), [(1, 1), (100, 100), (1000, 1000), (8000, 1000)])
def test_one_entry_that_agrees_moves_at_most_a_thousand_times_as_far(entries, factor):
    g = torch.zeros(entries, dtype=torch.float64)
    g[0] = 1
    p, _ = walk(cautious(gradient_descent), 0 * g, [g], lr=0.25)
    assert_same(p[0], -0.25 * factor)


def test_where_none_agrees_there_is_no_step():
    settings = {"lr": 0.1, "momentum": 0.9}
    p, s = walk(cautious(momentum), tensor([3.0]), tensor([[4.0], [-1.0]]), **settings)
    assert (p.tolist(), s.b.tolist()) == ([3.0 - 0.4], [0.9 * 4 - 1])
    zero = torch.zeros(3, dtype=torch.float64)
    assert walk(cautious(adam), zero, [zero], **ADAM)[0].tolist() == [0, 0, 0]
    assert walk(cautious(adam), X, G, **{**ADAM, "lr": 0.0})[0].tolist() == X.tolist()


def test_decay_that_is_outside_is_not_left_out():
    settings = {"lr": 0.1, "weight_decay": 0.5}
    zero = torch.zeros(4, dtype=torch.float64)
    p = walk(with_decay(cautious(gradient_descent)), zero + 2, [zero], **settings)[0]
    assert p.tolist() == [2 - 0.1 * 0.5 * 2] * 4
    assert walk(cautious(lion), zero + 2, [zero], **settings)[0].tolist() == [2.0] * 4


def test_names_and_what_it_leaves_as_it_is():
    assert cautious(adam).name == "adam_cautious"
    assert with_decay(cautious(adam)).name == "adam_cautious_decayed"
    assert cautious(adam).hyperparameters == adam.hyperparameters
    assert cautious(factored_adam).initial is factored_adam.initial
    assert cautious(sophia).estimated == "h"


def test_numbers_and_tensors_agree():
    settings = {"lr": 0.1, "momentum": 0.9}
    on_numbers = path(cautious(momentum), -2.0, [1.0, -3.0, 0.5, 0.0], **settings)
    gradients = tensor([[1.0], [-3.0], [0.5], [0.0]])
    on_tensors = path(cautious(momentum), tensor([-2.0]), gradients, **settings)
    assert_same(torch.cat(on_tensors), on_numbers)
