"""The regret bounds of AdaGrad: they hold, and the hypothesis on delta is needed."""

import math

import pytest
import torch
from hypothesis import HealthCheck, Phase, find, given, settings
from hypothesis import strategies as st

from optlab.online import Ball, Box, Game, Linear, Logistic, Space, Squared, bounds, play
from optlab.rules import adagrad, adagrad_dual, l1

SEARCH = settings(
    max_examples=520,
    deadline=None,
    derandomize=True,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large],
)
FIND = settings(SEARCH, max_examples=2000, phases=[Phase.generate])  # any game, not the simplest
DOMAINS = [Box(-1, 1, d=2), Box([-2.0, 0.0], [1.0, 0.5]), Ball(d=3), Space(1), Space(2)]
FORMS = [(form, full) for form in ("dual", "mirror") for full in (False, True)]

sizes = st.floats(-2, 2).map(lambda k: 10**k)
entries = st.builds(lambda sign, size: sign * size, st.sampled_from([-1, 1]), sizes)


def vector(*values):
    return torch.tensor(values, dtype=torch.float64)


@st.composite
def games(draw, forms=FORMS):
    """Losses an opponent might choose, a form of the algorithm, a rate, and a point x."""
    form, full = draw(st.sampled_from(forms))
    domain = draw(st.sampled_from(DOMAINS[3:] if full else DOMAINS))
    row = st.lists(entries | st.just(0.0), min_size=domain.d, max_size=domain.d)
    few = draw(st.lists(row, min_size=1, max_size=6))  # the game repeats them
    order = draw(st.lists(st.integers(0, len(few) - 1), min_size=1, max_size=12))
    z = torch.tensor([few[i] for i in order], dtype=torch.float64)
    losses = Linear(z) if draw(st.booleans()) else Logistic(z, torch.ones(len(z)))
    weight = draw(st.sampled_from([0.0, 0.5])) if isinstance(domain, Box) and not full else 0.0
    lr = draw(st.sampled_from([0.1, 1.0, 3.0]))
    # Against z_1 + … + z_T, where linear losses are least, at some distance from 0.
    far = z.sum(0) / max(1e-9, float(z.sum(0).norm())) * draw(st.sampled_from([0, 0.3, 1, 30]))
    return Game(losses, domain), (lr, form, full, weight), domain.project(-far)


def played_by(bound, game, **change):
    project = {} if bound.full else {"project": game.domain}
    return play(bound.rule, game, **{**bound.hyper, **project, **change})


def longest(game, full):
    """A delta that is enough: the slopes of these losses are at most 1."""
    return float(torch.linalg.vector_norm(game.losses.z, ord=2 if full else math.inf, dim=1).max())


def excess(bound, played, x):
    """The final regret less its bound, as a part of what is compared."""
    regret, limit = float(bound.regret(played, x)[-1]), float(bound(played, x)[-1])
    return (regret - limit) / (abs(regret) + limit + 1e-12)


checked = []


@SEARCH
@given(games(), st.sampled_from([1.0, 3.0]), st.booleans())
def test_no_game_exceeds_the_bound(drawn, spare, zero):
    game, (lr, form, full, weight), x = drawn
    delta = 0.0 if zero and form == "mirror" else spare * longest(game, full)
    bound = bounds.AdaGrad(lr, delta, form, full, weight)
    played = played_by(bound, game)
    bound.check(played, x)
    assert excess(bound, played, x) <= 1e-7  # the root of a matrix has half the digits
    assert (bound(played, x) <= bound.published(played, x).sum(0) * (1 + 1e-7)).all()
    checked.append(game)


def test_that_was_five_hundred_games():
    if not checked:  # run alone
        test_no_game_exceeds_the_bound()
    assert len(checked) >= 500


@pytest.mark.parametrize("full", [False, True])
def test_without_delta_a_search_exceeds_even_the_published_bound(full):
    def violates(drawn):
        game, (lr, form, full, weight), x = drawn
        bound = bounds.AdaGrad(lr, 0.0, form, full, weight)
        played = played_by(bound, game)
        limit = float(bound.published(played, x)[:, -1].sum())
        return float(bound.regret(played, x)[-1]) > 1.05 * limit + 1e-9

    game, (lr, form, full, weight), x = find(games([("dual", full)]), violates, settings=FIND)
    bound = bounds.AdaGrad(lr, 0.0, form, full, weight)
    with pytest.raises(ValueError, match="delta=0 is less than the largest gradient"):
        bound.check(played_by(bound, game), x)


# Erratum (j): six gradients that add up to 0, so that every point is best, and 0 with them.
SIX = Game(Linear(vector(-0.79, -1.59, -1.11, 32.31, -24.17, -4.65)[:, None]), Space(1))


@pytest.mark.parametrize("full", [False, True])
def test_six_gradients(full):
    ratios = {}
    for delta in (0.0, 32.31):
        bound = bounds.AdaGrad(1.0, delta, full=full)
        played = played_by(bound, SIX)
        limit = bound.published(played, vector(0.0)).sum(0)
        ratios[delta] = float(bound.regret(played, vector(0.0))[-1] / limit[-1])
    assert ratios == {0.0: pytest.approx(1.79, abs=0.005), 32.31: pytest.approx(0.35, abs=0.005)}
    bound.check(played, vector(0.0))


def test_mirror_descent_needs_the_term_of_delta():
    # g_t = 1 and a large δ: x_t stays near 0, and the regret against -1 is T.
    game = Game(Linear(torch.ones(100, 1, dtype=torch.float64)), Space(1))
    bound = bounds.AdaGrad(1.0, 1000.0, form="mirror")
    played = played_by(bound, game)
    start, *others = bound.published(played, vector(-1.0))[:, -1].tolist()
    assert sum(others) < float(bound.regret(played, vector(-1.0))[-1]) < sum(others) + start


