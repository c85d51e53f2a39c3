"""Erratum (i), the regret of AMSGrad: no factor 1 + β₁, a smaller third term, and β_{1t}.

The printed bound is looser than the published one, not false; the test shows that, that either
says nothing for the constant β_{1t} that Algorithm 5 allows, and that with a constant α_t, which
it allows as well, the printed bound fails.
"""

import math

import sympy
import torch
from walk import randn

from optlab.rules import amsgrad

b1, T = sympy.symbols("beta_1 T", positive=True)
# The second and third terms, each divided by what both forms share.
PRINTED = ((1 + b1) / (1 - b1) ** 2, 1 / (1 - b1) ** 2)
PUBLISHED = (1 / (1 - b1) ** 2, 1 / (2 * (1 - b1)))


def test_each_published_term_is_below_the_printed_one():
    factors = [sympy.simplify(a / b) for a, b in zip(PRINTED, PUBLISHED, strict=True)]
    assert sympy.simplify(factors[0] - (1 + b1)) == 0
    assert sympy.simplify(factors[1] - 2 / (1 - b1)) == 0
    for percent in range(1, 100):
        assert all(factor.subs(b1, sympy.Rational(percent, 100)) > 1 for factor in factors)


def play(momentum, rounds=400, alpha=0.5, beta2=0.99, D=2.0):
    """Regret of AMSGrad on logistic losses in the box [-1, 1]⁵ against a near-best point, and the
    terms of the bound that all forms share: without their factors in β₁."""
    z = randn(rounds, 5)
    z = torch.where((z @ randn(5, seed=1) > 0)[:, None], z, -z) / z.norm(dim=1, keepdim=True)
    z[::5] *= -1  # a fifth of the labels are wrong
    x = torch.zeros(5, dtype=torch.float64)
    s, losses, third, gradients = amsgrad.init(x), [], 0.0, []
    for t in range(1, rounds + 1):
        losses.append(torch.log1p(torch.exp(-z[t - 1] @ x)))
        g = -torch.sigmoid(-z[t - 1] @ x) * z[t - 1]
        gradients.append(g)
        rate = alpha / math.sqrt(t)
        settings = {"beta1": momentum(t), "beta2": beta2, "eps": 0.0}
        x, s = amsgrad(x, g, s, t, lr=rate, project=lambda x, _: x.clamp(-1, 1), **settings)
        third += D**2 * momentum(t) * s.v_hat.sqrt().sum().item() / rate
    best = torch.zeros(5, dtype=torch.float64)
    for _ in range(1000):
        slope = -(torch.sigmoid(-z @ best)[:, None] * z).mean(0)
        best = (best - 2 * slope).clamp(-1, 1)
    regret = sum(losses).item() - torch.log1p(torch.exp(-z @ best)).sum().item()
    first = D**2 * math.sqrt(rounds) / alpha * s.v_hat.sqrt().sum().item()
    second = alpha * math.sqrt(1 + math.log(rounds)) / math.sqrt(1 - beta2)
    second *= torch.stack(gradients).norm(dim=0).sum().item()
    return regret, (first, second, third)


def bounds(terms, beta1, beta2=0.99):
    first, second, third = terms
    gamma = beta1 / math.sqrt(beta2)
    total = {}
    for name, (f2, f3) in {"printed": PRINTED, "published": PUBLISHED}.items():
        f2, f3 = (float(f.subs(b1, beta1)) for f in (f2, f3))
        total[name] = first / (1 - beta1) + f2 * second / (1 - gamma) + f3 * third
    return total


def test_a_game_stays_below_the_published_bound_which_is_below_the_printed_one():
    regret, terms = play(lambda t: 0.9 * 0.99 ** (t - 1))
    bound = bounds(terms, 0.9)
    assert 0 < regret < bound["published"] < 0.7 * bound["printed"]


def growth(momentum):
    """The exponent of T with which the third term's sum grows, where v̂ stays 1 and α_t = 1/√t."""
    sums = [sum(momentum(t) * math.sqrt(t) for t in range(1, T + 1)) for T in (1000, 4000)]
    return math.log(sums[1] / sums[0], 4)


def test_the_third_term_says_something_only_if_the_momentum_falls():
    assert growth(lambda t: 0.9) > 1.49  # more than T: no bound on the average regret
    assert abs(growth(lambda t: 0.9 / t) - 0.5) < 0.02
    assert growth(lambda t: 0.9 * 0.9 ** (t - 1)) < 1e-9


def test_the_printed_bound_needs_a_condition_on_the_rate():
    def ratio(rate, alpha=0.5, beta2=0.5, T=10_000):
        """Regret over the printed bound for slopes 1, -1, 1, … on [-1, 1] and β_{1t} = 0."""
        x, s, regret = 0.0, amsgrad.init(0.0), 0.0
        for t in range(1, T + 1):
            g = 1.0 if t % 2 else -1.0
            regret += g * x  # every fixed point pays nothing
            x, s = amsgrad(x, g, s, t, lr=rate(alpha, t), beta1=0.0, beta2=beta2, eps=0.0)
            x = max(-1.0, min(1.0, x))
        first = 4 / alpha * math.sqrt(T * s.v_hat)
        second = alpha * math.sqrt(1 + math.log(T)) / math.sqrt(1 - beta2) * math.sqrt(T)
        return regret / (first + second)

    assert ratio(lambda alpha, t: alpha) > 2
    assert 0 < ratio(lambda alpha, t: alpha / math.sqrt(t)) < 0.1
