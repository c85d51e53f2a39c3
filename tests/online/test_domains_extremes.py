"""Domains of any size: numbers from the smallest float to the largest, checked in exact fractions.

Squares and sums of such numbers are zero or infinite in floating point; here they are calculated
as fractions, which have no range.
"""

import functools
import inspect
import itertools
import math
import sys
from fractions import Fraction

import numpy as np
import pytest
import torch
from hypothesis import example, given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from optlab.online import Ball, Box, Simplex, Space

SIZES = [1e-320, 3e-160, 1e-20, 1.0, 1e20, 3e160, 1e308]
DIMENSIONS = [1, 2, 5]
EPS = Fraction(2) ** -52
ULP = Fraction(math.ulp(0.0))  # where numbers are subnormal each rounding is one of these


def product(*axes):
    return list(itertools.product(*axes))


def each_dimension(test):
    return _each("d", DIMENSIONS, test)


def each_size(test):
    return _each("size", SIZES, test)


def _each(name, values, test):
    """The test for all values, as one: there are too many combinations to name each."""

    @functools.wraps(test)
    def for_all(**arguments):
        for value in values:
            test(**arguments, **{name: value})

    signature = inspect.signature(test)
    others = [p for p in signature.parameters.values() if p.name != name]
    for_all.__signature__ = signature.replace(parameters=others)
    return for_all


def exact(x):
    return [Fraction(v) for v in torch.as_tensor(x).double().tolist()]


def square(v):
    return sum(x * x for x in v)


def direction(d, seed=0):
    make = torch.Generator().manual_seed(seed)
    u = torch.randn(d, dtype=torch.float64, generator=make)
    return u / u.abs().max()


def inside_ball(ball, y, extra=0):
    c, r = exact(ball.center), Fraction(ball.radius)
    size = max(r, *map(abs, c))
    length = square([a - b for a, b in zip(exact(y), c, strict=True)])
    return length <= (r + 8 * EPS * size + (extra + ball.d) * ULP * any(c)) ** 2


def inside_simplex(simplex, y):
    v, total = exact(y), Fraction(simplex.total)
    slack = (16 + 8 * simplex.d) * EPS * total + simplex.d * ULP
    return min(v) >= 0 and abs(sum(v) - total) <= slack


def finite(y):
    return bool(torch.isfinite(y).all())


# The gradient and the radius of the report: 3e-160 has a square of zero


def test_a_small_gradient_does_not_leave_the_ball():
    y = Ball(d=3).linear_minimum(torch.full((3,), 3e-160, dtype=torch.float64))
    torch.testing.assert_close(y, torch.full((3,), -(3**-0.5), dtype=torch.float64))


@pytest.mark.parametrize(("radius", "size"), product([0.0, *SIZES], [0.0, *SIZES]))
@each_dimension
def test_ball(d, radius, size):
    ball = Ball(d=d, radius=radius)
    x = direction(d) * size
    r, length = Fraction(radius), square(exact(x))
    for y, towards in [(ball(x), x), (ball.linear_minimum(x), -x)]:
        assert finite(y)
        assert ball.contains(y, tol=0)
        assert inside_ball(ball, y)
        if length and (towards is not x or length > r * r):
            # on the sphere, in the direction of x
            assert square(exact(y)) >= (r * (1 - 8 * EPS) - 2 * d * ULP) ** 2 or r < 2 * d * ULP
            dot = sum(a * b for a, b in zip(exact(y), exact(towards), strict=True))
            slack = 1 - 16 * EPS - (0 if radius > 1e-290 else Fraction(1, 50))
            slack -= 0 if size > 1e-290 else Fraction(1, 50)
            assert dot >= 0
            assert dot * dot >= slack * square(exact(y)) * length
    if length <= r * r:
        assert ball(x) is x
    assert ball.contains(x, tol=0) == (length <= (r * (1 + (16 + 8 * d) * EPS) + 8 * d * ULP) ** 2)
    assert 0 <= ball.diameter == min(2 * radius, sys.float_info.max)


@pytest.mark.parametrize(("center", "radius"), product(SIZES, SIZES))
@each_dimension
@each_size
def test_ball_with_a_center(d, center, radius, size):
    ball = Ball(direction(d, 1) * min(center, 7e307), radius)
    for y in (ball(direction(d) * size), ball.linear_minimum(direction(d) * size)):
        assert finite(y)
        assert ball.contains(y, tol=0)
        assert inside_ball(ball, y, extra=1)


