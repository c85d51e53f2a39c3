"""Comparators with certificates, play, and regret."""

import math

import pytest
import torch

from optlab.online import (
    Ball,
    Box,
    Game,
    Hinge,
    Linear,
    Logistic,
    Simplex,
    Space,
    Squared,
    comparator,
    play,
)
from optlab.rules import adam, gradient_descent, momentum

D = 3
DOMAINS = [Ball(d=D), Box(-1, 1, d=D), Simplex(D)]
each_domain = pytest.mark.parametrize("domain", DOMAINS, ids=repr)


def t(*values):
    return torch.tensor(values, dtype=torch.float64)


def data(T=60, d=D, seed=0):
    make = torch.Generator().manual_seed(seed)
    z = torch.randn(T, d, dtype=torch.float64, generator=make)
    z = z / torch.linalg.vector_norm(z, dim=1, keepdim=True)
    y = torch.where(torch.rand(T, generator=make) < 0.3, -1.0, 1.0).double()
    return z, y


# Comparator


@each_domain
def test_linear_comparator_is_exact(domain):
    g = data()[0]
    best = comparator(Game(Linear(g), domain))
    assert best.gap <= 1e-12
    torch.testing.assert_close(best.x, domain.linear_minimum(g.sum(0)))


def test_known_optimum_inside_and_on_the_boundary():
    # (x1 - 3)^2/2 + (x2 - 4)^2/2: least on the unit ball at (0.6, 0.8), value 16/2.
    losses = Squared(torch.eye(2, dtype=torch.float64), t(3, 4))
    best = comparator(Game(losses, Ball(d=2)), tol=1e-10)
    torch.testing.assert_close(best.x, t(0.6, 0.8), rtol=0, atol=1e-6)
    assert best.value - 8 <= best.gap <= 1e-10
    for domain in (Ball(d=2, radius=9.0), Space(2)):
        best = comparator(Game(losses, domain), tol=1e-10)
        torch.testing.assert_close(best.x, t(3, 4), rtol=0, atol=1e-5)


@each_domain
@pytest.mark.parametrize("kind", [Logistic, Hinge, Squared])
def test_gap_bounds_the_distance_to_the_optimum(domain, kind):
    game = Game(kind(*data()), domain)
    exact = comparator(game, tol=1e-4 if kind is Hinge else 1e-9)
    loose = comparator(game, tol=0.5)
    assert exact.gap <= loose.gap <= 0.5
    assert loose.value - exact.value <= loose.gap
    # Nothing on a fine cloud of feasible points beats the exact one by more than its gap.
    make = torch.Generator().manual_seed(1)
    for step in (1.0, 0.1, 0.01):
        for noise in step * torch.randn(300, D, dtype=torch.float64, generator=make):
            other = game.losses.total(domain.project(exact.x + noise))
            assert float(other) >= exact.value - exact.gap - 1e-12


def test_hinge_against_a_linear_program():
    from scipy.optimize import linprog

    z, y = data(T=50)
    # min sum u, u >= 0, u >= 1 - y <z, x>, -1 <= x <= 1
    a = torch.cat([-y[:, None] * z, -torch.eye(50, dtype=torch.float64)], dim=1)
    lp = linprog([0] * D + [1] * 50, a.numpy(), [-1] * 50, bounds=[(-1, 1)] * D + [(0, None)] * 50)
    best = comparator(Game(Hinge(z, y), Box(-1, 1, d=D)), tol=1e-4)
    assert -1e-9 <= best.value - lp.fun <= best.gap <= 1e-4


def test_horizon_uses_the_first_rounds_only():
    z, y = data()
    early = comparator(Game(Logistic(z, y), Ball(d=D)), T=10)
    alone = comparator(Game(Logistic(z[:10], y[:10]), Ball(d=D)))
    assert early.T == 10
    assert early.value == pytest.approx(alone.value, abs=1e-6)


