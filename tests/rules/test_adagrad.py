"""AdaGrad in its four forms: by hand, as argmin, in its limits, and the hypothesis of its bound."""

import math

import pytest
import torch
from scipy.optimize import minimize_scalar
from walk import assert_same, path, randn, tensor, train_torch, walk

from optlab.online import Ball, Box
from optlab.rules import (
    State,
    adagrad,
    adagrad_dual,
    adagrad_full,
    adagrad_full_dual,
    l1,
)

DIAGONAL = [adagrad, adagrad_dual]
FULL = [adagrad_full, adagrad_full_dual]
FULL_AND_DIAGONAL = list(zip(FULL, DIAGONAL, strict=True))

# Gradients 3 and -4 from x = 1, lr = 0.5, delta = 1: h = 1 + 3 = 4, then 1 + √(9 + 16) = 6.
BY_HAND = {
    # 1 - 0.5 · 3/4 = 0.625, then 0.625 + 0.5 · 4/6
    "mirror": (adagrad, {}, [0.625, 0.625 + 1 / 3]),
    # 1 - 0.5 · 3/4, then, with z = 3 - 4 = -1, 1 + 0.5 · 1/6
    "dual": (adagrad_dual, {}, [0.625, 1 + 1 / 12]),
    # each step shrunk by 0.4 · 0.5/h: 0.05, then 1/30
    "mirror, l1": (adagrad, {"prox": l1(0.4)}, [0.575, 0.575 + 1 / 3 - 1 / 30]),
    # the distance from the start shrunk by 0.4 · 0.5 t/h: 0.05, then 2/30
    "dual, l1": (adagrad_dual, {"prox": l1(0.4)}, [0.575, 1 + 1 / 12 - 2 / 30]),
}


@pytest.mark.parametrize("form", BY_HAND)
def test_two_steps_by_hand(form):
    rule, options, expected = BY_HAND[form]
    assert_same(path(rule, 1.0, [3.0, -4.0], lr=0.5, delta=1.0, **options), expected)
    _, s = walk(rule, 1.0, [3.0, -4.0], lr=0.5, delta=1.0, **options)
    assert s.sum == 25
    if rule is adagrad_dual:
        assert (s.z, s.x1) == (-1, 1)


def test_two_steps_with_the_full_matrix_by_hand():
    # g = (2, 1), (1, 2): G_1^½ has the eigenvalue √5 along g; G_2 = [[5, 4], [4, 5]] has the
    # root [[2, 1], [1, 2]]. With delta = 1, H_2⁻¹ = [[3, -1], [-1, 3]] / 8.
    start, gradients = tensor([1.0, -1.0]), [tensor([2.0, 1.0]), tensor([1.0, 2.0])]
    first = [1 - 0.4 * 2 / (1 + 5**0.5), -1 - 0.4 * 1 / (1 + 5**0.5)]
    # H_2⁻¹ g_2 = (1, 5) / 8 and H_2⁻¹ (g_1 + g_2) = (3, 3) / 4
    mirror = [first, [first[0] - 0.4 / 8, first[1] - 0.4 * 5 / 8]]
    dual = [first, [1 - 0.4 * 3 / 4, -1 - 0.4 * 3 / 4]]
    for rule, expected in ((adagrad_full, mirror), (adagrad_full_dual, dual)):
        points = path(rule, start, gradients, lr=0.4, delta=1.0)
        assert_same(torch.stack(points), expected)
        _, s = walk(rule, start, gradients, lr=0.4, delta=1.0)
        assert_same(s.G, [[5, 4], [4, 5]])


def argmin(objective):
    return minimize_scalar(objective, bounds=(-1, 1), options={"xatol": 1e-12}).x


@pytest.mark.parametrize("weight", [0.0, 0.3])
@pytest.mark.parametrize("seed", range(5))
def test_each_step_is_the_argmin_that_the_paper_writes(seed, weight):
    # Duchi, Hazan and Singer (2011), eqs 3 and 4, on [-1, 1]; the proximal function is
    # anchored at the start.
    lr, delta, start = 0.7, 0.2, 0.5
    gradients = randn(6, 1, seed=seed)
    options = {"lr": lr, "delta": delta, "prox": l1(weight), "project": Box(-1, 1)}
    dual = path(adagrad_dual, tensor([start]), gradients, **options)
    mirror = path(adagrad, tensor([start]), gradients, **options)
    z = sum_ = 0.0
    before = start
    for t, g in enumerate(gradients.flatten().tolist(), start=1):
        z, sum_ = z + g, sum_ + g * g
        h = delta + math.sqrt(sum_)
        expected = argmin(
            lambda x, z=z, h=h, t=t: (
                lr * z / t * x + lr * weight * abs(x) + h * (x - start) ** 2 / (2 * t)
            )
        )
        assert dual[t - 1].item() == pytest.approx(expected, abs=1e-6)
        expected = argmin(
            lambda x, g=g, h=h, x0=before: lr * g * x + lr * weight * abs(x) + h * (x - x0) ** 2 / 2
        )
        assert mirror[t - 1].item() == pytest.approx(expected, abs=1e-6)
        before = mirror[t - 1].item()