@pytest.mark.parametrize(("low", "high"), product(SIZES, SIZES))
@each_dimension
@each_size
def test_box(d, low, high, size):
    box = Box(-low, high, d=d)
    x = direction(d) * size
    nearest = [min(max(v, -low), high) for v in x.tolist()]
    assert box(x).tolist() == nearest
    assert box.linear_minimum(x).tolist() == [-low if v > 0 else high for v in x.tolist()]
    assert box.contains(box(x), tol=0)
    assert box.contains(x, tol=0) == all(
        -low - 64 * 2**-52 * low <= v <= high + 64 * 2**-52 * high for v in x.tolist()
    )
    side = Fraction(low) + Fraction(high)
    diameter = Fraction(box.diameter)
    if diameter < sys.float_info.max:
        assert abs(diameter**2 - d * side**2) <= 8 * EPS * diameter**2 + 8 * diameter * ULP
    else:
        assert d * side**2 >= diameter**2 * (1 - 8 * EPS)


@pytest.mark.parametrize(("total", "size"), product(SIZES, [0.0, *SIZES]))
@each_dimension
def test_simplex(d, total, size):
    simplex = Simplex(d, total)
    x = direction(d) * size
    y = simplex(x)
    assert inside_simplex(simplex, y)
    assert simplex.contains(y, tol=0)
    # y = x - nu where it is positive, to rounding, and x <= nu elsewhere
    nus = [a - b for a, b in zip(exact(x), exact(y), strict=True) if b > 0]
    slack = 64 * EPS * (max(map(abs, exact(x))) + Fraction(total)) + 4 * d * ULP
    assert max(nus) - min(nus) <= slack
    assert all(a <= max(nus) + slack for a, b in zip(exact(x), exact(y), strict=True) if b == 0)
    z = simplex.linear_minimum(x)
    assert z.tolist() == [total if i == int(x.argmin()) else 0 for i in range(d)]
    assert simplex.contains(z, tol=0)
    assert math.isfinite(simplex.diameter)
    assert not simplex.contains(simplex.linear_minimum(x) * (0.5 if total > 1e-310 else 0), tol=0)


@pytest.mark.parametrize("size", [*SIZES, sys.float_info.max, 5e-324])
def test_space(size):
    x = direction(3) * size
    assert Space(3)(x) is x
    assert Space(3).contains(x)
    with pytest.raises(ValueError, match="no minimum"):
        Space(3).linear_minimum(x)


# Anything, drawn

EDGES = [0.0, 5e-324, 1e-320, 2.3e-308, 3e-160, 1.0, 3e160, 1e308]
entries = st.one_of(
    st.sampled_from(EDGES + [-v for v in EDGES]),
    st.floats(-1e308, 1e308),
    st.floats(-2, 2),
    st.integers(-320, 307).map(lambda e: float(f"1e{e}")),
)
sizes = st.one_of(st.sampled_from(EDGES[1:]), st.integers(-320, 307).map(lambda e: float(f"3e{e}")))
vectors = st.integers(1, 5).flatmap(lambda d: arrays(np.float64, d, elements=entries))
weights = st.one_of(
    st.just(0.0), st.floats(0, 1e308), st.integers(-320, 307).map(lambda e: 10.0**e)
)


@given(x=vectors, radius=sizes, w=st.lists(weights, min_size=5, max_size=5), drawn=st.data())
@example(np.array([1.0, -1e308]), 1e-320, [1e-320, 1e308, 0, 0, 0], None)
@settings(max_examples=150, deadline=None)
def test_balls_of_any_size_keep_their_promise(x, radius, w, drawn):
    x = torch.tensor(x)
    d = len(x)
    c = [0.0] * d
    if drawn is not None and drawn.draw(st.booleans()):
        c = drawn.draw(st.lists(entries.map(lambda v: v / 4), min_size=d, max_size=d))
    ball = Ball(c, radius)
    for y in (
        ball(x),
        ball.project(x, torch.tensor(w[:d], dtype=torch.float64)),
        ball.linear_minimum(x),
    ):
        assert finite(y)
        assert ball.contains(y, tol=0)
        assert inside_ball(ball, y, extra=1)


