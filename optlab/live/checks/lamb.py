"""What chapter 10 proves of LAMB, on a layer of two weights."""

from __future__ import annotations

from typing import Any

import sympy

from optlab.live.checks.check import Finding, check
from optlab.live.checks.comparing import same, square
from optlab.live.checks.steps import any_state, step, steps
from optlab.ops import norm, sqrt
from optlab.rules.rule import Rule
from optlab.symbolic import Vector, vector

LR, B1, B2, EPS, LAM, C, T = sympy.symbols("eta beta1 beta2 epsilon lambda c t", positive=True)
X, G, M = (vector(name, 2) for name in "xgm")
V = vector("v", 2, positive=True)
PHI = sympy.Function("phi", positive=True)
HYPER = {"lr": LR, "beta1": B1, "beta2": B2, "eps": EPS, "weight_decay": LAM}


def from_any_state(rule: Rule) -> tuple[Vector, Vector]:
    """A step with any φ, and the direction that it should have, u = r + λx."""
    moved, s = step(rule, X, G, any_state(rule, m=M, v=V), T, **HYPER, phi=PHI)
    m_hat, v_hat = s.m / (1 - B1**T), s.v / (1 - B2**T)
    u: Any = m_hat / (sqrt(v_hat) + EPS) + LAM * X
    return X - moved, u


@check(r"The step has the length $\eta_t\,\phi(\|x_t\|)$", "lamb")
def length(rule: Rule) -> Finding:
    moved, _ = from_any_state(rule)
    return same("The square of its length", (square(moved), (LR * PHI(norm(X))) ** 2))


@check(
    r"The step is along $r_t + \lambda x_t$, with $r_t = \hat m_t/(\sqrt{\hat v_t}+\epsilon)$",
    "lamb",
)
def parallel(rule: Rule) -> Finding:
    moved, u = from_any_state(rule)
    return same("What of it is across", (moved[0] * u[1] - moved[1] * u[0], 0))


@check(
    r"With $\epsilon = 0$, the first step is along $g/|g| + \lambda x$: decay enters once",
    "lamb",
)
def first_direction(rule: Rule) -> Finding:
    x, g = vector("x", 2, positive=True), vector("g", 2, positive=True)
    [(moved, _)] = steps(rule, x, [g], **{**HYPER, "eps": 0})
    step_, claimed = x - moved, g / sqrt(g**2) + LAM * x
    return same("What of it is across", (step_[0] * claimed[1] - step_[1] * claimed[0], 0))


@check(
    r"Without decay and $\epsilon$, the unit of the loss makes no difference to the first step",
    "lamb",
)
def loss_scaled(rule: Rule) -> Finding:
    hyper = {**HYPER, "eps": 0, "weight_decay": 0}
    [(once, _)], [(scaled, _)] = (steps(rule, X, [g], **hyper) for g in (G, C * G))
    return same("A weight on c f", (scaled, once))
