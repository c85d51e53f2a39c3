"""The regret bounds of AMSGrad: they hold, and each hypothesis is needed."""

import math

import pytest
import torch
from hypothesis import HealthCheck, Phase, find, given, settings
from hypothesis import strategies as st

from optlab.online import (
    Ball,
    Box,
    Game,
    Linear,
    Logistic,
    Simplex,
    Space,
    bounds,
    comparator,
    play,
)
from optlab.rules import State, adam, amsgrad, gradient_descent, rule

SEARCH = settings(
    max_examples=600,
    deadline=None,
    derandomize=True,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large],
)
FIND = settings(SEARCH, phases=[Phase.generate])  # any game will do, not the simplest
DOMAINS = [Box(-1, 1, d=2), Box([-2.0, 0.0], [1.0, 0.5]), Ball(d=3), Simplex(3, total=2.0)]
WIDTHS = [2.0, 3.0, 2.0, 2.0]  # of the domains above, in the maximum norm

sizes = st.floats(-3, 3).map(lambda k: 10**k)
gradients = st.builds(lambda sign, size: sign * size, st.sampled_from([-1, 1]), sizes)


@st.composite
def games(draw):
    """Linear or logistic losses with rows that an opponent might choose, and a bound for them."""
    domain, width = draw(st.sampled_from(list(zip(DOMAINS, WIDTHS, strict=True))))
    T = draw(st.integers(1, 15))
    row = st.lists(gradients | st.just(0.0), min_size=domain.d, max_size=domain.d)
    few = draw(st.lists(row, min_size=1, max_size=4))  # the game repeats them
    order = draw(st.lists(st.integers(0, len(few) - 1), min_size=T, max_size=T))
    z = torch.tensor([few[i] for i in order], dtype=torch.float64)
    linear = draw(st.sampled_from([True] * 9 + [False]))
    losses = Linear(z) if linear else Logistic(z.clamp(-3, 3), torch.ones(T))
    alpha = draw(st.sampled_from([0.1, 0.5, 1.0, 3.0]))
    return Game(losses, domain), bounds.AMSGrad(width, alpha, draw(st.sampled_from([0, 0.5, 0.99])))


def played_by(bound, game, **change):
    hyper = {"lr": bound.lr, "beta1": bound.beta1, "beta2": bound.beta2, "eps": bound.eps}
    return play(amsgrad, game, **{**hyper, "project": game.domain, **change})


def excess(played, limits):
    """The final regret less its limit, as a part of the limit; the comparator's gap included."""
    limit = float(limits[-1])
    tol = max(1e-9, 1e-3 * limit)
    best = comparator(played.game, tol=tol, max_iterations=50_000)
    return (float(played.regret(best)[-1]) - limit) / (limit + 1e-12)


checked = []


@SEARCH
@given(games())
def test_no_game_exceeds_the_bound(pair):
    game, bound = pair
    played = played_by(bound, game)
    bound.check(played)
    assert excess(played, bound(played.gradients)) <= 1e-9
    checked.append(game)


def test_that_was_five_hundred_games():
    if not checked:  # run alone
        test_no_game_exceeds_the_bound()
    assert len(checked) >= 500


SCHEDULES = {
    "constant": 0.9,
    "over t": lambda t: 0.9 / t,
    "geometric": lambda t: 0.9 * 0.5 ** (t - 1),
    "to zero at once": lambda t: 0.9 if t < 4 else 0.0,
}


@settings(SEARCH, max_examples=120)
@given(games(), st.sampled_from(sorted(SCHEDULES)))
def test_nor_with_momentum(pair, schedule):
    game, plain = pair
    bound = bounds.AMSGrad(plain.D_inf, plain.alpha, plain.beta2, SCHEDULES[schedule], eps=1e-8)
    played = played_by(bound, game)
    bound.check(played)
    limits = bound(played.gradients)
    assert excess(played, limits) <= 1e-9
    if bound.beta2 == 0.99:  # γ < 1: the published bound, and the deck's above it
        published = bound.published(played.gradients)
        deck = torch.tensor([[1.0], [2 / (1 - 0.9)], [1 + 0.9]]) * published
        assert (deck >= published).all()
        assert (published.sum(0) >= limits * (1 - 1e-12)).all()


