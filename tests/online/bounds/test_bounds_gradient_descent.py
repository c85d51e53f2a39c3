"""The regret bound of projected gradient descent: it holds, and each hypothesis is needed."""

import math

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from optlab.online import (
    Ball,
    Box,
    Game,
    Hinge,
    Linear,
    Logistic,
    Simplex,
    bounds,
    comparator,
    play,
)
from optlab.rules import gradient_descent, momentum


def random_game(kind, domain, T, seed):
    make = torch.Generator().manual_seed(seed)
    z = torch.randn(T, domain.d, dtype=torch.float64, generator=make)
    z = z * 10 ** float(torch.rand((), generator=make) * 4 - 2)
    if kind is Linear:
        return Game(Linear(z), domain)
    y = torch.where(torch.rand(T, generator=make) < 0.3, -1.0, 1.0).double()
    return Game(kind(z, y), domain)


def sqrt_bound(game, c=1.0):
    return bounds.SquareRoot(game.domain.diameter, game.losses.gradient_bound(game.domain), c)


@given(
    kind=st.sampled_from([Linear, Logistic, Hinge]),
    domain=st.sampled_from([Ball(d=3), Box(-2, 1, d=2), Simplex(4), Ball([5.0, 5.0], 0.1)]),
    T=st.integers(1, 80),
    seed=st.integers(0, 10**6),
    c=st.sampled_from([0.3, 1.0, 2.0]),
)
@settings(max_examples=60, deadline=None)
def test_regret_stays_below_the_bound(kind, domain, T, seed, c):
    game = random_game(kind, domain, T, seed)
    bound = sqrt_bound(game, c)
    played = play(gradient_descent, game, lr=bound.lr, project=domain)
    bound.check(played)
    tol = 1e-3 * bound(T)
    best = comparator(game, tol=tol, max_iterations=50_000)
    final = float(played.regret(best)[-1]) + best.gap
    finer = bounds.projected_gradient_descent(bound.D, played.hyper["lr"], played.gradients)
    assert final <= float(finer[-1]) + tol
    assert float(finer[-1]) <= bound(T) * (1 + 1e-12)


def test_bound_by_hand():
    assert bounds.SquareRoot(D=2.0, G=3.0)(16) == 36
    assert bounds.SquareRoot(D=2.0, G=3.0).lr(4) == pytest.approx(1 / 3)
    assert bounds.SquareRoot(D=2.0, G=3.0, c=0.5)(16) == 36
    assert bounds.SquareRoot(D=2.0, G=3.0, c=0.5).lr(4) == pytest.approx(1 / 6)
    g = torch.tensor([[3.0], [4.0]], dtype=torch.float64)
    finer = bounds.projected_gradient_descent(2.0, torch.tensor([1.0, 0.5]), g)
    assert finer.tolist() == [4 / 2 + 9 / 2, 4 / 1 + 9 / 2 + 8 / 2]


# Erratum (n): Algorithm 1 as printed declares eta_t but applies eta, and leaves K undeclared.


def alternating(T):
    """f_t(x) = x, -x, x, … on [-1, 1]: every fixed point pays 0 over an even number of rounds."""
    signs = torch.ones(T, 1, dtype=torch.float64)
    signs[1::2] = -1
    return Game(Linear(signs), Box(-1, 1))


def turning(T):
    """f_t(x) = -x in the first half and x in the second: again every fixed point pays 0."""
    signs = -torch.ones(T, 1, dtype=torch.float64)
    signs[T // 2 :] = 1
    return Game(Linear(signs), Box(-1, 1))


def final_regret(game, **hyper):
    return float(play(gradient_descent, game, **hyper).regret(comparator(game))[-1])


@pytest.mark.parametrize("eta", [0.5, 0.05])
def test_a_rate_without_its_index_has_linear_regret(eta):
    # x is 0 where the slope is 1 and -eta where it is -1: eta is lost every two rounds.
    for T in (100, 1000):
        game = alternating(T)
        assert final_regret(game, lr=eta, project=game.domain) == pytest.approx(eta * T / 2)
        assert final_regret(game, lr=sqrt_bound(game).lr, project=game.domain) <= 2 * math.sqrt(T)
    T = math.ceil((6 / eta) ** 2) // 2 * 2 + 2  # from here on eta T / 2 > 3 sqrt(T)
    game = alternating(T)
    assert final_regret(game, lr=eta, project=game.domain) > sqrt_bound(game)(T)


def test_without_its_projection_regret_outgrows_the_bound():
    for T in (100, 1000):
        game = turning(T)
        bound = sqrt_bound(game)
        assert final_regret(game, lr=bound.lr) > bound(T)
        assert final_regret(game, lr=bound.lr, project=game.domain) <= bound(T)
    ratio = final_regret(turning(4000), lr=bound.lr) / final_regret(turning(1000), lr=bound.lr)
    assert math.log(ratio, 4) == pytest.approx(1.5, abs=0.02)


# Each hypothesis is checked, by name


def honest(T=20):
    game = random_game(Linear, Ball(d=3), T, seed=0)
    return game, sqrt_bound(game)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"lr": 0.1}, r"lr is 0.1 at t=1; the bound needs c D/\(G sqrt\(t\)\)"),
        ({"project": lambda x: x}, "is outside the domain; pass project=game.domain"),
        ({"project": Ball(d=3, radius=0.5)}, r"x_\d+ is not the projected step"),
    ],
)
def test_a_play_that_breaks_a_hypothesis_is_refused(change, message):
    game, bound = honest()
    hyper = {"lr": bound.lr, "project": game.domain}
    bound.check(play(gradient_descent, game, **hyper))
    with pytest.raises(ValueError, match=message):
        bound.check(play(gradient_descent, game, **(hyper | change)))


def test_wrong_constants_are_refused():
    game, bound = honest()
    played = play(gradient_descent, game, lr=bound.lr, project=game.domain)
    with pytest.raises(ValueError, match="diameter is 2, more than D=1"):
        bounds.SquareRoot(1.0, bound.G).check(played)
    with pytest.raises(ValueError, match="a gradient has length"):
        bounds.SquareRoot(bound.D, bound.G / 100).check(played)
    with pytest.raises(ValueError, match="the rule is momentum"):
        bound.check(play(momentum, game, lr=bound.lr, momentum=0.9))
    with pytest.raises(ValueError, match="D is inf; the bound needs it finite and positive"):
        bounds.SquareRoot(math.inf, 1.0)


def test_increasing_rates_are_refused():
    with pytest.raises(ValueError, match="must not increase"):
        bounds.projected_gradient_descent(1.0, torch.tensor([1.0, 2.0]), torch.ones(2, 1))
