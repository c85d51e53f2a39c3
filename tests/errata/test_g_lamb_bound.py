"""Erratum (g), the second bound of LAMB: the first term in the bracket is under a square root."""

import pytest
import sympy
from walk import tensor

from optlab.rules import lamb

c, eta = sympy.symbols("c eta", positive=True)
G, Delta, L, sigma, d, h, T, beta2 = sympy.symbols("G Delta L sigma d h T beta2", positive=True)


def right_hand_side(first):
    """The bound with Δ = f(x₁) − f(x*), without the constant that O( ) hides."""
    return sympy.sqrt(G**2 * d / (h * (1 - beta2))) * (first + sigma / sympy.sqrt(T))


PRINTED = right_hand_side(2 * Delta * L / T)
CORRECTED = right_hand_side(sympy.sqrt(2 * Delta * L / T))


def powers_of_c(bound):
    """How its terms grow when f is multiplied by c, and with it G, Δ, L and σ̃."""
    scaled = bound.subs({symbol: c * symbol for symbol in (G, Delta, L, sigma)}, simultaneous=True)
    terms = sympy.expand(sympy.powsimp(scaled, force=True)).as_ordered_terms()
    return {sympy.degree(sympy.expand(term), c) for term in terms}


def test_only_the_corrected_bound_has_the_units_of_a_squared_gradient():
    assert powers_of_c(CORRECTED) == {2}
    assert powers_of_c(PRINTED) == {2, 3}


def ratios(scale):
    """Mean squared gradient over each right-hand side, for LAMB on scale · (x² + 3y²)/2
    without noise: σ̃ = 0."""
    curvature, steps = scale * tensor([1.0, 3.0]), 50
    x = tensor([2.0, -1.0])
    start, s, squares, largest = x, lamb.init(x), 0.0, 0.0
    settings = {"beta1": 0.0, "beta2": 0.9, "eps": 0.0, "weight_decay": 0.0}
    for t in range(1, steps + 1):
        g = curvature * x
        squares, largest = squares + (g @ g).item(), max(largest, g.abs().max().item())
        x, s = lamb(x, g, s, t, lr=0.02, **settings)
    values = {G: largest, Delta: (curvature * start**2).sum().item() / 2, sigma: 0, d: 2, h: 1}
    values |= {L: curvature.sum().item(), T: steps, beta2: 0.9}
    return [squares / steps / float(bound.subs(values)) for bound in (CORRECTED, PRINTED)]


def test_a_small_loss_breaks_the_printed_bound_whatever_its_constant():
    # LAMB's path does not depend on the scale of f, so only the bounds change.
    (corrected, printed), (corrected_small, printed_small) = ratios(1.0), ratios(1e-6)
    assert corrected_small == pytest.approx(corrected, rel=1e-9)
    assert printed_small == pytest.approx(1e6 * printed, rel=1e-9)


def test_the_root_comes_from_the_best_rate():
    a = sympy.Symbol("alpha_u", positive=True)
    descent = Delta / (eta * T) + eta * a**2 * L / 2
    [best] = sympy.solve(sympy.diff(descent, eta), eta)
    assert sympy.simplify(descent.subs(eta, best) - a * sympy.sqrt(2 * Delta * L / T)) == 0
