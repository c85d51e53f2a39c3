"""AdEMAMix: by hand, what it is without its slow average, and how that one remembers."""

import math
from itertools import pairwise

import pytest
import torch
from walk import assert_same, path, randn, tensor, walk

from optlab import schedules
from optlab.rules import State, adam, ademamix, with_decay

PLAIN = {"lr": 0.1, "beta1": 0.8, "beta2": 0.9, "beta3": 0.95, "alpha": 3.0, "eps": 1e-3}
X, G = randn(4, 3), randn(10, 4, 3, seed=1)


def test_two_steps_by_hand():
    settings = {"beta1": 0.5, "beta2": 0.75, "beta3": 0.75, "alpha": 2.0, "eps": 0.0}
    x, s = walk(ademamix, 1.0, [2.0, -4.0], lr=0.5, weight_decay=0.1, **settings)
    # m1 = 1, m2 = 0.5, ν = 1; corrected 2 and 4: the step is (2 + 2 · 0.5)/2 = 1.5.
    x1 = 1 - 0.5 * (1.5 + 0.1)
    # m1 = 0.5 - 2, m2 = 0.375 - 1, ν = 0.75 + 4; corrected -1.5/0.75 and 4.75/0.4375.
    u = (-2 + 2 * -0.625) / math.sqrt(4.75 / 0.4375)
    assert x == pytest.approx(x1 - 0.5 * (u + 0.1 * x1), rel=1e-14)
    assert s == State(m1=-1.5, m2=-0.625, nu=4.75)


def test_without_the_slow_average_it_is_adamw():
    settings = {"lr": 0.1, "beta1": 0.8, "beta2": 0.9, "eps": 1e-3, "weight_decay": 0.2}
    ours = walk(ademamix, X, G, **settings, beta3=0.95, alpha=0.0)[0]
    assert_same(ours, walk(with_decay(adam), X, G, **settings)[0])
    assert not torch.equal(ours, walk(ademamix, X, G, **PLAIN, weight_decay=0.2)[0])


def test_the_slow_average_begins_at_zero_and_is_not_corrected():
    """A constant gradient of 1: of the steps' numerator the fast average is 1 from the first
    step on, and the slow one 1 - β3^t."""
    ones = torch.ones(30, 1, dtype=torch.float64)
    points = [torch.zeros(1), *path(ademamix, 0 * ones[0], ones, **{**PLAIN, "eps": 0.0})]
    steps = [float(a - b) for a, b in pairwise(points)]
    expected = [0.1 * (1 + 3.0 * (1 - 0.95**t)) for t in range(1, 31)]
    assert steps == pytest.approx(expected, rel=1e-10)


def test_an_old_gradient_counts_for_longer_than_in_adam():
    """One large gradient, then none: Adam forgets it by β1, this by β3."""
    g = torch.zeros(60, 1, dtype=torch.float64)
    g[0] = 1
    _, s = walk(ademamix, 0 * g[0], g, **PLAIN)
    assert_same(s.m1, tensor([0.2 * 0.8**59]))
    assert_same(s.m2, tensor([0.05 * 0.95**59]))
    assert s.m2 / s.m1 > 1000


def test_the_defaults():
    assert ademamix.hyperparameters == {
        "lr": 1e-3,
        "beta1": 0.9,
        "beta2": 0.999,
        "beta3": 0.9999,
        "alpha": 5.0,
        "eps": 1e-8,
        "weight_decay": 0.0,
    }


def test_numbers_and_tensors_agree():
    on_numbers = path(ademamix, -2.0, [1.0, -3.0, 0.5, 0.0], **PLAIN)
    gradients = tensor([[1.0], [-3.0], [0.5], [0.0]])
    assert_same(torch.cat(path(ademamix, tensor([-2.0]), gradients, **PLAIN)), on_numbers)


def test_at_the_end_of_the_schedules_the_settings_are_those_that_were_given():
    alpha, beta3 = schedules.ademamix_alpha(7), schedules.ademamix_beta3(7)
    assert [alpha(t) for t in (6, 7, 100)] == [beta3(t) for t in (6, 7, 100)] == [1, 1, 1]
