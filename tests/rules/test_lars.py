"""LARS in its own paper's form and in the deck's: by hand, and what each form keeps."""

import math

import pytest
from walk import assert_same, path, randn, tensor, walk

from optlab.rules import lars, lars_deck, momentum

START, GRADIENTS = tensor([3.0, 4.0]), [tensor([4.0, -3.0]), tensor([0.0, 2.0])]


def test_two_steps_of_the_2017_form_by_hand():
    # ‖w‖ = ‖g‖ = 5, λ = 0.2: the local rate is 0.3 · 5/(5 + 1) = 0.25, and
    # v = 0.4 · 0.25 · (4 + 0.6, -3 + 0.8).
    v1, w1 = (0.46, -0.22), (2.54, 4.22)
    n = math.sqrt(2.54**2 + 4.22**2)
    local = 0.3 * n / (2 + 0.2 * n)
    v2 = (
        0.5 * v1[0] + 0.4 * local * (0.2 * 2.54),
        0.5 * v1[1] + 0.4 * local * (2 + 0.2 * 4.22),
    )
    settings = {"lr": 0.4, "momentum": 0.5, "weight_decay": 0.2, "trust_coefficient": 0.3}
    first, second = path(lars, START, GRADIENTS, **settings)
    assert_same(first, w1)
    assert_same(second, (w1[0] - v2[0], w1[1] - v2[1]))
    assert_same(walk(lars, START, GRADIENTS, **settings)[1].v, v2)


def test_two_steps_of_the_deck_s_form_by_hand():
    # m = 0.5 · (4.6, -2.2) with ‖m‖ = √6.5; the step is 0.1 · 5 m/√6.5.
    x1 = (3 - 0.5 * 2.3 / math.sqrt(6.5), 4 + 0.5 * 1.1 / math.sqrt(6.5))
    m2 = (0.5 * 2.3 + 0.5 * 0.2 * x1[0], 0.5 * -1.1 + 0.5 * (2 + 0.2 * x1[1]))
    ratio = math.hypot(*x1) / math.hypot(*m2)
    settings = {"lr": 0.1, "beta1": 0.5, "weight_decay": 0.2}
    first, second = path(lars_deck, START, GRADIENTS, **settings)
    assert_same(first, x1)
    assert_same(second, (x1[0] - 0.1 * ratio * m2[0], x1[1] - 0.1 * ratio * m2[1]))
    assert_same(walk(lars_deck, START, GRADIENTS, **settings)[1].m, m2)


W, G = randn(4, 3), randn(10, 4, 3, seed=1)
BASE = {"lr": 0.5, "weight_decay": 0.1, "trust_coefficient": 0.02}


def test_the_first_step_is_the_same_with_and_without_momentum():
    without, _ = walk(lars, W, G[:1], momentum=0.0, **BASE)
    with_it, _ = walk(lars, W, G[:1], momentum=0.9, **BASE)
    assert_same(with_it, without)
    deck = {"lr": 0.5, "weight_decay": 0.1}
    assert_same(
        walk(lars_deck, W, G[:1], beta1=0.9, **deck)[0],
        walk(lars_deck, W, G[:1], beta1=0.0, **deck)[0],
    )


def test_the_first_step_s_length_is_the_trust_coefficient_s_share_of_the_weights():
    p, _ = walk(lars, W, G[:1], momentum=0.9, **{**BASE, "weight_decay": 0.0})
    assert ((p - W).norm() / W.norm()).item() == pytest.approx(0.5 * 0.02, rel=1e-13)
    p, _ = walk(lars_deck, W, G[:1], lr=0.25, beta1=0.9, weight_decay=0.3)
    assert ((p - W).norm() / W.norm()).item() == pytest.approx(0.25, rel=1e-13)


@pytest.mark.parametrize(
    ("rule", "settings"),
    [
        (lars, {"lr": 0.5, "momentum": 0.9, "trust_coefficient": 0.02}),
        (lars_deck, {"lr": 0.01, "beta1": 0.9}),
    ],
)
def test_without_decay_the_scale_of_the_gradient_does_not_matter(rule, settings):
    p, _ = walk(rule, W, G, weight_decay=0.0, **settings)
    for c in (1e-6, 7.0, 1e6):
        assert_same(walk(rule, W, c * G, weight_decay=0.0, **settings)[0], p, rtol=1e-12)
    decayed, _ = walk(rule, W, G, weight_decay=0.1, **settings)
    assert (walk(rule, W, 7 * G, weight_decay=0.1, **settings)[0] - decayed).abs().max() > 1e-4


def test_where_a_norm_is_zero_the_ratio_is_one():
    zero, g = 0 * W, G[0]
    settings = {**BASE, "momentum": 0.9}
    assert_same(walk(lars, zero, [g], **settings)[0], -0.5 * g)
    assert_same(walk(lars, W, [zero], **{**settings, "weight_decay": 0.0})[0], W)
    deck = {"lr": 0.5, "beta1": 0.75, "weight_decay": 0.1}
    assert_same(walk(lars_deck, zero, [g], **deck)[0], -0.5 * 0.25 * g)
    assert_same(walk(lars_deck, W, [zero], **{**deck, "weight_decay": 0.0})[0], W)


def test_a_zero_gradient_decays_by_the_trust_coefficient():
    # ‖g‖ = 0: local · λ = trust_coefficient, whatever λ
    p, _ = walk(lars, W, [0 * W], **BASE, momentum=0.9)
    assert_same(p, W * (1 - 0.5 * 0.02))


def test_with_the_ratio_held_at_one_it_is_sgd_with_momentum():
    # trust · ‖w‖/‖g‖ = 1 for a gradient of length trust · ‖w‖
    g = 0.02 * W.norm() * G[0] / G[0].norm()
    ours, _ = walk(lars, W, [g], lr=0.5, momentum=0.9, trust_coefficient=0.02, weight_decay=0.0)
    assert_same(ours, walk(momentum, W, [g], lr=0.5, momentum=0.9)[0])


def test_phi_scales_the_deck_s_step():
    settings = {"lr": 0.1, "beta1": 0.5, "weight_decay": 0.0}
    p, _ = walk(lars_deck, W, G[:1], phi=lambda z: z.clamp(max=0.25), **settings)
    assert (p - W).norm().item() == pytest.approx(0.1 * 0.25, rel=1e-13)