def test_by_hand():
    # v̂ = 0.5 · 16, 0.5 · 16 (v = 4 + 0.5 is less); |g_{1:T}| = 4, √17.
    g = torch.tensor([[4.0], [1.0]], dtype=torch.float64)
    at_one = 9 / (2 * 2) * math.sqrt(8) + 2 / (2 * math.sqrt(0.5)) * 4
    at_two = 9 * math.sqrt(2) / 4 * math.sqrt(8)
    at_two += math.sqrt(1 + math.log(2)) * 2 / (2 * math.sqrt(0.5)) * math.sqrt(17)
    bound = bounds.AMSGrad(D_inf=3, alpha=2, beta2=0.5)
    assert bound(g).tolist() == pytest.approx([at_one, at_two], rel=1e-14)
    assert bound.lr(4) == 1
    assert bound.published(g).sum(0).tolist() == pytest.approx([2 * at_one, 2 * at_two])
    half = bounds.AMSGrad(D_inf=3, alpha=2, beta2=0.5, beta1=0.5)
    root = math.sqrt(8)
    assert half.published(g)[:, 0].tolist() == pytest.approx(
        [
            9 / (2 * 0.5) * root,
            9 / (2 * 0.5) * 0.5 * root / 2,
            2 / (0.25 * (1 - 0.5 / math.sqrt(0.5)) * math.sqrt(0.5)) * 4,
        ]
    )


# Where a hypothesis fails, a search finds a game that exceeds the bound.


@rule(m=lambda x: 0 * x, v=lambda x: 0 * x)
def projected_adam(x, g, s, t, *, lr, beta2, project=lambda x: x):
    """Adam with β₁ = 0, without bias correction and ε: v where AMSGrad has v̂."""
    undo = 1 / math.sqrt(1 - beta2**t)
    y, s = adam(x, g, s, t, lr=lr * undo, beta1=0.0, beta2=beta2, eps=0.0)
    return project(y), State(m=s.m, v=s.v)


def spikes(C, period, T):
    """f_t(x) = C x once in a period, else -x, on [-1, 1]."""
    slopes = -torch.ones(T, 1, dtype=torch.float64)
    slopes[::period] = C
    return Game(Linear(slopes), Box(-1, 1))


spiky = st.builds(spikes, st.floats(1, 20), st.integers(2, 10), st.sampled_from([150, 300]))


def bound_of_adam(bound, g):
    """The bound's formula with Adam's own v_T, as if v never fell."""
    v = torch.zeros_like(g[0])
    for row in g:
        v = bound.beta2 * v + (1 - bound.beta2) * row**2
    norms = g.square().sum(0).sqrt()
    T = len(g)
    first = bound.D_inf**2 * math.sqrt(T) / (2 * bound.alpha) * v.sqrt().sum()
    factor = bound.alpha * math.sqrt(1 + math.log(T)) / (2 * math.sqrt(1 - bound.beta2))
    return (first + factor * norms.sum())[None]


def test_a_second_moment_that_falls_violates_it():
    bound = bounds.AMSGrad(D_inf=2, alpha=1, beta2=0.1)

    def violates(game):
        played = play(projected_adam, game, lr=bound.lr, beta2=bound.beta2, project=game.domain)
        return excess(played, bound_of_adam(bound, played.gradients)) > 0.05

    game = find(spiky, violates, settings=FIND)
    played = played_by(bound, game)
    assert excess(played, bound(played.gradients)) < 0
    hyper = {"lr": bound.lr, "beta2": bound.beta2, "project": game.domain}
    forgetful = play(projected_adam, game, **hyper)
    with pytest.raises(ValueError, match="the rule is projected_adam; the bound is for amsgrad"):
        bound.check(forgetful)


def test_a_domain_wider_than_D_inf_violates_it():
    def violates(pair):
        game, bound = pair
        narrow = bounds.AMSGrad(bound.D_inf / 10, bound.alpha, bound.beta2)
        played = played_by(narrow, game)
        return excess(played, narrow(played.gradients)) > 0.05

    game, bound = find(games(), violates, settings=FIND)
    narrow = bounds.AMSGrad(bound.D_inf / 10, bound.alpha, bound.beta2)
    with pytest.raises(ValueError, match=r"coordinate of the domain varies by .*, more than D_inf"):
        narrow.check(played_by(narrow, game))


