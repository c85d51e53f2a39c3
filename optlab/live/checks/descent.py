"""What chapter 1 derives from the code of gradient descent and momentum."""

from __future__ import annotations

import sympy

from optlab import rules
from optlab.live.checks.check import Finding, check
from optlab.live.checks.comparing import inner, same, square
from optlab.live.checks.steps import any_state, step, steps
from optlab.rules.rule import Rule
from optlab.symbolic import vector

ETA, MU, H = sympy.symbols("eta mu h", positive=True)
X1, X = sympy.symbols("x1 x", real=True)
T = sympy.Symbol("t", positive=True)
W, G, U = (vector(name, 2) for name in "wgu")
HEAVY = {"lr": ETA, "momentum": MU, "dampening": 0}


@check(
    r"$\|w_{t+1} - u\|^2 = \|w_t - u\|^2 - 2\eta \langle g_t, w_t - u\rangle + \eta^2 \|g_t\|^2$ "
    "for every $u$, before projection",
    "gradient_descent",
)
def one_step(rule: Rule) -> Finding:
    moved, _ = step(rule, W, G, rule.init(W), 1, lr=ETA)
    expansion = square(W - U) - 2 * ETA * inner(G, W - U) + ETA**2 * square(G)
    return same("The squared distance to u", (square(moved - U), expansion))


@check("Where the weights are makes no difference to a step", "gradient_descent", "momentum")
def anywhere(rule: Rule) -> Finding:
    state = any_state(rule)
    here, _ = step(rule, X1, G[0], state, T, **HEAVY)
    there, _ = step(rule, X1 + X, G[0], state, T, **HEAVY)
    return same("The step from x₁ + x", (there - X1 - X, here - X1))


@check("A gradient twice as large makes a first step twice as long", "gradient_descent", "momentum")
def proportional(rule: Rule) -> Finding:
    once, _ = step(rule, X1, G[0], rule.init(X1), 1, **HEAVY)
    twice, _ = step(rule, X1, 2 * G[0], rule.init(X1), 1, **HEAVY)
    return same("The step on 2 g", (twice - X1, 2 * (once - X1)))


@check(r"With $\mu = 0$ it is gradient descent", "momentum")
def without_memory(rule: Rule) -> Finding:
    gradients, hyper = sympy.symbols("g1:4", real=True), {**HEAVY, "momentum": 0}
    due = steps(rules.gradient_descent, X1, gradients, lr=ETA)
    path = zip(steps(rule, X1, gradients, **hyper), due, strict=True)
    return same("A weight", *((p, q) for (p, _), (q, _) in path))


@check(
    r"On a parabola of curvature $h$, $x_{t+1} = (1 + \mu - \eta h)\, x_t - \mu\, x_{t-1}$",
    "momentum",
)
def two_step(rule: Rule) -> Finding:
    x2, s = step(rule, X1, H * X1, rule.init(X1), 1, **HEAVY)
    x3, _ = step(rule, x2, H * x2, s, 2, **HEAVY)
    return same("x₃", (x3, (1 + MU - ETA * H) * x2 - MU * X1))


@check(
    r"Nesterov's form: there $x_{t+1} = (1 - \eta h)\left((1 + \mu)\, x_t - \mu\, x_{t-1}\right)$",
    "momentum",
)
def nesterov(rule: Rule) -> Finding:
    ahead = {**HEAVY, "nesterov": True}
    x2, s = step(rule, X1, H * X1, rule.init(X1), 1, **ahead)
    x3, _ = step(rule, x2, H * x2, s, 2, **ahead)
    return same("x₃", (x3, (1 - ETA * H) * ((1 + MU) * x2 - MU * X1)))
