"""Muon: by hand, what its step is of singular values, and what it does not depend on."""

import math

import numpy as np
import pytest
import sympy
import torch
from walk import assert_same, path, randn, tensor, walk

from optlab.ops import matmul, polar, transpose
from optlab.rules import State, muon, muon_polar
from optlab.rules.muon import like_adamw, newton_schulz, of_outputs, original, quintic
from optlab.symbolic import Matrix

POLAR = {"lr": 0.1, "momentum": 0.9, "weight_decay": 0.3}
ABC = (3.4445, -4.775, 2.0315)
BOTH = [(muon, {"lr": 0.1, "weight_decay": 0.3}), (muon_polar, POLAR)]
X, G = randn(4, 3), randn(6, 4, 3, seed=1)


def polynomial(s):
    return ABC[0] * s + ABC[1] * s**3 + ABC[2] * s**5


def five(s):
    for _ in range(5):
        s = polynomial(s)
    return s


def orthogonal(n, seed):
    return torch.linalg.qr(randn(n, n, seed=seed))[0]


def test_two_steps_by_hand():
    # M = G/2 = diag(1.5, -2) has the polar factor diag(1, -1). Then M = diag(0.75, -1) + G/2 is
    # 5 times the rotation with cosine 0.6, which is its polar factor.
    settings = {"lr": 0.5, "momentum": 0.5, "weight_decay": 0.2, "nesterov": False}
    gradients = [tensor([[3.0, 0.0], [0.0, -4.0]]), tensor([[4.5, -8.0], [8.0, 8.0]])]
    x1 = [[1 - 0.5 * (1 + 0.2), 0], [0, 2 - 0.5 * (-1 + 0.4)]]
    x2 = [
        [x1[0][0] - 0.5 * (0.6 + 0.2 * x1[0][0]), -0.5 * -0.8],
        [-0.5 * 0.8, x1[1][1] - 0.5 * (0.6 + 0.2 * x1[1][1])],
    ]
    start = tensor([[1.0, 0.0], [0.0, 2.0]])
    assert_same(torch.stack(path(muon_polar, start, gradients, **settings)), [x1, x2])
    _, s = walk(muon_polar, start, gradients, **settings)
    assert_same(s.M, [[3, -4], [4, 3]])


def test_nesterov_s_step_by_hand():
    gradients = [tensor([[0.0, 4.0], [4.0, 0.0]]), tensor([[4.0, -2.0], [-2.0, 4.0]])]
    settings = {"lr": 1.0, "momentum": 0.5, "weight_decay": 0.0}
    steps = path(muon_polar, torch.zeros(2, 2, dtype=torch.float64), gradients, **settings)
    # M = [[0, 2], [2, 0]], then [[2, 0], [0, 2]], and D = [[3, -1], [-1, 3]], which is positive.
    assert_same(steps[0], [[0, -1], [-1, 0]])
    assert_same(steps[1], [[-1, -1], [-1, -1]])


def test_singular_values_pass_through_the_polynomial_five_times():
    # diag(3, 4) has the norm 5, so that the values are 0.6 and 0.8 at first.
    x, _ = muon(0 * tensor([[3.0, 0], [0, 4]]), tensor([[3.0, 0], [0, 4]]), State(M=0), 1, lr=1.0)
    assert_same(x, [[-five(0.6), 0], [0, -five(0.8)]])
    for shape in [(3, 5), (5, 3), (1, 4), (4, 1)]:
        g = randn(*shape)
        u, s, vt = np.linalg.svd(g.numpy(), full_matrices=False)
        expected = u @ np.diag(five(s / np.linalg.norm(s))) @ vt
        assert_same(newton_schulz(g, *ABC, 1e-7, False), expected, rtol=1e-9)
        assert_same(newton_schulz(g, *ABC, 1e-7, True), expected, rtol=1e-9)


def test_the_five_steps_leave_values_about_one():
    s = np.geomspace(0.01, 1, 5000)
    assert 0.65 < five(s).min() < 0.75
    assert 1.1 < five(s).max() < 1.25
    assert five(1e-4) == pytest.approx(1e-4 * ABC[0] ** 5, rel=1e-3)


@pytest.mark.parametrize(("rule", "settings"), BOTH)
def test_a_rotation_on_either_side_is_one_of_the_whole_path(rule, settings):
    left, right = orthogonal(4, 7), orthogonal(3, 8)
    turned = path(rule, left @ X @ right, left @ G @ right, **settings)
    expected = [left @ p @ right for p in path(rule, X, G, **settings)]
    assert_same(torch.stack(turned), torch.stack(expected), rtol=1e-8, atol=1e-9)


def test_a_rotation_passes_through_the_polynomial_on_symbols():
    """Any of them: entries x and y with x² + y² = 1."""
    a, b, c, x, y, *u = sympy.symbols("a b c x y u v w", real=True)
    U = Matrix([[u[0], u[1]], [0, u[2]]])
    Q = Matrix([[x, -y], [y, x]])

    def once(Y):
        return quintic(Y, matmul(Y, transpose(Y)), a, b, c, False)

    def same(one, other):
        differences = ((one - other)[i, j].expand() for i in (0, 1) for j in (0, 1))
        return all(sympy.rem(d, x**2 + y**2 - 1, y) == 0 for d in differences)

    assert same(once(matmul(Q, U)), matmul(Q, once(U)))
    assert same(once(matmul(U, Q)), matmul(once(U), Q))
    assert not same(once(U + Q), once(U) + once(Q))


