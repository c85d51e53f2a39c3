"""Erratum (j), Algorithm 2 and the regret of AdaGrad: the bound needs δ ≥ max ‖g_t‖."""

import pytest
import torch
from walk import assert_same, path, randn, tensor

from optlab.rules import adagrad_full_dual

GRADIENTS = [tensor([g]) for g in (-0.79, -1.59, -1.11, 32.31, -24.17, -4.65)]


def regret_over_bound(delta, lr=1.0):
    """For linear losses g_t x in one dimension, against x* = 0, a best point: they add up to 0."""
    points = path(adagrad_full_dual, tensor([0.0]), GRADIENTS, lr=lr, delta=delta)
    played = [tensor([0.0]), *points[:-1]]
    regret = sum((g @ x).item() for g, x in zip(GRADIENTS, played, strict=True))
    trace = sum(g.square().item() for g in GRADIENTS) ** 0.5
    return regret / (lr * trace)  # the terms with ‖x*‖ vanish


def test_delta_0_violates_the_bound_and_delta_above_all_gradients_does_not():
    assert regret_over_bound(0.0) == pytest.approx(1.79, abs=0.005)
    assert regret_over_bound(32.31) == pytest.approx(0.35, abs=0.005)


def test_the_losses_add_up_to_nothing_so_that_every_point_is_best():
    assert sum(GRADIENTS).item() == pytest.approx(0.0, abs=1e-12)


@pytest.mark.parametrize("lr", [0.1, 10.0])
def test_whatever_the_rate(lr):
    assert regret_over_bound(0.0, lr) > 1 > regret_over_bound(32.31, lr)


def test_the_sum_starts_at_0_and_the_last_of_t_points_is_that_after_step_t():
    # With G_0 = 0 the first point is x_2 = -η g_1 / (δ + |g_1|); T steps give x_{T+1}.
    points = path(adagrad_full_dual, tensor([0.0]), GRADIENTS, lr=1.0, delta=0.5)
    assert_same(points[0], [0.79 / 1.29])
    assert len(points) == len(GRADIENTS)


def test_a_point_minimizes_line_5():
    # φ = 0, no constraint: the gradient of η⟨ḡ, x⟩ + ψ_t(x)/t vanishes at x_{t+1}.
    gradients = randn(4, 3)
    x = path(adagrad_full_dual, 0 * gradients[0], gradients, lr=0.3, delta=0.5)[-1]
    G = gradients.T @ gradients
    values, vectors = torch.linalg.eigh(G)
    H_x = 0.5 * x + vectors @ (values.clamp(min=0).sqrt() * (vectors.T @ x))
    assert_same(0.3 * gradients.mean(0) + H_x / 4, 0 * x, atol=1e-12)