@pytest.mark.parametrize("form", DIAGONAL)
def test_without_a_weight_the_composite_update_is_adagrad(form):
    start, gradients = randn(7), randn(20, 7, seed=1)
    plain = path(form, start, gradients, lr=0.3, delta=0.1)
    for options in ({"prox": l1(0.0)}, {"project": Box(-1e9, 1e9, d=7)}):
        composite = path(form, start, gradients, lr=0.3, delta=0.1, **options)
        assert_same(torch.stack(composite), torch.stack(plain))


@pytest.mark.parametrize("form", DIAGONAL)
def test_l1_makes_entries_exactly_zero(form):
    start, gradients = randn(50), 0.1 * randn(20, 50, seed=1)
    sparse, _ = walk(form, start, gradients, lr=0.3, delta=1.0, prox=l1(0.5))
    dense, _ = walk(form, start, gradients, lr=0.3, delta=1.0)
    assert (sparse == 0).sum() > 25
    assert (dense == 0).sum() == 0


def test_where_h_is_zero_the_proximal_map_takes_it_as_one():
    # gradient 0 and delta = 0: only φ pulls, by weight 2 times lr 0.25
    assert path(adagrad, 1.0, [0.0], lr=0.25, delta=0.0, prox=l1(2.0)) == [0.5]


def test_l1_in_numbers():
    # step 0.5 · weight 2 = 1: (3, -3) come nearer by 1, and 0.5 stops at 0
    assert [l1(2.0)(x, 0.5) for x in (3.0, -3.0, 0.5, -0.5, 0.0)] == [2, -2, 0, 0, 0]
    assert_same(l1(2.0)(tensor([3.0, -3.0, 0.5]), tensor([0.5, 1.0, 0.25])), [2, -1, 0])


@pytest.mark.parametrize(("full", "diagonal"), FULL_AND_DIAGONAL)
def test_in_one_dimension_the_full_matrix_is_the_diagonal(full, diagonal):
    start, gradients = tensor([0.5]), randn(20, 1)
    ours = path(full, start, gradients, lr=0.3, delta=0.1)
    assert_same(torch.stack(ours), torch.stack(path(diagonal, start, gradients, lr=0.3, delta=0.1)))
    on_numbers = path(full, 0.5, gradients.flatten().tolist(), lr=0.3, delta=0.1)
    assert_same(torch.cat(ours), on_numbers)


@pytest.mark.parametrize(("full", "diagonal"), FULL_AND_DIAGONAL)
def test_gradients_along_the_axes_have_a_diagonal_matrix(full, diagonal):
    gradients = torch.diag(tensor([1.0, -2.0, 3.0])).repeat(4, 1)
    ours = path(full, randn(3), gradients, lr=0.3, delta=0.1)
    assert_same(
        torch.stack(ours), torch.stack(path(diagonal, randn(3), gradients, lr=0.3, delta=0.1))
    )


@pytest.mark.parametrize("full", FULL)
def test_the_full_matrix_knows_no_axes_and_the_diagonal_does(full):
    q, _ = torch.linalg.qr(randn(4, 4, seed=2))
    start, gradients = randn(4), randn(10, 4, seed=1)

    def gap(rule):
        turned, _ = walk(rule, q @ start, gradients @ q.T, lr=0.3, delta=0.1)
        return (turned - q @ walk(rule, start, gradients, lr=0.3, delta=0.1)[0]).norm().item()

    assert gap(full) < 1e-12
    assert gap(adagrad if full is adagrad_full else adagrad_dual) > 0.1


@pytest.mark.parametrize("full", FULL)
def test_a_matrix_parameter_is_a_vector_of_its_entries(full):
    start, gradients = randn(2, 3), randn(5, 2, 3, seed=1)
    p, s = walk(full, start, gradients, lr=0.3, delta=0.1)
    flat, _ = walk(full, start.flatten(), gradients.flatten(1), lr=0.3, delta=0.1)
    assert p.shape == (2, 3)
    assert s.G.shape == (6, 6)
    assert_same(p.flatten(), flat)


PAIRS = [(adagrad, adagrad_dual), (adagrad_full, adagrad_full_dual)]


