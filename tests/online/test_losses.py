"""Losses: values by hand, the subgradient inequality, totals, and their constants."""

import math

import pytest
import torch
from torch.autograd.functional import hessian

from optlab.online import Ball, Box, Hinge, Linear, Logistic, Simplex, Squared

T, D = 40, 3


def data(seed=0):
    make = torch.Generator().manual_seed(seed)
    z = torch.randn(T, D, dtype=torch.float64, generator=make)
    y = torch.where(torch.rand(T, generator=make) < 0.5, -1.0, 1.0).double()
    return z, y


def all_losses(seed=0):
    z, y = data(seed)
    return [Linear(z), Logistic(z, y), Hinge(z, y), Hinge(z, y, smoothing=0.3), Squared(z, y)]


each = pytest.mark.parametrize("losses", all_losses(), ids=lambda f: type(f).__name__)


def draws(n, seed=1):
    make = torch.Generator().manual_seed(seed)
    return 2 * torch.randn(n, D, dtype=torch.float64, generator=make)


def test_by_hand():
    z = torch.tensor([[1.0, 2.0], [3.0, -1.0]], dtype=torch.float64)
    y = torch.tensor([1.0, -1.0])
    x = torch.tensor([1.0, 0.5], dtype=torch.float64)  # predictions 2 and 2.5
    assert Linear(z).value(2, x) == 2.5
    assert Hinge(z, y).value(1, x) == 0
    assert Hinge(z, y).value(2, x) == 3.5
    assert Hinge(z, y).subgradient(2, x).tolist() == [3, -1]
    assert Squared(z, y).value(2, x) == 3.5**2 / 2
    assert Squared(z, y).subgradient(2, x).tolist() == [3.5 * 3, -3.5]
    assert float(Logistic(z, y).value(2, x)) == pytest.approx(math.log(1 + math.exp(2.5)))
    assert float(Hinge(z, y, smoothing=1.0).value(2, x)) == 3


@each
def test_subgradient_inequality(losses):
    for t, (x, other) in enumerate(zip(draws(T), draws(T, seed=2), strict=True), start=1):
        tangent = losses.value(t, x) + losses.subgradient(t, x) @ (other - x)
        assert losses.value(t, other) >= tangent - 1e-12


def test_subgradient_at_the_kink():
    hinge = Hinge(torch.ones(1, 1), torch.ones(1))
    kink = torch.ones(1)
    g = hinge.subgradient(1, kink)
    for other in torch.linspace(-2, 3, 21):
        assert hinge.value(1, other[None]) >= hinge.value(1, kink) + g @ (other - kink) - 1e-6


@each
def test_gradients_agree_with_autograd(losses):
    x = draws(1)[0].requires_grad_()
    losses.total(x).backward()
    torch.testing.assert_close(losses.total_gradient(x.detach()), x.grad)


@each
@pytest.mark.parametrize("horizon", [1, 7, T])
def test_totals_are_sums_of_rounds(losses, horizon):
    x = draws(1)[0]
    rounds = range(1, horizon + 1)
    total = sum(losses.value(t, x) for t in rounds)
    gradient = sum(losses.subgradient(t, x) for t in rounds)
    torch.testing.assert_close(losses.total(x, horizon), total)
    torch.testing.assert_close(losses.total_gradient(x, horizon), gradient)
    points = draws(horizon)
    along = torch.stack([losses.value(t, p) for t, p in zip(rounds, points, strict=True)])
    torch.testing.assert_close(losses.values(points), along)


@each
@pytest.mark.parametrize("domain", [Ball(d=D, radius=2.0), Box(-1, 2, d=D), Simplex(D)], ids=repr)
def test_gradient_bound_holds_and_is_not_wasteful(losses, domain):
    seen = max(
        float(torch.linalg.vector_norm(losses.subgradient(t, domain.project(x))))
        for t in range(1, T + 1)
        for x in draws(200) * 10
    )
    G = losses.gradient_bound(domain)
    assert seen <= G * (1 + 1e-12)
    assert seen >= 0.5 * G


@each
def test_smoothness_and_strong_convexity(losses):
    if isinstance(losses, Hinge) and losses.smoothing == 0:
        assert losses.smoothness() == math.inf
        return
    for x in draws(20):
        spectrum = torch.linalg.eigvalsh(hessian(losses.total, x))
        assert spectrum[-1] <= losses.smoothness() + 1e-9
        assert spectrum[0] >= losses.strong_convexity() - 1e-9


def test_strong_convexity_needs_as_many_rounds_as_dimensions():
    squared = Squared(*data())
    assert squared.strong_convexity(T=D - 1) == 0
    assert squared.strong_convexity(T=D) > 0


def test_smoothed_hinge_is_below_by_at_most_the_excess():
    hinge = Hinge(*data())
    below = hinge.smoothed(0.1)
    for x in draws(50):
        for t in range(1, T + 1):
            assert -1e-12 <= hinge.value(t, x) - below.value(t, x) <= 0.1 + 1e-12


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda z, y: Linear(z[0]), r"shape \(T, d\)"),
        (lambda z, y: Linear(z.long()), "float matrix"),
        (lambda z, y: Squared(z, y[1:]), r"y must have shape \(40,\)"),
        (lambda z, y: Logistic(z, 2 * y), "labels y must be -1 or \\+1"),
        (lambda z, y: Hinge(z, y, smoothing=-1.0), "smoothing is -1.0"),
        (lambda z, y: Linear(z / 0), "finite"),
    ],
)
def test_bad_input(make, message):
    with pytest.raises(ValueError, match=message):
        make(*data())


def test_rounds_count_from_one():
    losses = Linear(data()[0])
    for t in (0, T + 1):
        with pytest.raises(IndexError, match=f"round {t} is outside 1, …, 40"):
            losses.value(t, draws(1)[0])