@given(x=vectors, total=sizes, w=st.lists(weights, min_size=5, max_size=5))
@example(np.array([1e20, 1.0]), 1.0, [1.0, 1e-10, 0, 0, 0])
@example(np.array([1e308, -1e308]), 1e-320, [1.0, 1e-160, 0, 0, 0])
@example(np.array([-1e308, 1e-300, 1e-310]), 1e-320, [1.0, 1.0, 1.0, 0, 0])
@settings(max_examples=150, deadline=None)
def test_simplexes_of_any_size_keep_their_promise(x, total, w):
    x = torch.tensor(x)
    simplex = Simplex(len(x), total)
    for y in (simplex(x), simplex.project(x, torch.tensor(w[: len(x)], dtype=torch.float64))):
        assert inside_simplex(simplex, y)
        assert simplex.contains(y, tol=0)


@given(x=vectors, total=sizes, w=st.lists(st.integers(-20, 20), min_size=5, max_size=5))
@settings(max_examples=100, deadline=None)
def test_a_weighted_projection_on_the_simplex_is_optimal_in_fractions(x, total, w):
    """Stationarity: w (x - y) is one number nu where y > 0, and w x <= nu elsewhere. The slack
    is the rounding of the largest number that takes part."""
    w = torch.tensor([2.0**e for e in w[: len(x)]], dtype=torch.float64)
    total = max(total, 1e-290)
    x = torch.tensor(x)
    y = Simplex(len(x), total).project(x, w)
    wx = [a * b for a, b in zip(exact(w), exact(x), strict=True)]
    nu = [b - a * v for b, a, v in zip(wx, exact(w), exact(y), strict=True)]
    taking = [i for i, v in enumerate(y.tolist()) if v > 0]
    size = max(abs(wx[i]) for i in taking) + Fraction(total) * max(exact(w))
    slack = 2**10 * EPS * size + 16 * ULP * max(exact(w))
    high, low = max(nu[i] for i in taking), min(nu[i] for i in taking)
    assert high - low <= slack
    assert all(wx[i] <= high + slack for i in range(len(x)) if i not in taking)


@pytest.mark.parametrize("dtype", [torch.float32, torch.float16, torch.bfloat16])
def test_lower_precision_is_rounded_once_and_contained(dtype):
    x = torch.tensor([3.0, -4.0, 0.1], dtype=dtype)
    for domain in (Ball([0.1, 0.2, 0.3], 0.7), Box(-0.1, 0.1, d=3), Simplex(3, 0.3), Space(3)):
        y = domain(x)
        assert y.dtype == dtype
        assert domain.contains(y, tol=0)
        assert torch.equal(y, domain(x.double()).to(dtype))
    for domain in (Ball(d=3, radius=1e300), Box(-1e300, 1e300, d=3), Simplex(3, 1e300)):
        with pytest.raises(ValueError, match=f"beyond the range of {dtype}; use torch.float64"):
            domain.linear_minimum(x)


DOMAINS = [Box(-1, 1, d=2), Ball(d=2), Simplex(2), Space(2)]


@pytest.mark.parametrize("domain", DOMAINS, ids=repr)
@pytest.mark.parametrize("value", [math.nan, math.inf, -math.inf])
def test_what_is_not_finite_is_refused_in_one_line(domain, value):
    x = torch.tensor([0.0, value], dtype=torch.float64)
    assert not domain.contains(x)
    for call, name in [
        (lambda: domain(x), "x"),
        (lambda: domain.project(x, torch.ones(2)), "x"),
        (lambda: domain.project(torch.ones(2).double(), x), "weights"),
        (lambda: domain.linear_minimum(x), "g"),
        (lambda: domain.linear_minimum(torch.tensor([-math.inf, math.inf])), "g"),
    ]:
        with pytest.raises(ValueError, match=f"^{name} must be finite") as caught:
            call()
        assert "\n" not in str(caught.value)


@pytest.mark.parametrize("domain", DOMAINS, ids=repr)
def test_whole_numbers_are_not_silently_rounded(domain):
    with pytest.raises(ValueError, match=r"x must be a tensor of floating numbers; .* torch.int64"):
        domain(torch.tensor([3, 4]))


@pytest.mark.parametrize(
    ("make", "says"),
    [
        (lambda: Ball(1e308, 1e308, d=2), "the ball has no end in range"),
        (lambda: Ball(0.0, math.inf, d=2), "radius is inf"),
        (lambda: Ball(math.nan, 1.0, d=2), "finite"),
        (lambda: Simplex(2, math.inf), "total is inf"),
        (lambda: Box(0, math.inf, d=2), "finite"),
    ],
)
def test_sets_without_an_end_are_refused(make, says):
    with pytest.raises(ValueError, match=says):
        make()
