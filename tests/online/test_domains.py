"""Projections: by hand, by their optimality condition, and against a general solver."""

import math

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from scipy.optimize import minimize

from optlab.online import Ball, Box, Simplex, Space

D = 4
CENTER = torch.tensor([0.5, -1.0, 0.0, 2.0], dtype=torch.float64)
DOMAINS = [
    Box([-1.0, -2, 0, 0.5], [1.0, 3, 0, 2]),
    Ball(CENTER, 1.5),
    Simplex(D),
    Simplex(D, total=7.0),
    Space(D),
]
BOUNDED = DOMAINS[:-1]
each = pytest.mark.parametrize("domain", DOMAINS, ids=repr)
each_bounded = pytest.mark.parametrize("domain", BOUNDED, ids=repr)

points = arrays(np.float64, D, elements=st.floats(-20, 20)).map(torch.tensor)
weights = arrays(np.float64, D, elements=st.floats(-3, 3)).map(lambda e: torch.tensor(10.0**e))


def t(*values):
    return torch.tensor(values, dtype=torch.float64)


def close(a, b, tol=1e-12):
    torch.testing.assert_close(a, b, rtol=0, atol=tol)


def vertices_and_draws(domain, seed=0):
    """Points of the domain, extreme ones among them."""
    make = torch.Generator().manual_seed(seed)
    draws = torch.randn(200, D, dtype=torch.float64, generator=make) * 5
    inside = [domain.project(x) for x in draws]
    return inside + [domain.linear_minimum(x) for x in draws if math.isfinite(domain.diameter)]


# By hand


def test_box_clips_and_ignores_weights():
    box = Box(-1, 1, d=3)
    close(box(t(-3, 0.25, 7)), t(-1, 0.25, 1))
    close(box.project(t(-3, 0.25, 7), weights=t(1, 100, 0.01)), t(-1, 0.25, 1))


def test_ball_shrinks_towards_its_center():
    close(Ball(d=2)(t(3, 4)), t(0.6, 0.8))
    close(Ball([1.0, 1.0], 2.0)(t(1, 6)), t(1, 3))
    inside = t(0.1, -0.2)
    assert Ball(d=2)(inside) is inside


def test_weighted_ball():
    # y = (4x/(4+mu), x/(1+mu)); with x = (a, b) and mu = 1: y = (4a/5, b/2) = (0.8, 0.6).
    close(Ball(d=2).project(t(1.0, 1.2), weights=t(4, 1)), t(0.8, 0.6))


def test_simplex():
    close(Simplex(3)(t(0.5, 0.5, 0.5)), t(1 / 3, 1 / 3, 1 / 3))
    close(Simplex(3)(t(2, 0, 0)), t(1, 0, 0))
    close(Simplex(3)(t(0.9, 0.5, -1)), t(0.7, 0.3, 0))  # 0.2 is taken from both
    close(Simplex(2, total=4.0)(t(0, 0)), t(2, 2))


def test_weighted_simplex():
    # y = x - nu/w: 1 - nu/1 + 1 - nu/(1/3) = 1 gives nu = 1/4.
    close(Simplex(2).project(t(1, 1), weights=t(1, 1 / 3)), t(0.75, 0.25))


def test_simplex_ties():
    close(Simplex(4)(t(5, 5, 5, 5)), t(*[0.25] * 4))
    close(Simplex(4)(t(1, 1, 0, 0)), t(0.5, 0.5, 0, 0))  # the other two sit on the kink
    # All w x tie, at the kink of the last coordinate or away from it.
    close(Simplex(3).project(t(6, 3, 2), t(1, 2, 3)), t(6, 3, 2) / 11)


def test_one_dimension():
    close(Simplex(1, total=2.0)(t(-9)), t(2))
    close(Ball(3.0, 1.0)(t(0)), t(2))
    close(Box(0, 1)(t(4)), t(1))


def test_point_domains():
    close(Ball([1.0, 2.0], 0.0).project(t(5, 5), weights=t(1, 9)), t(1, 2))
    close(Box([1.0, 2.0], [1.0, 2.0])(t(5, 5)), t(1, 2))


