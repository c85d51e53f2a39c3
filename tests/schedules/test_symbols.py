"""Schedules on SymPy: the same values, exactly, and formulas fit to print."""

import pytest
import sympy

from optlab import schedules

t = sympy.Symbol("t", integer=True, nonnegative=True)
T = sympy.Symbol("T", positive=True)
HALF = sympy.Rational(1, 2)
TENTH = sympy.Rational(1, 10)


@pytest.mark.parametrize(
    ("family", "parameters"),
    [
        (schedules.constant, {"value": HALF}),
        (schedules.step_drop, {"milestones": [5, 9, 20], "gamma": TENTH}),
        (schedules.warmup, {"T": 8, "start": TENTH, "then": schedules.cosine(20)}),
        (schedules.linear_decay, {"T": 20, "end": TENTH}),
        (schedules.cosine, {"T": 20, "eta_min": TENTH}),
        (schedules.ademamix_alpha, {"T": 20}),
        (schedules.ademamix_beta3, {"T": 20, "beta1": HALF, "beta3": 1 - TENTH}),
        (schedules.warmup_stable_decay, {"T": 20, "T_decay": 9, "T_warmup": 4, "start": TENTH}),
        (schedules.warmup_stable_decay, {"T": 20, "T_decay": 9, "shape": "cosine", "end": TENTH}),
        (schedules.slanted_triangular_printed, {"T": 29, "cut_frac": TENTH}),
        (schedules.slanted_triangular_published, {"T": 29, "cut_frac": TENTH}),
        (schedules.slanted_triangular, {"T": 29, "cut_frac": TENTH}),
        (schedules.sgdr, {"T_0": 3, "T_mult": 1, "eta_min": TENTH}),
        (schedules.sgdr, {"T_0": 2, "T_mult": 3}),
        (schedules.adamwr, {"T_0": 2, "T_mult": 2}),
        (schedules.adamwr_weight_decay, {"T_0": 2, "T_mult": 2}),
    ],
)
def test_symbolic_values_are_the_float_values(family, parameters):
    symbolic = family(**parameters)
    formula = symbolic(t)
    as_floats = {k: float(v) if isinstance(v, sympy.Expr) else v for k, v in parameters.items()}
    floating = family(**as_floats)
    for n in range(30):
        value = formula.subs(t, n)
        assert float(value) == pytest.approx(floating(n), rel=1e-13, abs=1e-15)
        assert sympy.simplify(symbolic(sympy.Integer(n)) - value) == 0


@pytest.mark.parametrize("T_mult", [1, 2, 3, 10])
@pytest.mark.parametrize("T_0", [1, 7])
def test_the_logarithm_of_the_symbolic_form_is_exact_at_restarts(T_0, T_mult):
    formula = schedules.sgdr(T_0, T_mult)(t)
    end = 0
    for i in range(10):
        end += T_0 * T_mult**i
        assert formula.subs(t, end) == 1
        if T_0 * T_mult**i > 1:
            assert formula.subs(t, end - 1) < 1


def test_symbolic_parameters():
    eta_min = sympy.Symbol("eta_min", real=True)
    halfway = schedules.cosine(T, eta_min)(T / 2)
    assert sympy.simplify(halfway - (1 + eta_min) / 2) == 0
    T_0 = sympy.Symbol("T_0", integer=True, positive=True)
    cycle = schedules.sgdr(T_0, 2)(t)
    assert [cycle.subs(T_0, 10).subs(t, n) for n in (10, 20, 30)] == [1, HALF, 1]
    assert schedules.sgdr(T_0)(3 * T_0) == 1


def test_printed_they_are_the_formulas_of_the_page():
    assert sympy.latex(schedules.cosine(T)(t)) == (
        r"\begin{cases} \frac{\cos{\left(\frac{\pi t}{T} \right)}}{2} + \frac{1}{2}"
        r" & \text{for}\: T > t \\0 & \text{otherwise} \end{cases}"
    )
    g = sympy.Symbol("gamma", positive=True)
    drop = schedules.step_drop([30, 60, 80], gamma=g)(t)
    assert drop == sympy.Piecewise((1, t < 30), (g, t < 60), (g**2, t < 80), (g**3, True))


def test_the_sum_of_rates_of_a_cycle_is_half_its_length_and_a_half():
    # the sum over t < T of (1 + cos(πt/T))/2 is (T + 1)/2
    for n in (1, 2, 5, 12):
        total = sum(schedules.cosine(n)(sympy.Integer(k)) for k in range(n))
        assert sympy.simplify(total - sympy.Rational(n + 1, 2)) == 0


def test_a_generic_symbol_is_no_whole_number():
    with pytest.raises(ValueError, match="whole number"):
        schedules.sgdr(sympy.Symbol("T_0"), 2)
