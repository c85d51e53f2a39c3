"""Erratum (e), Proposition 3: the penalty is (λ'/2)‖θ ⊙ √s‖² with λ' = λ/α."""

import sympy

from optlab.rules import gradient_descent

alpha, lam, s, x = sympy.symbols("alpha lambda s x", positive=True)
theta, g, c = sympy.symbols("theta g c", real=True)
loss = g * x  # any loss: its gradient at theta is g


def step(penalty):
    """A step of the rule, preconditioned by 1/s, on the loss plus the penalty, a function of x."""
    gradient = sympy.diff(loss + penalty, x).subs(x, theta)
    return gradient_descent(theta, gradient / s, gradient_descent.init(theta), 1, lr=alpha)[0]


def gap(penalty):
    decayed = (1 - lam) * theta - alpha * g / s
    return sympy.factor(step(penalty) - decayed)


def test_the_corrected_penalty_gives_the_steps_of_weight_decay_and_the_printed_one_does_not():
    prime = lam / alpha
    assert gap(prime / 2 * s * x**2) == 0
    wrong = gap(prime / (2 * alpha) * s * x**2)
    assert sympy.simplify(wrong - lam * theta * (alpha - 1) / alpha) == 0


def test_the_printed_penalty_is_right_at_alpha_1_only():
    wrong = gap(lam / alpha / (2 * alpha) * s * x**2)
    assert sympy.solveset(wrong.subs({lam: 1, theta: 1}), alpha) == {1}


def test_there_is_one_right_coefficient():
    assert sympy.solve(gap(c / 2 * s * x**2), c) == [lam / alpha]
