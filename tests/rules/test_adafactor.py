"""Second moments in rows and columns: Adafactor and the deck's Algorithm 4."""

import math

import pytest
import torch
from walk import assert_same, path, randn, tensor, train_torch, walk

from optlab.ops import column_means, column_sums, row_means, row_sums, sqrt
from optlab.rules import State, adafactor, adafactor_vector, adam, factored_adam, with_decay

G1, G2 = [[1.0, 2.0], [3.0, 4.0]], [[0.0, 1.0], [-1.0, 0.0]]


def test_two_steps_of_factored_adam_by_hand():
    # beta2 = 0.5. Squares [[1, 4], [9, 16]] have row sums 5, 25 and column sums 10, 20: half of
    # each. V̂ = R C / 15 / 0.5. Then half of that and half of the sums 1, 1: R = 1.75, 6.75 and
    # C = 3, 5.5, which both sum to 8.5; V̂ = R C / 8.5 / 0.75.
    start = [[1.0, 1.0], [1.0, 1.0]]
    v1 = [[12.5 / 7.5, 25 / 7.5], [62.5 / 7.5, 125 / 7.5]]
    v2 = [[5.25 / 6.375, 9.625 / 6.375], [20.25 / 6.375, 37.125 / 6.375]]
    first = [[1 - 0.1 * G1[i][j] / (math.sqrt(v1[i][j]) + 0.5) for j in (0, 1)] for i in (0, 1)]
    second = [
        [first[i][j] - 0.1 * G2[i][j] / (math.sqrt(v2[i][j]) + 0.5) for j in (0, 1)] for i in (0, 1)
    ]
    settings = {"lr": 0.1, "beta2": 0.5, "eps": 0.5}
    points = path(factored_adam, tensor(start), [tensor(G1), tensor(G2)], **settings)
    assert_same(torch.stack(points), [first, second])
    _, s = walk(factored_adam, tensor(start), [tensor(G1), tensor(G2)], **settings)
    assert_same(s.R, [[1.75], [6.75]])
    assert_same(s.C, [[3.0, 5.5]])


def test_two_steps_of_adafactor_by_hand():
    # beta2 is 1 - 1/1 = 0, then 1 - 1/2; eps1 = 1 makes the squares [[2, 5], [10, 17]], with row
    # means 3.5, 13.5 and column means 6, 11, of mean 8.5; then [[1, 2], [2, 1]]: 1.5, 1.5, and
    # so R = 2.5, 7.5 and C = 3.75, 6.25, of mean 5. The rate is min(0.8, 1/√t).
    def step(x, g, r, c, average, rate, clipped):
        u = [[g[i][j] / math.sqrt(r[i] * c[j] / average) for j in (0, 1)] for i in (0, 1)]
        rms_u = math.sqrt(sum(e * e for row in u for e in row) / 4)
        rms_x = math.sqrt(sum(e * e for row in x for e in row) / 4)
        assert (rms_u > 0.5) == clipped
        factor = max(0.1, rms_x) * rate * (0.5 / rms_u if clipped else 1)
        return [[x[i][j] - factor * u[i][j] for j in (0, 1)] for i in (0, 1)]

    start = [[1.0, 2.0], [-2.0, 4.0]]
    first = step(start, G1, (3.5, 13.5), (6.0, 11.0), 8.5, 0.8, clipped=True)
    second = step(first, G2, (2.5, 7.5), (3.75, 6.25), 5.0, 1 / math.sqrt(2), clipped=False)
    settings = {"lr": 0.8, "beta2_decay": -1, "eps1": 1.0, "eps2": 0.1, "d": 0.5}
    points = path(adafactor, tensor(start), [tensor(G1), tensor(G2)], **settings)
    assert_same(torch.stack(points), [first, second])
    _, s = walk(adafactor, tensor(start), [tensor(G1), tensor(G2)], **settings)
    assert_same(s.R, [[2.5], [7.5]])
    assert_same(s.C, [[3.75, 6.25]])


