"""Rules on SymPy vectors, and the arithmetic of those vectors."""

import operator

import pytest
import sympy
import torch
from hyper import REGISTERED

from optlab.rules import (
    adafactor,
    adafactor_vector,
    adagrad,
    adagrad_dual,
    adagrad_full,
    adagrad_full_dual,
    adam,
    adamw,
    amsgrad,
    cautious,
    factored_adam,
    gradient_descent,
    l1,
    lamb,
    lars,
    lars_deck,
    momentum,
    schedule_free,
    sophia,
    with_decay,
    with_l2,
)
from optlab.symbolic import Vector, vector

U, W = vector("u", 2), vector("w", 2)
A = sympy.Symbol("a")
OPERATIONS = [operator.add, operator.sub, operator.mul, operator.truediv]


@pytest.mark.parametrize("op", OPERATIONS)
@pytest.mark.parametrize("scalar", [2, 0.5, A, sympy.Rational(1, 3), sympy.pi, 2 * A + 1])
def test_arithmetic_with_a_scalar_on_either_side(op, scalar):
    assert op(U, scalar).entries == (op(U[0], scalar), op(U[1], scalar))
    assert op(scalar, U).entries == (op(scalar, U[0]), op(scalar, U[1]))


@pytest.mark.parametrize("op", OPERATIONS)
def test_arithmetic_of_two_vectors_is_elementwise(op):
    assert op(U, W).entries == (op(U[0], W[0]), op(U[1], W[1]))
    with pytest.raises(ValueError, match="zip"):
        op(U, vector("w", 3))


def test_power_and_sign():
    assert (U**2).entries == (U[0] ** 2, U[1] ** 2)
    assert (-U).entries == (-U[0], -U[1])


def test_vectors_are_equal_as_expressions():
    assert (U + W) ** 2 == U**2 + 2 * U * W + W**2
    assert U != W
    assert vector("u", 3) != U
    assert U != [1, 2]


def test_symbols_are_real_unless_told_otherwise():
    assert U[0].is_real
    assert vector("v", 1, positive=True)[0].is_positive
    assert [str(e) for e in U] == ["u_1", "u_2"]


HYPER = {
    "lr": 0.1,
    "beta1": 0.5,
    "beta2": 0.75,
    "eps": 0.25,
    "momentum": 0.5,
    "dampening": 0.25,
    "weight_decay": 2.0,
    "eta": 0.75,
    "delta": 0.5,
    "rho": 0.25,
    "trust_coefficient": 0.125,
    "beta2_decay": -0.8,
    "eps1": 0.25,
    "eps2": 0.5,
    "d": 0.75,
    "warmup_steps": 2.0,
}
ELEMENTWISE = [
    gradient_descent,
    momentum,
    adam,
    with_l2(adam),
    with_l2(momentum),
    with_decay(adam),
    adamw,
    amsgrad,
    adagrad,
    adagrad_dual,
    sophia,
    schedule_free,
]
OF_WHOLE_TENSORS = [with_decay(cautious(adam)), lamb, lars, lars_deck, adafactor_vector]
OF_MATRICES = [adagrad_full, adagrad_full_dual, factored_adam, adafactor]
OF_WHOLE_TENSORS += REGISTERED  # elementwise or not
RULES = [*ELEMENTWISE, *OF_WHOLE_TENSORS]


@pytest.mark.parametrize("rule", RULES, ids=lambda rule: rule.name)
def test_a_step_on_symbols_is_the_step_on_tensors(rule):
    p, g = vector("p", 2), vector("g", 2)
    names = [name for name in rule.hyperparameters if name in HYPER]
    hyper = {name: sympy.Symbol(name) for name in names}
    new, state = rule(p, g, rule.init(p), 1, **hyper)
    new, state = rule(new, g, state, 2, **hyper)

    x = torch.tensor([1.0, -3.0], dtype=torch.float64)
    d = torch.tensor([2.0, 0.5], dtype=torch.float64)
    numbers = {hyper[name]: HYPER[name] for name in names}
    numbers |= dict(zip([*p, *g], [*x.tolist(), *d.tolist()], strict=True))
    y, s = rule(x, d, rule.init(x), 1, **{name: HYPER[name] for name in names})
    y, s = rule(y, d, s, 2, **{name: HYPER[name] for name in names})
    assert [float(e.subs(numbers)) for e in new] == pytest.approx(y.tolist(), rel=1e-13)
    for name, value in vars(state).items():
        assert [float(e.subs(numbers)) for e in value] == pytest.approx(
            getattr(s, name).tolist(), rel=1e-13
        )


