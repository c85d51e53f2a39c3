"""Products of matrices: on tensors of any dimensions, lists, symbols, and in rules."""

import json
import random

import numpy as np
import pytest
import sympy
import torch
from py_mini_racer import MiniRacer

import optlab
from optlab.ops import (
    column_count,
    column_means,
    column_sums,
    matmul,
    mean,
    norm,
    row_count,
    row_means,
    row_sums,
    sqrt,
    transpose,
    zeros_like,
)
from optlab.optim import tensorlist
from optlab.optim.execution import Batch, foreach, plain
from optlab.optim.split import split
from optlab.optim.tensorlist import TensorList
from optlab.rules import State, adafactor, factored_adam
from optlab.rules.rule import rule
from optlab.symbolic import (
    JAVASCRIPT_OPERATIONS,
    Matrix,
    Vector,
    javascript,
    javascript_of_layer,
    latex,
    matrix,
    vector,
)


@rule(M=zeros_like)
def straighten(X, G, s, t, *, lr=0.1, beta1=0.5):
    """One step of Newton and Schulz towards the nearest matrix with orthonormal rows."""
    M = beta1 * s.M + (1 - beta1) * G
    U = M / norm(M)
    A = matmul(U, transpose(U))
    V = 1.5 * U - 0.5 * matmul(A, U)
    return X - lr * sqrt(row_count(X) / column_count(X)) * V, State(M=M)


def drawn(*shape, seed=0):
    return torch.randn(shape, dtype=torch.float64, generator=torch.Generator().manual_seed(seed))


def as_matrix(x):
    """NumPy's matrix of the first dimension by all others; a vector is a column."""
    return x.numpy().reshape(x.shape[0] if x.dim() else 1, -1)


@pytest.mark.parametrize("shape", [(3, 4), (4, 3), (3,), (), (2, 3, 5), (1, 4), (4, 1), (2, 0)])
def test_a_product_keeps_the_shape_of_what_it_multiplies(shape):
    x, a = drawn(*shape), drawn(len(as_matrix(drawn(*shape))), 2, seed=1)
    back = matmul(transpose(a), x)
    assert back.shape == (2, *shape[1:])  # of a number, a column of two
    np.testing.assert_allclose(as_matrix(back), a.numpy().T @ as_matrix(x), rtol=1e-13)
    square = matmul(x, transpose(x))
    np.testing.assert_allclose(square.numpy(), as_matrix(x) @ as_matrix(x).T, rtol=1e-13)
    assert matmul(square, x).shape == shape
    assert (row_count(x), column_count(x)) == as_matrix(x).shape
    assert transpose(x).shape == as_matrix(x).T.shape


@pytest.mark.parametrize("one_by_one", [{"cpu"}, set()], ids=["one by one", "batched"])
def test_products_of_lists_are_those_of_their_tensors(one_by_one, monkeypatch):
    monkeypatch.setattr(tensorlist, "ONE_BY_ONE", one_by_one)
    calls = []
    bmm = torch.bmm
    monkeypatch.setattr(torch, "bmm", lambda x, y: calls.append(len(x)) or bmm(x, y))
    shapes = [(3, 4), (2, 5), (3, 4), (3,), (2, 3, 5), (3, 4), (3,)]
    xs = TensorList([drawn(*s, seed=i) for i, s in enumerate(shapes)])
    squares = matmul(xs, transpose(xs))
    for x, square, back in zip(
        xs.tensors, squares.tensors, matmul(squares, xs).tensors, strict=True
    ):
        torch.testing.assert_close(square, matmul(x, transpose(x)), rtol=1e-13, atol=0)
        torch.testing.assert_close(back, matmul(square, x), rtol=1e-13, atol=0)
    # the three matrices of 3 × 4 together, everything else as the tensor that it is
    assert calls == ([] if one_by_one else [3, 3])


def test_lists_are_stepped_as_single_tensors_are():
    def after(execution):
        params = [drawn(*s) for s in [(3, 4), (5, 2), (3, 4)]]
        grads = [drawn(*p.shape, seed=7) for p in params]
        state = {"M": [torch.zeros_like(p) for p in params]}
        execution(Batch(straighten, 1, {"lr": 0.1, "beta1": 0.5}, params, grads, state, None))
        return params, state["M"]

    torch.testing.assert_close(after(foreach), after(plain), rtol=1e-13, atol=0)


def test_a_step_moves_singular_values_towards_one_and_keeps_singular_vectors():
    # Of 1.5 s - 0.5 s³ for each singular value s of G / |G|: both worked out by NumPy.
    g = drawn(3, 5)
    x, _ = straighten(torch.zeros(3, 5, dtype=torch.float64), g, straighten.init(g), 1, beta1=0)
    u, s, vt = np.linalg.svd((g / g.norm()).numpy(), full_matrices=False)
    expected = -0.1 * np.sqrt(3 / 5) * u @ np.diag(1.5 * s - 0.5 * s**3) @ vt
    np.testing.assert_allclose(x.numpy(), expected, rtol=1e-12, atol=1e-14)


def test_a_rule_with_products_is_not_sent_to_a_compiler():
    cut = split(straighten, {}, ["lr", "beta1"], None)
    assert not cut.fusible