def test_by_hand():
    # G_T^½ is diagonal, (3, 4), full and diagonal alike; x = (1, -2).
    game = Game(Linear(vector(3.0, 0.0, 0.0, 4.0).view(2, 2)), Space(2))
    x = vector(1.0, -2.0)
    for full, largest in ((False, 4.0), (True, 5.0)):  # |x|_∞² and |x|_2²
        bound = bounds.AdaGrad(lr=0.5, delta=4.0, full=full)
        played = played_by(bound, game)
        start, gradients = 4 * 5, 0.5 * 7
        assert bound(played, x).tolist() == pytest.approx([20 + 3 + 1.5, 20 + 19 + 3.5])
        assert bound.published(played, x)[:, 1].tolist() == pytest.approx(
            [start / 0.5, largest / 0.5 * 7, gradients]
        )
        # Mirror descent: x_1 = 0, x_2 = (-0.5 · 3 / (4 + 3), 0), so x - x_2 = (17/14, -2).
        mirror = bounds.AdaGrad(lr=0.5, delta=4.0, form="mirror", full=full)
        played = played_by(mirror, game)
        furthest = 4.0 if not full else (17 / 14) ** 2 + 4
        furthest = max(furthest, largest)
        assert mirror(played, x).tolist() == pytest.approx(
            [20 + largest * 3 + 1.5, 20 + furthest * 7 + 3.5]
        )
        assert mirror.published(played, x)[:, 1].tolist() == pytest.approx([40, furthest * 7, 3.5])


def test_the_regret_counts_the_penalty():
    game = Game(Linear(vector(-8.0, -8.0)[:, None]), Box(-9, 9))
    bound = bounds.AdaGrad(lr=1.0, delta=8.0, weight=0.5)
    played = played_by(bound, game)
    x_2 = 8 / 16 - 0.5 / 16  # h = 16, shrunk by lr · weight / h
    assert played.points[1].item() == x_2
    # f + φ is 0 at x_1 = 0 and (-8 + 0.5) x_2 in round 2; at x = 2 it is -15 in each.
    assert bound.regret(played, vector(2.0)).tolist() == [15.0, 30 - 7.5 * x_2]


# Each hypothesis is checked, by name


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"lr": 0.1}, "lr is 0.1 at t=1; the bound needs 0.5"),
        ({"delta": 0.0}, "delta is 0 at t=1; the bound needs 4"),
        ({"project": lambda x, h: x}, r"x_\d+ is (outside the domain|not the step)"),
        ({"prox": l1(0.1)}, r"x_\d+ is not the step"),
        ({"x1": vector(0.1, 0.1)}, "x_1 is not 0"),
    ],
)
def test_a_play_that_breaks_a_hypothesis_is_refused(change, message):
    z = torch.randn(20, 2, generator=torch.Generator().manual_seed(0)).double()
    game, bound = Game(Linear(z), Box(-0.3, 0.3, d=2)), bounds.AdaGrad(0.5, 4.0)
    bound.check(played_by(bound, game), vector(0.3, -0.3))
    with pytest.raises(ValueError, match=message):
        bound.check(played_by(bound, game, **change), vector(0.3, -0.3))
    with pytest.raises(ValueError, match="the point x is outside the domain"):
        bound.check(played_by(bound, game), vector(0.4, 0.0))


def test_what_the_bound_is_not_for_is_refused():
    game = Game(Linear(torch.ones(9, 2, dtype=torch.float64)), Ball(d=2))
    x, dual, mirror = vector(0.0, 0.0), bounds.AdaGrad(1, 1), bounds.AdaGrad(1, 1, "mirror")
    with pytest.raises(ValueError, match="the rule is adagrad; this bound is for adagrad_dual"):
        dual.check(play(adagrad, game, lr=1, delta=1), x)
    with pytest.raises(ValueError, match=r"the rule is adagrad_dual; this bound is for adagrad$"):
        mirror.check(play(adagrad_dual, game, lr=1, delta=1), x)
    # √2 is the gradient's length, 1 its largest entry.
    full = bounds.AdaGrad(1, 1.2, full=True)
    with pytest.raises(ValueError, match=r"delta=1.2 is less than the largest gradient, 1.41421"):
        full.check(played_by(full, game), x)
    dual.check(played_by(dual, game), x)
    weighted = bounds.AdaGrad(1, 1, weight=0.1)
    with pytest.raises(ValueError, match="with an l1 penalty the domain must be a Box or a Space"):
        weighted.check(played_by(weighted, game), x)
    steep = Game(Squared(torch.ones(5, 1).double(), torch.full((5,), 9.0)), Space(1))
    with pytest.raises(ValueError, match="largest gradient, 9 at t=1"):
        dual.check(played_by(dual, steep), vector(0.0))


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ({"lr": 0.0}, "lr is 0.0; the bound needs it finite and positive"),
        ({"delta": -1.0}, "delta is -1.0; the bound needs it finite and at least 0"),
        ({"weight": math.inf}, "weight is inf"),
        ({"form": "primal"}, "form is 'primal'; it must be 'dual' or 'mirror'"),
        ({"full": True, "weight": 1.0}, "the full matrix has no l1 penalty here"),
    ],
)
def test_impossible_constants_are_refused(values, message):
    with pytest.raises(ValueError, match=message):
        bounds.AdaGrad(**{"lr": 1.0, "delta": 1.0, **values})