def test_space_is_everything():
    x = t(1e9, -1, 0, 3)
    assert Space(4)(x) is x
    assert Space(4).diameter == math.inf
    with pytest.raises(ValueError, match="no minimum"):
        Space(4).linear_minimum(x)


def test_diameters():
    assert Box(-1, 2, d=4).diameter == 6
    assert Ball(d=7, radius=1.5).diameter == 3
    assert Simplex(5, total=3.0).diameter == pytest.approx(3 * math.sqrt(2))
    assert Simplex(1).diameter == 0


@each_bounded
def test_diameter_is_the_largest_distance(domain):
    extreme = torch.stack(vertices_and_draws(domain))
    extreme = torch.cat([extreme, 2 * CENTER - extreme] if isinstance(domain, Ball) else [extreme])
    largest = float(torch.cdist(extreme, extreme).max())
    assert largest <= domain.diameter + 1e-9
    assert largest >= 0.999 * domain.diameter


# By the condition that characterizes a projection in a metric


@each
@given(x=points, w=weights)
@settings(max_examples=60, deadline=None)
def test_variational_inequality(domain, x, w):
    y = domain.project(x, w)
    assert domain.contains(y, 1e-10)
    for z in vertices_and_draws(domain):
        length = torch.linalg.vector_norm(z - y) * torch.linalg.vector_norm(w * (x - y))
        assert (w * (x - y)) @ (z - y) <= 1e-11 * (1 + float(length))


@each
@given(x=points, z=points, w=weights)
@settings(max_examples=60, deadline=None)
def test_idempotent_and_non_expansive(domain, x, z, w):
    def norm(v):
        return float((w * v * v).sum().sqrt())

    y = domain.project(x, w)
    close(domain.project(y, w), y, 1e-11)
    assert norm(y - domain.project(z, w)) <= norm(x - z) * (1 + 1e-12) + 1e-10


@each
@given(x=points)
@settings(max_examples=40, deadline=None)
def test_equal_weights_are_euclidean(domain, x):
    close(domain.project(x, torch.full_like(x, 3e5)), domain(x), 1e-11)


@each_bounded
@given(g=points)
@settings(max_examples=40, deadline=None)
def test_linear_minimum(domain, g):
    y = domain.linear_minimum(g)
    assert domain.contains(y)
    assert all(g @ y <= g @ z + 1e-9 for z in vertices_and_draws(domain))


# Against a general solver


@pytest.mark.parametrize("seed", range(5))
@pytest.mark.parametrize("domain", [Ball(CENTER, 1.5), Simplex(D, total=2.0)], ids=repr)
def test_against_a_general_solver(domain, seed):
    make = torch.Generator().manual_seed(seed)
    x = 3 * torch.randn(D, dtype=torch.float64, generator=make)
    w = 10.0 ** torch.randn(D, dtype=torch.float64, generator=make)
    if isinstance(domain, Ball):
        inside = {"type": "ineq", "fun": lambda y: 1.5**2 - ((y - CENTER.numpy()) ** 2).sum()}
        bounds = None
    else:
        inside = {"type": "eq", "fun": lambda y: y.sum() - 2.0}
        bounds = [(0, None)] * D
    found = minimize(
        lambda y: (w.numpy() * (y - x.numpy()) ** 2).sum(),
        domain(x).numpy(),
        constraints=[inside],
        bounds=bounds,
        method="SLSQP",
        options={"ftol": 1e-14, "maxiter": 500},
    )
    ours = domain.project(x, w)
    close(ours, torch.tensor(found.x), 1e-5)
    assert float((w * (ours - x) ** 2).sum()) <= found.fun * (1 + 1e-7)


# Far points, extreme weights, single precision


@each
@pytest.mark.parametrize("ratio", [1e6, 1e12, 1e100, 1e300])
def test_extreme_weights(domain, ratio):
    x = t(3, -4, 5, 9)
    for w in (t(ratio, 1, 1, 1), t(1, ratio, ratio, 1), t(1 / ratio, 1, 1, 1)):
        y = domain.project(x, w)
        assert domain.contains(y, 1e-10), y