def test_adam_s_first_step_is_the_sign_of_the_gradient():
    theta, g = vector("theta", 2), vector("g", 2, positive=True)
    alpha, beta1, beta2 = sympy.symbols("alpha beta_1 beta_2", positive=True)
    new, _ = adam(theta, g, adam.init(theta), 1, lr=alpha, beta1=beta1, beta2=beta2, eps=0)
    assert new == theta - Vector([alpha, alpha])


@pytest.mark.parametrize(
    "rule", [*ELEMENTWISE, *OF_WHOLE_TENSORS, *OF_MATRICES], ids=lambda rule: rule.name
)
def test_a_first_step_on_a_scalar_is_that_on_a_tensor_of_one_entry(rule):
    names = [name for name in rule.hyperparameters if name in HYPER]
    p, g, *hyper = sympy.symbols(["p", "g", *names], real=True)
    new, state = rule(p, g, rule.init(p), 1, **dict(zip(names, hyper, strict=True)))

    numbers = {p: -3.0, g: 0.5, **{h: HYPER[name] for h, name in zip(hyper, names, strict=True)}}
    settings = {name: HYPER[name] for name in names}
    x = torch.tensor([[-3.0]], dtype=torch.float64)
    y, s = rule(x, x / -6, rule.init(x), 1, **settings)
    on_numbers, _ = rule(-3.0, 0.5, rule.init(-3.0), 1, **settings)
    assert float(new.subs(numbers)) == pytest.approx(y.item(), rel=1e-13)
    assert on_numbers == pytest.approx(y.item(), rel=1e-13)
    for name, value in vars(state).items():
        value = float(sympy.sympify(value).subs(numbers))
        assert value == pytest.approx(getattr(s, name).item(), rel=1e-13)


@pytest.mark.parametrize("rule", OF_MATRICES, ids=lambda rule: rule.name)
def test_a_rule_of_matrices_refuses_a_vector_of_symbols(rule):
    p, g = vector("p", 2), vector("g", 2)
    hyper = {name: HYPER[name] for name in rule.hyperparameters if name in HYPER}
    with pytest.raises(TypeError, match="has no meaning for Vector"):
        rule(p, g, rule.init(p), 1, **hyper)


def test_the_composite_step_of_adagrad_with_an_l1_penalty():
    p, g = vector("p", 2), vector("g", 2)
    lr, delta, weight = sympy.symbols("eta delta lambda", positive=True)
    new, _ = adagrad(p, g, adagrad.init(p), 1, lr=lr, delta=delta, prox=l1(weight))
    numbers = {lr: 0.5, delta: 1, weight: 0.4, p[0]: 1, g[0]: 3, p[1]: -0.01, g[1]: 0}
    # 1 - 0.5 · 3/4 - 0.4 · 0.5/4, and -0.01 is nearer to 0 than 0.4 · 0.5/1
    assert [float(e.subs(numbers)) for e in new] == pytest.approx([0.575, 0.0])


def test_lamb_s_step_has_the_length_lr_times_the_norm_as_a_theorem():
    x = vector("x", 3, positive=True)
    g = vector("g", 3, positive=True)
    names = sympy.symbols("eta beta_1 beta_2 epsilon lambda", positive=True)
    settings = dict(zip(("lr", "beta1", "beta2", "eps", "weight_decay"), names, strict=True))
    new, _ = lamb(x, g, lamb.init(x), 1, **settings)
    squared = sum((a - b) ** 2 for a, b in zip(new, x, strict=True))
    assert sympy.simplify(squared - names[0] ** 2 * sum(a**2 for a in x)) == 0
