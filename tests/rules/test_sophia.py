"""Sophia's step: by hand, its bound, and its two ways of writing."""

import pytest
import torch
from walk import assert_same, randn, tensor, walk

from optlab.rules import Rule, State, adam, average_hessian, sophia, with_decay, with_l2

HYPER = {"lr": 0.5, "beta1": 0.5, "rho": 0.25, "eps": 0.1, "weight_decay": 0.2}


def test_two_steps_by_hand():
    # h = (4, -1): divisors 4 and eps = 0.1. m = (0.5, -0.01): steps 0.125 and -0.1, decay 0.1 x.
    p, s = sophia(
        tensor([1.0, 2.0]),
        tensor([1.0, -0.02]),
        State(m=tensor([0.0, 0.0]), h=tensor([4.0, -1.0])),
        1,
        **HYPER,
    )
    assert_same(p, [0.9 - 0.0625, 1.8 + 0.05])
    assert_same(s.m, [0.5, -0.01])
    assert s.h.tolist() == [4.0, -1.0]
    # m = (0.25 + 3.75, -0.005 - 0.5): 1 and -5.05, both clipped to 0.25.
    q, _ = sophia(p, tensor([7.5, -1.0]), s, 2, **HYPER)
    assert_same(q, [0.9 * 0.8375 - 0.125, 0.9 * 1.85 + 0.125])


def test_the_average_of_estimates_by_hand():
    assert average_hessian(2.0, 5.0, beta2=0.9) == pytest.approx(0.9 * 2 + 0.1 * 5, rel=1e-15)
    h = 0.0
    for _ in range(3):
        h = average_hessian(h, 8.0, beta2=0.5)
    assert h == 8 * (1 - 0.5**3)


P, M = randn(1000), randn(1000, seed=1)
H = 10 ** randn(1000, seed=2) * randn(1000, seed=3).sign()
G = randn(1000, seed=4)


def test_no_coordinate_moves_further_than_lr_times_rho():
    settings = {**HYPER, "weight_decay": 0.0, "rho": 0.04}
    p, _ = sophia(P, G, State(m=M, h=H), 5, **settings)
    moved = (p - P).abs()
    assert moved.max().item() == pytest.approx(0.5 * 0.04, rel=1e-12)
    assert (moved < 0.5 * 0.039).any()


def test_where_curvature_is_not_positive_eps_stands_in_and_the_step_goes_downhill():
    settings = {**HYPER, "weight_decay": 0.0, "beta1": 0.0}
    p, _ = sophia(P, G, State(m=M, h=H), 5, **settings)
    assert torch.equal((p - P).sign(), -G.sign())
    low = H <= 0.1
    expected = P - 0.5 * (G / 0.1).clamp(-0.25, 0.25)
    assert_same(p[low], expected[low])
    assert 100 < low.sum() < 900


def test_before_any_estimate_it_is_a_step_by_signs():
    settings = {**HYPER, "eps": 1e-12, "weight_decay": 0.0}
    p, s = walk(sophia, P, [G], **settings)
    assert_same(p, P - 0.5 * 0.25 * G.sign())
    assert torch.equal(s.h, torch.zeros_like(P))


def test_without_clipping_it_is_a_newton_step():
    # of ½ Σ h (p - 1)², with the Hessian known: one step of lr 1 arrives
    h = H.abs() + 0.1
    settings = {"lr": 1.0, "beta1": 0.0, "rho": 1e9, "eps": 1e-12, "weight_decay": 0.0}
    p, _ = sophia(P, h * (P - 1), State(m=0 * P, h=h), 1, **settings)
    assert_same(p, torch.ones(1000), rtol=1e-12)


@pytest.mark.parametrize("rho", [0.01, 0.05, 20.0])
def test_the_later_form_is_the_same_step(rho):
    # η clip(m/max(h, ε), ρ) = ηρ clip(m/max(γh, ε'), 1) with γ = ρ and ε' = ρε
    m = 0.965 * M + 0.035 * G
    later = P - 0.5 * rho * (m / (rho * H).clamp(min=rho * 0.1)).clamp(-1, 1)
    settings = {"lr": 0.5, "beta1": 0.965, "rho": rho, "eps": 0.1, "weight_decay": 0.0}
    ours, _ = sophia(P, G, State(m=M, h=H), 7, **settings)
    assert_same(ours, later, rtol=1e-12)


def test_decay_is_beside_the_step_and_is_not_clipped():
    start = State(m=M, h=H)
    with_it, _ = sophia(100 * P, G, start, 5, **HYPER)
    without, _ = sophia(100 * P, G, start, 5, **{**HYPER, "weight_decay": 0.0})
    assert_same(with_it, without - 0.5 * 0.2 * 100 * P, rtol=1e-12)


def test_a_rule_says_which_of_its_state_is_estimated():
    def around(p, g, s, t, **hyper):
        return sophia(p, g, s, t, **hyper)

    assert sophia.estimated == "h"
    assert with_decay(sophia).estimated == with_l2(sophia).estimated == "h"
    assert Rule(around, sophia.initial, around=sophia).estimated == "h"
    assert adam.estimated is None
    assert with_decay(adam).estimated is None
    with pytest.raises(ValueError, match="estimated='k' is no state variable of around"):
        Rule(around, sophia.initial, estimated="k")