@pytest.mark.parametrize(("mirror", "dual"), PAIRS)
def test_the_two_forms_agree_for_one_step_and_then_part(mirror, dual):
    start, gradients = randn(3), randn(4, 3, seed=1)
    a = torch.stack(path(mirror, start, gradients, lr=0.3, delta=0.1))
    b = torch.stack(path(dual, start, gradients, lr=0.3, delta=0.1))
    assert_same(a[0], b[0])
    assert ((a - b)[1:].abs().amax(1) > 1e-3).all()


def test_the_two_forms_agree_while_h_is_constant():
    # Sums of squares that start so large that they do not grow: both are gradient descent.
    start, gradients = randn(3), randn(10, 3, seed=1)
    p = q = start
    s, u = adagrad.init(p), adagrad_dual.init(q)
    s.sum = s.sum + 1e20
    u.sum = u.sum + 1e20
    for t, g in enumerate(gradients, start=1):
        p, s = adagrad(p, g, s, t, lr=3e9, delta=0.0)
        q, u = adagrad_dual(q, g, u, t, lr=3e9, delta=0.0)
        assert_same(p, q)
    assert_same(p, start - 0.3 * gradients.sum(0))


def test_a_weighted_projection_is_not_a_rescaling():
    # Onto the unit disc in the metric h = (1, 9) + 0: the point of the circle nearest to
    # x - lr g/h, found by its angle.
    g, lr = tensor([-1.0, -9.0]), 2.0
    p, _ = walk(adagrad, tensor([0.0, 0.0]), [g], lr=lr, delta=0.0, project=Ball(d=2))
    y = [2.0, 2.0]
    angle = minimize_scalar(
        lambda a: 1 * (math.cos(a) - y[0]) ** 2 + 9 * (math.sin(a) - y[1]) ** 2,
        bounds=(0, math.pi / 2),
        options={"xatol": 1e-12},
    ).x
    assert_same(p, [math.cos(angle), math.sin(angle)], rtol=1e-6)
    assert (p - tensor(y) / math.hypot(*y)).norm() > 0.1


@pytest.mark.parametrize("rule", DIAGONAL)
def test_without_delta_a_coordinate_that_never_moved_stays(rule):
    assert path(rule, 1.0, [0.0, 0.0], lr=0.5, delta=0.0) == [1.0, 1.0]
    p, _ = walk(rule, tensor([1.0, 1.0]), [tensor([0.0, 2.0])], lr=0.5, delta=0.0)
    assert p.tolist() == [1.0, 0.5]


@pytest.mark.parametrize("rule", FULL)
def test_without_delta_a_direction_that_never_came_stays(rule):
    start, g = tensor([1.0, 1.0, 1.0]), tensor([3.0, 4.0, 0.0])
    p, _ = walk(rule, start, [g, 2 * g], lr=0.5, delta=0.0)
    along = p - start
    assert_same(along / along.norm(), -g / 5)
    assert walk(rule, start, [0 * g], lr=0.5, delta=0.0)[0].tolist() == [1.0, 1.0, 1.0]


def test_torch_s_adagrad_is_the_mirror_form():
    start, gradients = randn(5, 3), randn(20, 5, 3, seed=1)
    theirs = train_torch(torch.optim.Adagrad, start, gradients, lr=0.3, eps=1e-3)
    ours = path(adagrad, start, gradients, lr=0.3, delta=1e-3)
    assert_same(torch.stack(ours), torch.stack(theirs))


# Erratum (j): the deck allows delta = 0, and Theorem 5 wants delta ≥ max |g|.
COUNTEREXAMPLE = (-0.79, -1.59, -1.11, 32.31, -24.17)


def regret_over_bound(delta, gradients=COUNTEREXAMPLE, lr=1.0, x_star=0.0):
    """Of the losses g x, one dimension: the regret against x* over the deck's bound."""
    points = [0.0, *path(adagrad_dual, 0.0, gradients[:-1], lr=lr, delta=delta)]
    regret = sum(g * (x - x_star) for g, x in zip(gradients, points, strict=True))
    trace = math.sqrt(sum(g * g for g in gradients))
    return regret / (delta / lr * x_star**2 + trace / lr * x_star**2 + lr * trace)


def test_without_the_hypothesis_the_bound_is_broken_and_with_it_it_holds():
    assert regret_over_bound(0.0) == pytest.approx(1.79, abs=0.005)
    assert regret_over_bound(max(map(abs, COUNTEREXAMPLE))) == pytest.approx(0.34, abs=0.005)


def test_state_names_are_the_paper_s():
    assert adagrad_dual.init(2.0) == State(sum=0, z=0, x1=2.0)
