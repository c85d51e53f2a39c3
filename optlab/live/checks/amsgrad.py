"""What chapter 5 says of AMSGrad, line by line."""

from __future__ import annotations

import sympy

from optlab.live.checks.check import Finding, check
from optlab.live.checks.comparing import same
from optlab.live.checks.steps import any_state, step
from optlab.rules.rule import Rule, State
from optlab.symbolic import vector

ALPHA, B1, B2, V, V_HAT, T = sympy.symbols("alpha beta1 beta2 v vhat t", positive=True)
X, G, M = sympy.symbols("x g m", real=True)
HYPER = {"lr": ALPHA, "beta1": B1, "beta2": B2, "eps": 0}


def from_any_state(rule: Rule) -> tuple[sympy.Expr, State]:
    """A step with eps = 0 from x on g, and the state after it."""
    return step(rule, X, G, any_state(rule, m=M, v=V, v_hat=V_HAT), T, **HYPER)


@check(r"Line 2: $m_t = \beta_1 m_{t-1} + (1 - \beta_1)\, g_t$", "amsgrad")
def line_2(rule: Rule) -> Finding:
    _, s = from_any_state(rule)
    return same("m", (s.m, B1 * M + (1 - B1) * G))


@check(r"Line 3: $v_t = \beta_2 v_{t-1} + (1 - \beta_2)\, g_t^2$", "amsgrad")
def line_3(rule: Rule) -> Finding:
    _, s = from_any_state(rule)
    return same("v", (s.v, B2 * V + (1 - B2) * G**2))


@check(r"Line 4: $\hat v_t$ is the larger of $\hat v_{t-1}$ and $v_t$", "amsgrad")
def line_4(rule: Rule) -> Finding:
    _, s = from_any_state(rule)
    return same("v̂", (s.v_hat, sympy.Max(V_HAT, s.v)))


@check(r"Line 5: the step is $-\alpha_t m_t / \sqrt{\hat v_t}$", "amsgrad")
def line_5(rule: Rule) -> Finding:
    new, s = from_any_state(rule)
    return same("The step", (new - X, -ALPHA * s.m / sympy.sqrt(s.v_hat)))


@check("Each weight's step depends on its own gradients only", "amsgrad")
def own_gradient(rule: Rule) -> Finding:
    p, both, h = vector("x", 2), vector("g", 2), sympy.Symbol("h", real=True)
    moved, _ = step(rule, p, both, rule.init(p), 1, **HYPER)
    other = moved[0].subs(both[1], h)
    return same("The first weight, with h for the other's gradient,", (other, moved[0]))
