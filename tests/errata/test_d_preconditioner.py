"""Erratum (d), Proposition 3: the preconditioner is diag(s)⁻¹, not diag(s) − 1."""

import sympy

alpha, lam, s = sympy.symbols("alpha lambda s", positive=True)
theta, g, c = sympy.symbols("theta g c", real=True)


def coefficient(m):
    """c such that, in a coordinate with preconditioner m, a step on the loss plus
    (c/2) s θ² is a step with weight decay λ."""
    decayed = (1 - lam) * theta - alpha * m * g
    regularized = theta - alpha * m * (g + c * s * theta)
    [solution] = sympy.solve(decayed - regularized, c)
    return sympy.simplify(solution)


def test_one_coefficient_serves_all_coordinates_only_for_the_inverse():
    assert coefficient(1 / s) == lam / alpha
    assert sympy.simplify(coefficient(s - 1) - lam / (alpha * s * (s - 1))) == 0


def test_as_printed_the_coefficient_is_negative_for_a_small_s_and_none_for_s_1():
    printed = coefficient(s - 1)
    assert printed.subs(s, sympy.Rational(1, 2)) == -4 * lam / alpha
    assert printed.subs(s, 1) == sympy.zoo * lam / alpha
    assert printed.subs(s, 2) == lam / (2 * alpha)