def test_a_projection_in_the_wrong_metric_violates_it():
    # Each step is (c, c)/√t before projection, and the simplex takes it back: the point stays.
    T = 400
    losses = Linear(torch.tensor([[1.0, 3.0]], dtype=torch.float64).expand(T, 2))
    game, bound = Game(losses, Simplex(2)), bounds.AMSGrad(1, 1, beta2=0.0)
    euclidean = played_by(bound, game, project=lambda x, weights: game.domain(x))
    assert excess(euclidean, bound(euclidean.gradients)) > 0.5
    assert excess(played_by(bound, game), bound(euclidean.gradients)) < 0
    with pytest.raises(ValueError, match="x_2 is not the weighted projection of the step from x_1"):
        bound.check(euclidean)


def test_a_constant_rate_violates_it():
    T = 2000  # the point jumps between 0 and -α for ever
    slopes = torch.ones(T, 1, dtype=torch.float64)
    slopes[1::2] = -1
    game, bound = Game(Linear(slopes), Box(-1, 1)), bounds.AMSGrad(2, 1, beta2=0.5)
    constant = played_by(bound, game, lr=1.0)
    assert excess(constant, bound(constant.gradients)) > 0.5
    assert excess(played_by(bound, game), bound(constant.gradients)) < 0


# Each hypothesis is checked, by name


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"lr": 0.1}, "lr is 0.1 at t=1; the bound needs 0.5"),
        ({"beta1": 0.1}, "beta1 is 0.1 at t=1; the bound needs 0.9"),
        ({"beta2": 0.9}, "beta2 is 0.9 at t=1; the bound needs 0.99"),
        ({"eps": 1.0}, "eps is 1 at t=1; the bound needs 0"),
        ({"project": lambda x, h: x}, r"x_\d+ is not the weighted projection"),
        ({"x1": torch.full((2,), 2.0).double()}, "x_1 is outside the domain"),
    ],
)
def test_a_play_that_breaks_a_hypothesis_is_refused(change, message):
    losses = Linear(torch.randn(20, 2, generator=torch.Generator().manual_seed(0)).double())
    game = Game(losses, Box(-0.3, 0.3, d=2))
    bound = bounds.AMSGrad(0.6, 0.5, 0.99, beta1=0.9)
    bound.check(played_by(bound, game))
    with pytest.raises(ValueError, match=message):
        bound.check(played_by(bound, game, **change))


def test_what_the_bound_is_not_for_is_refused():
    losses = Linear(torch.ones(9, 2, dtype=torch.float64))
    bound = bounds.AMSGrad(2, 1, 0.5)
    with pytest.raises(ValueError, match="a coordinate of the domain varies by inf"):
        bound.check(played_by(bound, Game(losses, Space(2))))
    game = Game(losses, Box(-1, 1, d=2))
    with pytest.raises(ValueError, match="the rule is gradient_descent"):
        bound.check(play(gradient_descent, game, lr=bound.lr, project=game.domain))
    growing = bounds.AMSGrad(2, 1, 0.5, beta1=lambda t: 0.5 - 0.4 / t)
    with pytest.raises(ValueError, match="beta1 rises at t=2; the bound needs it not to"):
        growing.check(played_by(growing, game))
    with pytest.raises(ValueError, match=r"beta1/sqrt\(beta2\) is 1.06; the theorem needs it"):
        bounds.AMSGrad(2, 1, 0.5, beta1=0.75).published(losses.z)


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ({"D_inf": math.inf}, "D_inf is inf; the bound needs it finite and positive"),
        ({"alpha": 0.0}, "alpha is 0.0"),
        ({"beta1": 1.0}, r"beta1 is 1.0; the bound needs it in \[0, 1\)"),
        ({"beta2": 1.0}, "beta2 is 1.0"),
        ({"eps": -1.0}, "eps is -1.0; the bound needs it at least 0"),
    ],
)
def test_impossible_constants_are_refused(values, message):
    with pytest.raises(ValueError, match=message):
        bounds.AMSGrad(**{"D_inf": 1.0, "alpha": 1.0, "beta2": 0.5, **values})