def test_space_needs_strong_convexity():
    z, y = data()
    with pytest.raises(ValueError, match="no certificate on an unbounded domain"):
        comparator(Game(Logistic(z, y), Space(D)))
    best = comparator(Game(Squared(z, y), Space(D)), tol=1e-9)
    solution = torch.linalg.lstsq(z, y[:, None]).solution[:, 0]
    torch.testing.assert_close(best.x, solution, rtol=0, atol=1e-5)
    start = comparator(Game(Squared(z, y), Space(D)), tol=1e9)  # content with the first point
    assert start.value - best.value <= start.gap <= 10 * (start.value - best.value)


def test_tolerance_not_reached_is_said():
    with pytest.raises(RuntimeError, match=r"certified only to .*, not to tol=1.0e-09, after 3 it"):
        comparator(Game(Logistic(*data()), Ball(d=D)), tol=1e-9, max_iterations=3)


def test_dimensions_must_match():
    with pytest.raises(ValueError, match=r"losses are on R\^3, the domain in R\^2"):
        Game(Linear(data()[0]), Ball(d=2))


# Play


def test_play_by_hand():
    game = Game(Linear(t(1, 1, -1)[:, None]), Box(-1, 1))
    played = play(gradient_descent, game, t(0), lr=lambda t: 1 / t, project=game.domain)
    # 0 -> -1 -> -1.5, clipped to -1 -> -1 + 1/3
    torch.testing.assert_close(played.points[:, 0], t(0, -1, -1, -2 / 3))
    torch.testing.assert_close(played.losses, t(0, -1, 1))
    torch.testing.assert_close(played.hyper["lr"], t(1, 1 / 2, 1 / 3))
    best = comparator(game)
    assert best.x.tolist() == [-1]
    torch.testing.assert_close(played.regret(best), t(1, 1, 1))


def test_state_and_step_number_are_carried():
    losses = Linear(t(3, -2, 0.5)[:, None])
    game = Game(losses, Space(1))
    hyper = {"lr": 0.1, "beta1": 0.9, "beta2": 0.99, "eps": 1e-8}
    x, s = t(0), adam.init(t(0))
    for step in (1, 2, 3):
        x, s = adam(x, losses.subgradient(step, x), s, step, **hyper)
    assert play(adam, game, **hyper).points[-1] == x
    heavy = play(momentum, game, lr=1.0, momentum=0.5)
    torch.testing.assert_close(heavy.points[:, 0], t(0, -3, -2.5, -2.75))


def test_play_starts_at_the_point_nearest_zero():
    game = Game(Linear(data()[0]), Simplex(D))
    played = play(gradient_descent, game, T=5, lr=0.1, project=game.domain)
    torch.testing.assert_close(played.points[0], t(1 / 3, 1 / 3, 1 / 3))
    assert played.T == 5


@pytest.mark.parametrize(
    ("arguments", "error", "message"),
    [
        ({"lrr": 0.1}, TypeError, "no hyperparameter lrr"),
        ({"lr": 0.1, "T": 61}, ValueError, "T is 61; this game has rounds 1, …, 60"),
        ({"lr": 0.1, "x1": torch.zeros(2)}, ValueError, r"x1 has shape \(2,\)"),
    ],
)
def test_bad_play(arguments, error, message):
    with pytest.raises(error, match=message):
        play(gradient_descent, Game(Linear(data()[0]), Ball(d=D)), **arguments)


# Regret


@each_domain
def test_fixed_and_moving_comparators(domain):
    game = Game(Logistic(*data(T=100)), domain)
    played = play(gradient_descent, game, lr=lambda t: 1 / math.sqrt(t), project=domain)
    horizons = [1, 10, 50, 100]
    curve = played.regret(comparator(game))
    own = played.regret_at(horizons)
    # Each horizon's own best point costs no more than the last one's: its regret is larger.
    for T, regret in zip(horizons, own, strict=True):
        assert regret >= curve[T - 1] - 1e-9
    assert float(own[-1]) == pytest.approx(float(curve[-1]), abs=2e-6)
    assert own[0] > curve[0] + 0.01


def test_regret_at_refuses_rounds_not_played():
    game = Game(Linear(data()[0]), Ball(d=D))
    with pytest.raises(ValueError, match="horizon 11 is outside 1, …, 10"):
        play(gradient_descent, game, T=10, lr=0.1).regret_at([11])