@pytest.mark.parametrize(("rule", "settings"), BOTH)
@pytest.mark.parametrize("scale", [1e-3, 2.0**20])
def test_the_scale_of_the_gradients_does_not_matter(rule, settings, scale):
    scaled = walk(rule, X, scale * G, **settings)[0]
    assert_same(scaled, walk(rule, X, G, **settings)[0], rtol=1e-9)


def test_an_average_or_a_sum_of_gradients_is_the_same_momentum():
    """The text of the post and torch's documentation add gradients up, their codes average."""
    total, p = torch.zeros_like(X), X
    for g in G:
        total = 0.9 * total + g
        p = p - 0.1 * (original(X) * polar(0.9 * total + g) + 0.3 * p)
    assert_same(walk(muon_polar, X, G, **POLAR)[0], p, rtol=1e-10)


def test_the_first_polar_step_is_one_of_shampoo_without_memory():
    """Gupta et al. (2018), Algorithm 1: L^(-1/4) G R^(-1/4), with L = G Gᵀ and R = Gᵀ G alone."""

    def root(a):
        values, vectors = torch.linalg.eigh(a)
        return vectors @ torch.diag(values ** (-1 / 4)) @ vectors.T

    g = randn(4, 4, seed=3)
    assert_same(root(g @ g.T) @ g @ root(g.T @ g), polar(g), rtol=1e-9)


def test_no_matrix_of_spectral_norm_1_falls_steeper_than_the_polar_factor():
    g = randn(3, 5)
    steepest = (g * polar(g)).sum()
    assert_same(steepest, torch.linalg.svdvals(g).sum())
    others = randn(500, 3, 5, seed=2)
    others = others / torch.linalg.matrix_norm(others, 2, keepdim=True)
    assert ((g * others).sum((1, 2)) < steepest).all()


@pytest.mark.parametrize("shape", [(3, 5), (5, 3), (4,), (), (2, 3, 2), (2, 0)])
def test_the_polar_factor_has_orthonormal_rows_or_columns(shape):
    x = randn(*shape, 1).squeeze(-1)
    assert polar(x).shape == x.shape
    u = polar(x).reshape(x.shape[0] if shape else 1, -1)
    square = u @ u.T if u.shape[0] <= u.shape[1] else u.T @ u
    eye = torch.eye(len(square), dtype=torch.float64)
    assert_same(square, eye if x.numel() else 0 * square, rtol=1e-12, atol=1e-12)


def test_where_a_singular_value_is_zero_the_step_is():
    flat = tensor([[3.0, 4.0], [6.0, 8.0]])  # of rank one
    assert_same(polar(flat), flat / flat.norm(), rtol=1e-12)
    assert polar(0 * flat).tolist() == [[0, 0], [0, 0]]
    assert walk(muon, flat, [0 * flat], lr=1.0)[0].tolist() == flat.tolist()
    assert polar(torch.full((2, 2), torch.nan)).isnan().all()
    single = polar(torch.outer(randn(40), randn(30, seed=1)).float())
    assert torch.linalg.matrix_rank(single) == 1  # though rounding leaves others


@pytest.mark.parametrize(
    ("scale", "values"),
    [
        (original, (1.0, 2.0, 1.0)),
        (like_adamw, (0.2 * math.sqrt(8), 0.2 * math.sqrt(8), 0.2 * math.sqrt(12))),
        (of_outputs, (0.5, 2.0, 1 / math.sqrt(3))),
    ],
)
def test_the_scales_by_hand(scale, values):
    shapes = [(2, 8), (8, 2), (4, 3, 2, 2)]
    found = [float(scale(torch.zeros(shape, dtype=torch.float64))) for shape in shapes]
    assert found == pytest.approx(values)


def test_with_the_scale_of_liu_et_al_an_entry_is_0_2_in_root_mean_square():
    for shape in [(30, 50), (50, 30), (40, 40)]:
        step = muon_polar.with_flags(scale=like_adamw)
        x = torch.zeros(shape, dtype=torch.float64)
        x, _ = step(x, randn(*shape), State(M=x), 1, lr=1.0, momentum=0.9, weight_decay=0)
        assert_same((x**2).mean().sqrt(), 0.2)


def test_flags_make_another_rule_and_only_flags():
    tall = muon.with_flags(tall=True, scale=of_outputs)
    assert (tall.name, tall.flags["tall"], muon.flags["tall"]) == ("muon", True, False)
    assert_same(
        walk(tall, X, G, lr=0.1)[0],
        walk(muon, X, G, lr=0.1, tall=True, scale=of_outputs)[0],
    )
    with pytest.raises(ValueError, match="muon has no flag lr"):
        muon.with_flags(lr=0.1)


def test_numbers_and_tensors_agree():
    """Of a number, the polar factor is the sign."""
    on_numbers = path(muon_polar, -2.0, [1.0, -30.0, 0.5, 0.0], **POLAR)
    gradients = tensor([[[1.0]], [[-30.0]], [[0.5]], [[0.0]]])
    on_tensors = path(muon_polar, tensor([[-2.0]]), gradients, **POLAR)
    assert_same(torch.cat(on_tensors).flatten(), on_numbers)
    assert on_numbers[0] == -2 - 0.1 * (1 - 0.6)
    on_numbers = path(muon, -2.0, [1.0, -30.0, 0.5], lr=0.1)
    assert_same(
        torch.cat(path(muon, tensor([[-2.0]]), gradients[:3], lr=0.1)).flatten(), on_numbers
    )
