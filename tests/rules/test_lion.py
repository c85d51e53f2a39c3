"""Lion: by hand, what its step does not depend on, and its decay."""

import pytest
import torch
from walk import assert_same, path, randn, tensor, walk

from optlab.rules import State, lion, with_decay

PLAIN = {"lr": 0.1, "beta1": 0.9, "beta2": 0.99, "weight_decay": 0.0}
X, G = randn(4, 3), randn(10, 4, 3, seed=1)


def test_two_steps_by_hand():
    # c = g/2 has the signs (1, -1), m = g/4 = (0.5, -1); then c = (0.25 - 0.5, -0.5 + 2)
    # has the signs (-1, 1), though m = (0.375 - 0.25, -0.75 + 1) is positive in both.
    settings = {"lr": 0.5, "beta1": 0.5, "beta2": 0.75, "weight_decay": 0.1}
    gradients = [tensor([2.0, -4.0]), tensor([-1.0, 4.0])]
    x1 = (1 - 0.5 * (1 + 0.1), -2 - 0.5 * (-1 - 0.2))
    x2 = (x1[0] - 0.5 * (-1 + 0.1 * x1[0]), x1[1] - 0.5 * (1 + 0.1 * x1[1]))
    assert_same(torch.stack(path(lion, tensor([1.0, -2.0]), gradients, **settings)), [x1, x2])
    _, s = walk(lion, tensor([1.0, -2.0]), gradients, **settings)
    assert_same(s.m, [0.125, 0.25])


@pytest.mark.parametrize("scale", [2.0**-40, 0.3, 1e6])
def test_the_scale_of_the_gradients_does_not_matter(scale):
    settings = {**PLAIN, "weight_decay": 0.1}
    assert torch.equal(walk(lion, X, scale * G, **settings)[0], walk(lion, X, G, **settings)[0])


def test_without_decay_every_weight_moves_by_lr():
    points = torch.stack([X, *path(lion, X, G, **PLAIN)])
    assert_same(points.diff(dim=0).abs(), torch.full_like(G, 0.1), rtol=1e-12)


def test_with_both_rates_alike_it_is_the_sign_of_one_average():
    settings = {**PLAIN, "beta1": 0.8, "beta2": 0.8}
    p, m = X, 0 * X
    for g in G:
        m = 0.8 * m + 0.2 * g
        p = p - 0.1 * m.sign()
    assert_same(walk(lion, X, G, **settings)[0], p)
    assert not torch.equal(walk(lion, X, G, **PLAIN)[0], p)


def test_its_decay_is_decoupled():
    beside = {**PLAIN, "weight_decay": 0.2}

    def without(p, g, s, t, **settings):
        return lion(p, g, s, t, **settings, weight_decay=0.0)

    expected = with_decay(type(lion)(without, lion.initial))
    assert_same(walk(lion, X, G, **beside)[0], walk(expected, X, G, **beside)[0])


def test_the_defaults_are_the_paper_s():
    assert lion.hyperparameters == {"lr": 1e-4, "beta1": 0.9, "beta2": 0.99, "weight_decay": 0.0}
    assert_same(walk(lion, X, G)[0], walk(lion, X, G, **{**PLAIN, "lr": 1e-4})[0])


def test_numbers_and_tensors_agree():
    assert lion.init(1.0) == State(m=0)
    settings = {**PLAIN, "weight_decay": 0.1}
    on_numbers = path(lion, -2.0, [1.0, -3.0, 0.5, 0.0], **settings)
    on_tensors = path(lion, tensor([-2.0]), tensor([[1.0], [-3.0], [0.5], [0.0]]), **settings)
    assert_same(torch.cat(on_tensors), on_numbers)
