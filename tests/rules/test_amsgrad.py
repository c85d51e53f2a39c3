"""AMSGrad: by hand, its divisor never falls, and its projection is in the metric √v̂."""

import itertools
import math

import pytest
import torch
from scipy.optimize import minimize_scalar
from walk import assert_same, path, randn, tensor, walk

from optlab.online import Ball, Box, Simplex
from optlab.rules import State, adam, amsgrad

HYPER = {"lr": 0.1, "beta1": 0.5, "beta2": 0.75, "eps": 0.5}


def test_two_steps_by_hand():
    # g = 4: m = 2, v = 4 = v̂, 1 - 0.2/2.5; then g = -1: m = 0.5, v = 3.25, but v̂ stays 4:
    # 0.92 - 0.05/2.5.
    assert path(amsgrad, 1.0, [4.0, -1.0], **HYPER) == pytest.approx([0.92, 0.9], rel=1e-14)
    assert walk(amsgrad, 1.0, [4.0, -1.0], **HYPER)[1] == State(m=0.5, v=3.25, v_hat=4.0)


def test_while_v_grows_it_is_adam_without_bias_correction():
    growing = [1.1**t for t in range(30)]
    p, m, v = 1.0, 0.0, 0.0
    for g in growing:
        m, v = 0.5 * m + 0.5 * g, 0.75 * v + 0.25 * g * g
        p -= 0.1 * m / (math.sqrt(v) + 0.5)
    ours, s = walk(amsgrad, 1.0, growing, **HYPER)
    assert ours == pytest.approx(p, rel=1e-12)
    assert s.v_hat == s.v


def test_a_schedule_of_beta1_changes_from_step_to_step():
    # β₁ₜ = 0.5/t: m = 2, then 0.25 · 2 + 0.75 · (-1) = -0.25
    p, s = amsgrad(1.0, 4.0, amsgrad.init(1.0), 1, **{**HYPER, "beta1": 0.5})
    p, s = amsgrad(p, -1.0, s, 2, **{**HYPER, "beta1": 0.25})
    assert s.m == -0.25
    assert p == pytest.approx(0.92 + 0.025 / 2.5, rel=1e-14)


def divisors_of_torch(gradients, lr, beta2):
    """What torch.optim.Adam(amsgrad=True) with beta1 = 0 divides by, read off its steps."""
    p = torch.nn.Parameter(tensor(0.0))
    made = torch.optim.Adam([p], lr=lr, betas=(0.0, beta2), eps=0.0, amsgrad=True)
    divisors = []
    for g in gradients:
        before = p.item()
        p.grad = tensor(g)
        made.step()
        divisors.append(lr * g / (before - p.item()))
    return divisors


def test_after_one_spike_the_divisor_never_falls_and_torch_s_does():
    gradients = [1.0] + [1e-2] * 1999
    hyper = {"lr": 1e-3, "beta1": 0.0, "beta2": 0.999, "eps": 0.0}
    points = [0.0, *path(amsgrad, 0.0, gradients, **hyper)]
    steps = [a - b for a, b in itertools.pairwise(points)]
    ours = [1e-3 * g / step for g, step in zip(gradients, steps, strict=True)]
    assert all(b >= a * (1 - 1e-9) for a, b in itertools.pairwise(ours))
    assert ours[0] == pytest.approx(0.001**0.5, rel=1e-12)
    theirs = divisors_of_torch(gradients, lr=1e-3, beta2=0.999)
    assert theirs[0] ** 2 == pytest.approx(1.0, rel=1e-6)
    assert theirs[-1] ** 2 == pytest.approx(1.2e-3, rel=0.05)


def test_v_hat_is_monotone_on_random_gradients_and_adam_s_v_is_not():
    gradients = randn(2000, 5) * torch.logspace(0, -3, 2000, dtype=torch.float64)[:, None]
    p, s, u = randn(5), amsgrad.init(randn(5)), adam.init(randn(5))
    falls = 0
    for t, g in enumerate(gradients, start=1):
        old, old_v = s.v_hat, u.v
        p, s = amsgrad(p, g, s, t, lr=0.01, beta1=0.9, beta2=0.9, eps=0)
        _, u = adam(p, g, u, t, lr=0.01, beta1=0.9, beta2=0.9, eps=0)
        assert (s.v_hat >= old).all()
        assert (s.v_hat >= s.v).all()
        falls += (u.v < old_v).sum().item()
    assert falls > 5000


