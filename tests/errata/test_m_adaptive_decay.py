"""Erratum (m), Proposition 2: faithful; "the same steps" must be meant for every θ."""

import sympy

alpha, lam, prime, m1, m2 = sympy.symbols("alpha lambda lambda' m1 m2", positive=True)
g = sympy.Symbol("g", real=True)


def solutions(theta, m):
    """λ' for which the steps in these coordinates, preconditioned by m, are those of decay λ."""
    gaps = [
        x - alpha * mi * (g + prime * x) - ((1 - lam) * x - alpha * mi * g)
        for x, mi in zip(theta, m, strict=True)
    ]
    return sympy.solve([gap for gap in gaps if sympy.expand(gap) != 0], prime, dict=True)


x1, x2 = sympy.symbols("x1 x2", nonzero=True)


def test_each_coordinate_asks_for_its_own_coefficient():
    assert solutions([x1], [m1]) == [{prime: lam / (alpha * m1)}]
    assert solutions([x2], [m2]) == [{prime: lam / (alpha * m2)}]
    assert solutions([x1, x2], [m1, m2]) == []


def test_a_multiple_of_the_identity_has_one():
    assert solutions([x1, x2], [m1, m1]) == [{prime: lam / (alpha * m1)}]


def test_read_for_one_theta_the_statement_is_false():
    # θ in an eigenspace of M: here the first axis
    assert solutions([x1, 0], [m1, m2]) == [{prime: lam / (alpha * m1)}]


def test_preconditioners_that_change_with_t_also_exclude_one_coefficient():
    # M_1 = I and M_2 = 2I: each step is a multiple of the identity, but the multiple changes
    first, second = solutions([x1], [1])[0][prime], solutions([x1], [2])[0][prime]
    assert sympy.simplify(first - 2 * second) == 0