def test_a_convolution_s_weights_are_a_matrix_of_their_outputs():
    weights, g = drawn(4, 3, 2, 2), drawn(4, 3, 2, 2, seed=1)
    whole, _ = straighten(weights, g, straighten.init(g), 1)
    flat, _ = straighten(weights.view(4, 12), g.view(4, 12), straighten.init(g.view(4, 12)), 1)
    assert torch.equal(whole.view(4, 12), flat)


def test_the_page():
    lines = latex(straighten, parameter=("X_{t-1}", "X_t"), gradient="G_t").splitlines()
    assert lines[3:5] == [
        r"A_t &= U_t U_t^\top \\",
        r"V_t &= 1.5 U_t - 0.5 A_t U_t \\",
    ]
    assert r"\sqrt{\frac{n}{m}}" in lines[5]

    @rule()
    def nested(X, G, s, t, *, lr):
        return X - lr * transpose(matmul(X + G, transpose(matmul(X, G)))), s

    assert r"\left(\left(p + g\right) \left(p g\right)^\top\right)^\top" in latex(
        nested, parameter=("p", "q"), gradient="g"
    )


@pytest.mark.parametrize("of", [straighten, factored_adam, adafactor], ids=lambda r: r.name)
def test_a_step_on_a_matrix_of_symbols_is_the_step_on_a_tensor(of):
    hyper = {"lr": 0.1, "beta1": 0.5, "beta2": 0.75, "eps": 0.25, "beta2_decay": -0.8}
    hyper |= {"eps1": 0.25, "eps2": 0.5, "d": 0.75}
    hyper = {k: v for k, v in hyper.items() if k in of.hyperparameters}
    X, G = matrix("X", 2, 3), matrix("G", 2, 3)
    new, state = of(X, G, of.init(X), 1, **hyper)
    x, g = drawn(2, 3), drawn(2, 3, seed=1)
    y, s = of(x, g, of.init(x), 1, **hyper)
    given = {X[i, j]: x[i, j].item() for i in range(2) for j in range(3)}
    given |= {G[i, j]: g[i, j].item() for i in range(2) for j in range(3)}

    def value(symbols):
        return [[float(e.subs(given)) for e in row] for row in symbols.rows]

    np.testing.assert_allclose(value(new), y.numpy(), rtol=1e-12)
    for name, symbols in vars(state).items():
        np.testing.assert_allclose(value(symbols), getattr(s, name).numpy(), rtol=1e-12)


def test_matrices_of_symbols():
    X, v = matrix("X", 2, 3), vector("v", 3)
    assert [str(e) for e in X.rows[1]] == ["X_21", "X_22", "X_23"]
    assert X[0, 0].is_real
    assert matrix("Y", 1, 1, positive=True)[0, 0].is_positive
    assert matmul(X, v) == vector("v", 3).__class__(
        [sum(X[i, j] * v[j] for j in range(3)) for i in range(2)]
    )
    assert transpose(transpose(X)) == X
    assert matmul(transpose(v), v) == Vector([sum(a**2 for a in v)])
    assert (row_count(v), column_count(v), row_count(X), column_count(X)) == (3, 1, 2, 3)
    ones = Matrix([[1, 1, 1], [1, 1, 1]])
    assert (row_sums(ones), column_sums(ones)) == (Matrix([[3], [3]]), Matrix([[2, 2, 2]]))
    assert (row_means(ones), column_means(ones)) == (Matrix([[1], [1]]), Matrix([[1, 1, 1]]))
    assert (norm(ones), mean(ones)) == (sympy.sqrt(6), 1)
    assert 2 * X - X / 1 == X
    assert transpose(X) != X
    for refused, error in [
        (lambda: matmul(X, X), "no product of 3 columns with 2 rows"),
        (lambda: X + transpose(X), "do not fit together"),
        (lambda: Matrix([[1, 2], [3]]), "of one length"),
        (lambda: Matrix([]), "at least one"),
    ]:
        with pytest.raises(ValueError, match=error):
            refused()
    with pytest.raises(TypeError, match="takes no Symbol: give a Matrix"):
        matmul(X, sympy.Symbol("a"))


@pytest.mark.parametrize("shape", [(1, 1), (2, 2), (2, 3), (3, 2), (4,), (1,)], ids=str)
def test_the_step_in_the_browser(shape):
    draw = random.Random(3)
    engine = MiniRacer()
    text = javascript_of_layer(straighten, "step", matrix=len(shape) == 2)
    engine.eval(f"{JAVASCRIPT_OPERATIONS}\n{text}")
    for seed in range(20):
        x, g, m = (drawn(*shape, seed=3 * seed + k) for k in range(3))
        h = {"lr": draw.random(), "beta1": draw.random()}
        y, s = straighten(x, g, State(M=m), 1, **h)
        given = json.dumps([x.tolist(), g.tolist(), {"M": m.tolist()}, 1, h])
        p, after = json.loads(engine.eval(f"JSON.stringify(step(...{given}))"))
        np.testing.assert_allclose(p, y.numpy(), rtol=1e-12, atol=1e-14)
        np.testing.assert_allclose(after["M"], s.M.numpy(), rtol=1e-12)


def test_of_one_coordinate_there_are_no_products():
    with pytest.raises(ValueError, match=r"needs column_count, matmul, norm, row_count, transpose"):
        javascript(straighten)


def test_a_product_without_a_matrix_is_refused():
    with pytest.raises(TypeError, match="matmul has no meaning for list"):
        matmul([1.0], [2.0])
    assert optlab.ops.matmul(2, 3) == 6