def test_two_steps_of_adafactor_for_vectors_by_hand():
    # Squares + 1: (2, 10), then (5, 2): V = (3.5, 6). U = (1/√2, 3/√10): its root mean square
    # √0.7 is below d = 1; then (2/√3.5, -1/√6): √(0.5 (4/3.5 + 1/6)) = √0.6547… is too.
    # x has the root mean square 0.1, less than eps2 = 0.5.
    first = [0.1 - 0.5 * 0.3 / math.sqrt(2), -0.1 - 0.5 * 0.3 * 3 / math.sqrt(10)]
    second = [
        first[0] - 0.5 * 0.3 * 2 / math.sqrt(3.5),
        first[1] + 0.5 * 0.3 * 1 / math.sqrt(6),
    ]
    settings = {"lr": 0.3, "beta2_decay": -1, "eps1": 1.0, "eps2": 0.5, "d": 1.0}
    gradients = [tensor([1.0, 3.0]), tensor([2.0, -1.0])]
    points = path(adafactor_vector, tensor([0.1, -0.1]), gradients, **settings)
    assert_same(torch.stack(points), [first, second])


START, GRADIENTS = randn(5, 3), randn(12, 5, 3, seed=1)
PLAIN = {"lr": 1e-2, "beta2_decay": -0.8, "eps1": 1e-30, "eps2": 1e-3, "d": 1.0}
FACTORED = {"lr": 0.1, "beta2": 0.9, "eps": 1e-8}
RULES = [(adafactor, PLAIN), (factored_adam, FACTORED)]


@pytest.mark.parametrize(("rule", "settings"), RULES, ids=lambda x: getattr(x, "name", ""))
def test_the_transposed_problem_has_the_transposed_path(rule, settings):
    p, s = walk(rule, START, GRADIENTS, **settings)
    q, u = walk(rule, START.T, GRADIENTS.mT, **settings)
    assert_same(q, p.T)
    assert_same(u.R, s.C.T)
    assert_same(u.C, s.R.T)


@pytest.mark.parametrize(("rule", "settings"), RULES, ids=lambda x: getattr(x, "name", ""))
def test_a_squared_gradient_of_rank_one_is_kept_exactly(rule, settings):
    g = randn(5, 1) @ randn(1, 3, seed=1)
    settings = {**settings, "eps": 0.0} if "eps" in settings else settings
    p, _ = walk(rule, START, [g], **settings)
    step = p - START
    assert_same(step / step.abs().max(), -g.sign(), rtol=1e-12)


def one_scale(rule, sums):
    """`rule` retyped with the other choice of sums and means."""
    rows, columns = (row_sums, column_sums) if sums else (row_means, column_means)

    def other(X, G, s, t, *, lr, beta2, eps):
        R = beta2 * s.R + (1 - beta2) * rows(G**2)
        C = beta2 * s.C + (1 - beta2) * columns(G**2)
        V_hat = R * C / columns(R) / (1 - beta2**t)
        return X - lr * G / (sqrt(V_hat) + eps), State(R=R, C=C)

    other.init = rule.init
    return other


def test_sums_and_means_give_the_same_second_moments():
    ours = path(factored_adam, START, GRADIENTS, **FACTORED)
    means = path(one_scale(factored_adam, sums=False), START, GRADIENTS, **FACTORED)
    assert_same(torch.stack(ours), torch.stack(means), rtol=1e-12)


def test_sums_over_rows_and_columns_are_those_of_the_full_average():
    # R C / ΣR has row sums R and column sums C: the sums of Adam's v.
    _, s = walk(factored_adam, START, GRADIENTS, **FACTORED)
    _, full = walk(adam, START, GRADIENTS, **FACTORED, beta1=0.0)
    v = s.R * s.C / s.R.sum()
    assert_same(v.sum(1), full.v.sum(1))
    assert_same(v.sum(0), full.v.sum(0))
    assert (v - full.v).abs().max() > 0.1  # it is not v itself