def test_weighted_ball_converges_where_weights_span_decades():
    # The multiplier equation, solved to rounding: w (x - y) is parallel to y - c.
    make = torch.Generator().manual_seed(0)
    for _ in range(200):
        w = 10.0 ** (12 * torch.rand(D, dtype=torch.float64, generator=make) - 6)
        x = 100 * torch.randn(D, dtype=torch.float64, generator=make)
        y = Ball(d=D).project(x, w)
        pull = w * (x - y)
        assert float(pull @ y / (torch.linalg.vector_norm(pull))) == pytest.approx(1, abs=1e-12)


@pytest.mark.parametrize(
    ("domain", "x", "nearest"),
    [
        (Ball(d=3), (3, 0.25, 5), (1, 0, 0)),  # the first alone fills the ball
        (Ball(d=3), (0.6, 3, 4), (0.6, 0.48, 0.64)),  # and leaves a disc of radius 0.8
        (Simplex(3), (2, 0.5, 0.5), (1, 0, 0)),
        (Simplex(3), (0.25, 0, 1), (0.25, 0, 0.75)),  # the first is not moved
        (Box(-1, 1, d=3), (3, -3, 0.5), (1, -1, 0.5)),
        (Space(3), (3, -3, 0.5), (3, -3, 0.5)),
    ],
    ids=str,
)
def test_a_weight_of_zero_is_the_limit_of_small_ones(domain, x, nearest):
    close(domain.project(t(*x), weights=t(2, 0, 0)), t(*nearest))
    errors = []
    for small in (1e-3, 1e-6, 1e-9):
        projected = domain.project(t(*x), weights=t(2, small, small))
        errors.append((projected - t(*nearest)).abs().max().item())
    assert errors[0] >= errors[-1]
    assert errors[-1] < 1e-4


def test_weights_that_are_all_zero_are_equal_weights():
    for domain in DOMAINS:
        x = 3 * torch.arange(D, dtype=torch.float64)
        close(domain.project(x, torch.zeros_like(x)), domain.project(x), tol=0)


def test_far_points():
    far = 2.0**50  # where a sum of two such numbers has no digits left for 0.25
    close(Simplex(3)(t(far + 0.25, far, 0)), t(0.625, 0.375, 0))
    close(Ball(d=2)(t(3e15, 4e15)), t(0.6, 0.8))


def test_single_precision_stays():
    assert Ball(d=2)(torch.tensor([3.0, 4.0])).dtype == torch.float32
    assert Simplex(2).project(torch.ones(2), torch.ones(2)).dtype == torch.float32


# Bad input


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: Ball(d=2, radius=-1.0), "radius is -1.0"),
        (lambda: Ball([1.0, 2.0], d=3), "center has 2 entries, d is 3"),
        (lambda: Box(1, -1, d=2), "low must not be above high"),
        (lambda: Box([0.0, 0.0], [1.0, 1.0, 1.0]), "2 and 3 entries, d is 3"),
        (lambda: Box(-math.inf, 1, d=2), "finite"),
        (lambda: Simplex(3, total=0.0), "total is 0.0"),
        (lambda: Simplex(0), "at least 1"),
        (lambda: Space(2.5), "whole number"),
        (lambda: Ball(d=2)(t(1, 2, 3)), r"x has shape \(3,\)"),
        (lambda: Ball(d=2).project(t(1, 2), t(1)), r"weights has shape \(1,\)"),
        (lambda: Ball(d=2).project(t(1, 2), t(1, -1)), "weights must be finite and not negative"),
        (lambda: Simplex(2).project(t(1, 2), t(1, math.nan)), "weights must be finite"),
    ],
)
def test_bad_input_gets_one_clear_line(make, message):
    with pytest.raises(ValueError, match=message) as error:
        make()
    assert "\n" not in str(error.value)


def test_limits_given_as_numbers_are_not_rounded_to_single_precision():
    far = torch.full((1,), 9.0, dtype=torch.float64)
    assert Box(-0.1, 0.1, d=1)(far).item() == Box([-0.1], [0.1])(far).item() == 0.1
    assert Ball(0.1, 0.0, d=1)(far).item() == 0.1