def test_zero_over_zero_is_zero():
    settings = {**HYPER, "eps": 0.0}
    assert path(amsgrad, 1.0, [0.0, 0.0], **settings) == [1.0, 1.0]
    p, _ = walk(amsgrad, tensor([1.0, 1.0]), [tensor([0.0, 4.0])], **settings)
    assert p.tolist() == [1.0, 0.9]


START, GRADIENTS = 0.1 * randn(3), randn(20, 3, seed=1)


def test_in_a_huge_box_nothing_is_projected():
    free = path(amsgrad, START, GRADIENTS, **HYPER)
    boxed = path(amsgrad, START, GRADIENTS, **HYPER, project=Box(-1e6, 1e6, d=3))
    assert_same(torch.stack(boxed), torch.stack(free))


def test_in_a_box_the_metric_makes_no_difference():
    hyper = {**HYPER, "lr": 1.0}
    box = Box(-0.2, 0.2, d=3)
    ours = path(amsgrad, START, GRADIENTS, **hyper, project=box)
    clipped = path(amsgrad, START, GRADIENTS, **hyper, project=lambda x, h: x.clamp(-0.2, 0.2))
    assert_same(torch.stack(ours), torch.stack(clipped))
    assert torch.stack(ours).abs().max() == 0.2


def one_step(domain):
    """A step far out of the domain, with h = √v̂ = (0.5, 2): the point reached, and h."""
    g = tensor([1.0, 4.0])
    settings = {"lr": 4.0, "beta1": 0.0, "beta2": 0.75, "eps": 0.0}
    p, s = walk(amsgrad, tensor([0.25, 0.75]), [-g], **settings, project=domain)
    assert s.v_hat.sqrt().tolist() == [0.5, 2.0]
    return p, tensor([0.25 + 4.0 / 0.5, 0.75 + 16.0 / 2.0])


def nearest(weights, curve, y):
    """The point of a curve on [0, 1] with the least Σ weights (point - y)²."""
    found = minimize_scalar(
        lambda a: sum(w * (c - b) ** 2 for w, c, b in zip(weights, curve(a), y, strict=True)),
        bounds=(0, 1),
        options={"xatol": 1e-13},
    )
    return tensor(curve(found.x))


CURVES = {
    "ball": (
        Ball(d=2),
        lambda a: (math.cos(a * math.pi / 2), math.sin(a * math.pi / 2)),
    ),
    "simplex": (Simplex(2, total=10.0), lambda a: (10 * a, 10 * (1 - a))),
}


@pytest.mark.parametrize("name", CURVES)
def test_the_projection_is_nearest_in_the_metric_of_the_square_root_of_v_hat(name):
    domain, curve = CURVES[name]
    p, y = one_step(domain)
    assert_same(p, nearest((0.5, 2.0), curve, y.tolist()), rtol=1e-6)
    for wrong in ((1.0, 1.0), (0.25, 4.0)):  # the Euclidean metric, and that of v̂ itself
        assert (p - nearest(wrong, curve, y.tolist())).norm() > 0.05


@pytest.mark.parametrize("domain", [Ball(d=3), Simplex(3), Box(-0.5, 0.5, d=3)], ids=repr)
def test_with_eps_0_a_coordinate_without_gradient_has_no_weight_and_can_be_projected(domain):
    start = domain(tensor([0.25, 0.5, 0.25]))
    for second in (0.0, 1e-12):  # a gradient that never came, and one that hardly did
        p = start
        s = amsgrad.init(p)
        for t in range(1, 6):
            g = tensor([-1.0, second, 0.5])
            p, s = amsgrad(p, g, s, t, lr=0.5, beta1=0.0, beta2=0.9, eps=0, project=domain)
            assert domain.contains(p)
        assert (s.v_hat[1] == 0) == (second == 0)
    p, _ = walk(amsgrad, start, [torch.zeros(3)], **{**HYPER, "eps": 0.0}, project=domain)
    assert_same(p, start)