def test_adafactor_s_first_step_forgets_the_start_of_the_averages():
    # decay 1 - 1^c = 0 at t = 1: no bias to correct
    s = State(R=1e6 * torch.ones(5, 1), C=1e6 * torch.ones(1, 3))
    p, _ = adafactor(START, GRADIENTS[0], s, 1, **PLAIN)
    assert_same(p, walk(adafactor, START, GRADIENTS[:1], **PLAIN)[0])


@pytest.mark.parametrize("beta2", [0.9, 0.999])
def test_adam_s_bias_correction_is_a_decay_that_grows(beta2):
    # v̂ₜ = bₜ v̂ₜ₋₁ + (1 - bₜ) gₜ² with bₜ = β₂ (1 - β₂ᵗ⁻¹)/(1 - β₂ᵗ)
    gradients, v_hat = randn(50).tolist(), 0.0
    settings = {"lr": 0.1, "beta1": 0.0, "beta2": beta2, "eps": 0.0}
    for t, g in enumerate(gradients, start=1):
        b = beta2 * (1 - beta2 ** (t - 1)) / (1 - beta2**t)
        v_hat = b * v_hat + (1 - b) * g * g
        _, s = walk(adam, 0.0, gradients[:t], **settings)
        assert s.v / (1 - beta2**t) == pytest.approx(v_hat, rel=1e-11)


def test_a_step_is_at_most_d_times_the_rate_times_the_parameter_s_scale():
    for t, g in enumerate(1e3 ** randn(20, 5, 3, seed=2), start=1):
        x = 10 * randn(5, 3, seed=t)
        p, _ = adafactor(x, g, adafactor.init(x), t, **{**PLAIN, "d": 0.25})
        rms = (p - x).square().mean().sqrt() / x.square().mean().sqrt()
        assert rms.item() <= 0.25 * min(1e-2, 1 / t**0.5) * (1 + 1e-12)


def test_a_parameter_of_zeros_moves_at_the_least_scale():
    zero = torch.zeros(5, 3, dtype=torch.float64)
    g = randn(5, 1) @ randn(1, 3, seed=1)
    p, _ = walk(adafactor, zero, [g], **PLAIN)
    assert_same(p, -1e-3 * 1e-2 * g.sign(), rtol=1e-9)


@pytest.mark.parametrize("decay", [0.0, 0.1])
@pytest.mark.parametrize("shape", [(5, 3), (3, 5), (7,), (1, 1)])
def test_torch_s_adafactor_is_the_rule(shape, decay):
    start, gradients = randn(*shape), randn(50, *shape, seed=1)
    settings = {"lr": 0.1, "beta2_decay": -0.8, "d": 1.0, "weight_decay": decay}
    theirs = train_torch(torch.optim.Adafactor, start, gradients, eps=(1e-30, 1e-3), **settings)
    rule = with_decay(adafactor if len(shape) == 2 else adafactor_vector)
    ours = path(rule, start, gradients, **{**PLAIN, "lr": 0.1, "weight_decay": decay})
    assert_same(torch.stack(ours), torch.stack(theirs), rtol=1e-10, atol=1e-12)


def test_on_a_single_number_matrix_and_vector_are_one_rule():
    gradients = [0.5, -2.0, 1.0]
    assert path(adafactor, 1.0, gradients, **PLAIN) == pytest.approx(
        path(adafactor_vector, 1.0, gradients, **PLAIN), rel=1e-13
    )


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_zero_gradients_move_nothing(dtype):
    # eps1² is no float32 number, so the product of a row's and a column's mean must not be formed
    X = torch.ones(3, 2, dtype=dtype)
    settings = {"lr": 0.01, "beta2_decay": -0.8, "eps1": 1e-30, "eps2": 1e-3, "d": 1.0}
    new, s = adafactor(X, torch.zeros_like(X), adafactor.init(X), 1, **settings)
    assert torch.equal(new, X)
    assert s.R.isfinite().all()
