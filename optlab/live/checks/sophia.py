"""What chapter 14 says of Sophia's step."""

from __future__ import annotations

from itertools import product
from typing import Any

import sympy

from optlab.live.checks.check import Finding, check
from optlab.live.checks.comparing import same, written
from optlab.live.checks.steps import any_state, step
from optlab.rules.rule import Rule

LR, B1, RHO, EPS, LAM = sympy.symbols("eta beta1 rho epsilon lambda", positive=True)
G, M, H, THETA = sympy.symbols("g m h theta", real=True)
T = sympy.Symbol("t", positive=True)
HYPER = {"lr": LR, "beta1": B1, "rho": RHO, "eps": EPS, "weight_decay": LAM}
BOX = {"lr": 1, "beta1": 0, "weight_decay": 0}
BOX |= {"rho": sympy.Rational(7, 10), "eps": sympy.Rational(1, 20)}
MEANS = [sympy.Rational(x, 10) for x in (-30, -5, -1, 2, 7, 40)]
CURVATURES = [sympy.Rational(x, 10) for x in (-20, 0, 5, 30)]


def moves(rule: Rule, m: Any, h: Any) -> Any:
    """The step on a mean gradient m at curvature h, with BOX."""
    zero = sympy.Integer(0)
    moved, _ = step(rule, zero, m, any_state(rule, m=zero, h=h), 1, **BOX)
    return moved


@check(
    r"Without decay, the step minimizes $m d + \max(h, \epsilon)\, d^2/2$ over $|d| \le \rho$",
    "sophia",
)
def box(rule: Rule) -> Finding:
    rho, eps = BOX["rho"], BOX["eps"]
    for m, h in product(MEANS, CURVATURES):
        curvature = max(h, eps)
        inside = [-m / curvature] if abs(m) <= rho * curvature else []
        due = min([-rho, rho, *inside], key=lambda d: m * d + curvature * d**2 / 2)
        if (found := moves(rule, m, h)) != due:
            at = f"m = {written(m)}, h = {written(h)}, ρ = 0.7, ε = 0.05"
            return Finding(False, f"The step is {written(found)} and not {written(due)} at {at}.")
    return Finding(True, "It holds on the numbers tried.", len(MEANS) * len(CURVATURES))


@check(r"Without decay, no weight moves by more than $\eta\rho$", "sophia")
def clipped(rule: Rule) -> Finding:
    for m, h in product(MEANS, CURVATURES):
        if abs(found := moves(rule, m, h)) > BOX["rho"]:
            at = f"m = {written(m)}, h = {written(h)}, η = 1, ρ = 0.7"
            return Finding(False, f"It moves by {written(abs(found))} at {at}.")
    return Finding(True, "It holds on the numbers tried.", len(MEANS) * len(CURVATURES))


@check(r"$m_t = \beta_1 m_{t-1} + (1-\beta_1)\, g_t$, and $h_t$ is left as it is", "sophia")
def memory(rule: Rule) -> Finding:
    _, s = step(rule, THETA, G, any_state(rule, m=M, h=H), T, **HYPER)
    return same("The state", (s.m, B1 * M + (1 - B1) * G), (s.h, H))


@check(r"Decay takes $\eta\lambda\,\theta_{t-1}$ of the weights, whatever the curvature", "sophia")
def decoupled(rule: Rule) -> Finding:
    state = any_state(rule, m=M, h=H)
    with_, _ = step(rule, THETA, G, state, T, **HYPER)
    without, _ = step(rule, THETA, G, state, T, **{**HYPER, "weight_decay": 0})
    return same("What decay takes", (with_ - without, -LR * LAM * THETA))
