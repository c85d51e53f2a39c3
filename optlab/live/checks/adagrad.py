"""What chapter 2 says of AdaGrad's updates."""

from __future__ import annotations

import sympy

from optlab.live.checks.check import Finding, check
from optlab.live.checks.comparing import same
from optlab.live.checks.steps import steps
from optlab.rules.rule import Rule
from optlab.symbolic import vector

ETA, DELTA, C = sympy.symbols("eta delta c", positive=True)
T, H = sympy.symbols("t H", positive=True)
X, G_BAR = sympy.symbols("x gbar", real=True)
GRADIENTS = sympy.symbols("g1:4", real=True)


# Of the mean gradient times η x, plus H x²/(2 t): what the primal-dual update asks for.
MINIMUM = -ETA * G_BAR * T / H


def root(k: int) -> sympy.Expr:
    """The root of the sum of k squares."""
    return sympy.sqrt(sum(g**2 for g in GRADIENTS[:k]))


@check(
    r"The step is $-\eta\, g_t / h_t$ with $h_t = \delta + \sqrt{g_1^2 + \dots + g_t^2}$", "adagrad"
)
def mirror_descent(rule: Rule) -> Finding:
    here, pairs = X, []
    for k, (p, _) in enumerate(steps(rule, X, GRADIENTS, lr=ETA, delta=DELTA), start=1):
        pairs.append((p - here, -ETA * GRADIENTS[k - 1] / (DELTA + root(k))))
        here = p
    return same("A step", *pairs)


@check(
    "The weights minimize what the primal-dual update says: from zero, "
    r"$-\eta\,(g_1 + \dots + g_t)/h_t$",
    "adagrad_dual",
    "adagrad_full_dual",
)
def closed_form(rule: Rule) -> Finding:
    zero, pairs = sympy.Integer(0), []
    for k, (p, _) in enumerate(steps(rule, zero, GRADIENTS, lr=ETA, delta=DELTA), start=1):
        mean = sum(GRADIENTS[:k]) / sympy.Integer(k)
        pairs.append((p, MINIMUM.subs({G_BAR: mean, T: k, H: DELTA + root(k)})))
    return same("The weight", *pairs)


@check(
    r"With $\delta = 0$, the unit of the loss makes no difference: three steps on $c f$ are those "
    "on $f$",
    "adagrad",
    "adagrad_dual",
    "adagrad_full_dual",
)
def unit_free(rule: Rule) -> Finding:
    zero, hyper = sympy.Integer(0), {"lr": ETA, "delta": 0}
    scaled = [C * g for g in GRADIENTS]
    path = zip(
        steps(rule, zero, scaled, **hyper), steps(rule, zero, GRADIENTS, **hyper), strict=True
    )
    return same("A weight on c f", *((p, q) for (p, _), (q, _) in path))


@check(r"With $\delta = 0$, the first step has the length $\eta$", "adagrad")
def first_step(rule: Rule) -> Finding:
    [(p, _)] = steps(rule, X, GRADIENTS[:1], lr=ETA, delta=0)
    return same("The first step", (p - X, -ETA * GRADIENTS[0] / sympy.Abs(GRADIENTS[0])))


@check("Each weight's step depends on its own gradients only", "adagrad", "adagrad_dual")
def own_gradient(rule: Rule) -> Finding:
    p, both, h = vector("x", 2), vector("g", 2), sympy.Symbol("h", real=True)
    [(moved, _)] = steps(rule, p, [both], lr=ETA, delta=DELTA)
    other = moved[0].subs(both[1], h)
    return same("The first weight, with h for the other's gradient,", (other, moved[0]))
