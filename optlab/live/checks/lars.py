"""What chapter 9 proves of both forms of LARS, on layers of two weights."""

from __future__ import annotations

from typing import Any

import sympy

from optlab.live.checks.check import Finding, check
from optlab.live.checks.comparing import same, square
from optlab.live.checks.steps import any_state, step
from optlab.rules.rule import Rule, State
from optlab.symbolic import vector

RATE, B1, LAM, ETA, MU, C, A = sympy.symbols("rate beta1 lambda eta mu c a", positive=True)
W, G, U = (vector(name, 2) for name in "wgu")
GRADIENTS = [vector(f"g{t}", 2) for t in (1, 2, 3)]
HYPER = {"lr": RATE, "momentum": MU, "trust_coefficient": ETA, "beta1": B1}


def memory_by(rule: Rule, weights_by: Any, gradient_by: Any) -> dict[str, Any]:
    """What a first step multiplies each state variable by, where weights and gradient were."""
    numbers = dict.fromkeys(rule.numbers, sympy.Rational(1, 2)) | {"weight_decay": 0}
    one, two = sympy.Integer(1), sympy.Integer(2)

    def first(p: Any, g: Any) -> dict[str, Any]:
        return vars(step(rule, p, g, rule.init(p), 1, **numbers)[1])

    base, of_weights, of_gradient = first(one, one), first(two, one), first(one, two)

    def power(name: str, of: dict[str, Any]) -> int:
        return round(float(sympy.log(of[name] / base[name], 2))) if base[name] else 0

    return {
        name: weights_by ** power(name, of_weights) * gradient_by ** power(name, of_gradient)
        for name in base
    }


def scales(rule: Rule, decay: Any, by: Any, gradient_by: Any) -> Finding:
    """Whether one step from weights, gradient and memory that are scaled is the scaled step."""
    memory = memory_by(rule, by, gradient_by)
    state = State(**dict.fromkeys(rule.initial, U))
    scaled = State(**{name: factor * U for name, factor in memory.items()})
    hyper = {**HYPER, "weight_decay": decay}
    p, s = step(rule, W, G, state, 1, **hyper)
    q, r = step(rule, by * W, gradient_by * G, scaled, 1, **hyper)
    kept = [(vars(r)[name], factor * vars(s)[name]) for name, factor in memory.items()]
    return same("A weight or its memory, of scaled ones", (q, by * p), *kept)


@check(
    "Without decay: weights $c$ times as long and gradients $1/c$ times give the same step, $c$ "
    "times as long",
    "lars",
    "lars_deck",
)
def rescaled(rule: Rule) -> Finding:
    return scales(rule, 0, C, 1 / C)


@check("Without decay, the unit of the loss makes no difference", "lars", "lars_deck")
def loss_scaled(rule: Rule) -> Finding:
    return scales(rule, 0, sympy.Integer(1), A)


@check(
    r"Without decay, the first step has the length $\gamma_t\,\eta\,\|w_t\|$, whatever the "
    "gradient",
    "lars",
)
def first_length(rule: Rule) -> Finding:
    moved, _ = step(rule, W, G, rule.init(W), 1, **HYPER, weight_decay=0)
    return same("The square of its length", (square(moved - W), (RATE * ETA) ** 2 * square(W)))


@check(
    r"$m_3$ is the average of $g_t + \lambda x_t$ with weights $(1-\beta_1)\,\beta_1^{3-t}$",
    "lars_deck",
)
def averaged(rule: Rule) -> Finding:
    s, due = rule.init(W), 0 * W
    for t, g in enumerate(GRADIENTS, start=1):
        here = vector(f"x{t}", 2)  # wherever the weights are
        _, s = step(rule, here, g, s, t, **HYPER, weight_decay=LAM)
        due = due + (1 - B1) * B1 ** (3 - t) * (g + LAM * here)
    return same("m₃", (s.m, due))


def _from_any_momentum(rule: Rule) -> tuple[Any, State]:
    """The step of the second form, and the state after it."""
    m = vector("m", 2)
    after, s = step(rule, W, G, any_state(rule, m=m), 1, **HYPER, weight_decay=LAM)
    return after - W, s


@check(r"The step has the length $\gamma_t\,\|x_t\|$", "lars_deck")
def length(rule: Rule) -> Finding:
    moved, _ = _from_any_momentum(rule)
    return same("The square of its length", (square(moved), RATE**2 * square(W)))


@check("The step is parallel to $m_t$", "lars_deck")
def parallel(rule: Rule) -> Finding:
    moved, s = _from_any_momentum(rule)
    return same("What of it is across", (moved[0] * s.m[1] - moved[1] * s.m[0], 0))
