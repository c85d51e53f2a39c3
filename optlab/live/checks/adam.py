"""What chapter 3 proves of Adam."""

from __future__ import annotations

import sympy

from optlab import rules
from optlab.live.checks.check import Finding, check
from optlab.live.checks.comparing import same, written
from optlab.live.checks.steps import any_state, step, steps
from optlab.rules.rule import Rule, State
from optlab.symbolic import vector

ALPHA, B1, B2, C, EPS = sympy.symbols("alpha beta1 beta2 c epsilon", positive=True)
T, V = sympy.symbols("t v", positive=True)
G, M, B, THETA = sympy.symbols("g m b theta", real=True)
GRADIENTS = sympy.symbols("g1:5", real=True)
HYPER = {"lr": ALPHA, "beta1": B1, "beta2": B2, "eps": EPS}
EXACT = {**HYPER, "eps": 0}


@check(
    r"$m_t/(1-\beta_1^t)$ and $v_t/(1-\beta_2^t)$ are weighted means of the gradients and of "
    "their squares; of equal gradients $g$ they are $g$ and $g^2$",
    "adam",
)
def averages(rule: Rule) -> Finding:
    means, equal = [], dict.fromkeys(GRADIENTS, G)
    for t, (_, s) in enumerate(steps(rule, THETA, GRADIENTS, **EXACT), start=1):
        m_hat, v_hat = s.m / (1 - B1**t), s.v / (1 - B2**t)
        weights = [(1 - B1) * B1 ** (t - i) / (1 - B1**t) for i in range(1, t + 1)]
        unrolled = sum(w * g for w, g in zip(weights, GRADIENTS, strict=False))
        means += [(m_hat.subs(equal), G), (v_hat.subs(equal), G**2), (m_hat, unrolled)]
    found = same("One of the means", *means)
    if not found.holds:
        return found
    count = f"{found.count} of {len(means)} identities hold for t = 1, …, {len(GRADIENTS)}"
    return Finding(True, count, found.count)


HALF = sympy.Rational(1, 2)


def powers(rule: Rule) -> dict[str, int]:
    """The power of c by which each state variable is multiplied when a first gradient is by c."""
    two, numbers = sympy.Integer(2), dict.fromkeys(rule.numbers, HALF) | {"eps": 0}
    _, once = step(rule, two, two, rule.init(two), 1, **numbers)
    _, twice = step(rule, two, 2 * two, rule.init(two), 1, **numbers)
    quotients = {k: vars(twice)[k] / x if x else 1 for k, x in vars(once).items()}
    return {k: round(float(sympy.log(x, 2))) for k, x in quotients.items()}


def _from_scaled(rule: Rule) -> tuple[tuple[sympy.Expr, State], tuple[sympy.Expr, State]]:
    """A step from any state, and from the state that gradients times c would have made."""
    state, power = any_state(rule, m=M, v=V), powers(rule)
    scaled = State(**{k: C ** power[k] * x for k, x in vars(state).items()})
    return step(rule, THETA, G, state, T, **EXACT), step(rule, THETA, C * G, scaled, T, **EXACT)


@check(
    "Gradients times $c$ make the state $(c\\,m_t, c^2 v_t)$, if it was so scaled before", "adam"
)
def state_scales(rule: Rule) -> Finding:
    (_, once), (_, scaled) = _from_scaled(rule)
    due = {"m": 1, "v": 2} | {k: powers(rule)[k] for k in rule.initial if k not in ("m", "v")}
    pairs = [(vars(scaled)[k], C ** due[k] * x) for k, x in vars(once).items()]
    return same("The state after gradients times c", *pairs)


@check(r"With $\epsilon = 0$, gradients times $c$ change no step", "adam")
def same_step(rule: Rule) -> Finding:
    (once, _), (scaled, _) = _from_scaled(rule)
    return same("The step on c g", (scaled - THETA, once - THETA))


@check(r"With $\epsilon = 0$, the first step is $-\alpha\, g/|g|$", "adam")
def first_step(rule: Rule) -> Finding:
    [(first, _)] = steps(rule, THETA, [G], **EXACT)
    return same("The first step", (first - THETA, -ALPHA * G / sympy.Abs(G)))


@check(
    r"$\epsilon$ stands beside the root: the first step is $-\alpha\, g/(|g| + \epsilon)$", "adam"
)
def beside_root(rule: Rule) -> Finding:
    [(first, _)] = steps(rule, THETA, [G], **HYPER)
    return same("The first step", (first - THETA, -ALPHA * G / (sympy.Abs(G) + EPS)))


@check("Each weight's step depends on its own gradients only", "adam", "adamw")
def own_gradient(rule: Rule) -> Finding:
    p, both, one = vector("theta", 2), vector("g", 2), sympy.Symbol("h", real=True)
    [(moved, _)] = steps(rule, p, [both], **EXACT)
    other = moved[0].subs(both[1], one)
    return same("The first weight's step, with h for the other's gradient", (other, moved[0]))


@check("Where the weights are makes no difference to a step", "adam")
def anywhere(rule: Rule) -> Finding:
    far, state = sympy.Symbol("x", real=True), any_state(rule, m=M, v=V)
    here, _ = step(rule, THETA, G, state, T, **HYPER)
    there, _ = step(rule, THETA + far, G, state, T, **HYPER)
    return same("The step from θ + x", (there - THETA - far, here - THETA))


@check(r"$m_t$ is $1-\beta_1$ times the buffer of heavy-ball momentum", "adam")
def heavy_ball(rule: Rule) -> Finding:
    _, after = step(rule, THETA, G, any_state(rule, m=(1 - B1) * B, v=V), T, **EXACT)
    _, heavy = rules.momentum(THETA, G, State(b=B), T, lr=ALPHA, momentum=B1)
    return same("m", (after.m, (1 - B1) * heavy.b))


@check(
    "Without momentum, what the gradient is divided by never falls",
    "adam",
    "amsgrad",
    "adagrad",
    fails=("adam",),
)
def never_falls(rule: Rule) -> Finding:
    gradients = [sympy.Integer(x) for x in (10, 1, -1, 1)]
    numbers = {"lr": 1, "beta1": 0, "beta2": sympy.Rational(9, 10)}
    numbers |= {"eps": 0, "delta": 0}
    zero = largest = sympy.Integer(0)
    s, path = rule.init(zero), ""
    for t, g in enumerate(gradients, start=1):
        p, s = step(rule, zero, g, s, t, **numbers)
        divisor = -g / p if p else sympy.oo
        path += f"{', ' if path else ''}{written(g)}"
        if divisor < largest * (1 - sympy.Float("1e-9")):
            return Finding(
                False,
                f"On the gradients {path} it falls from {written(largest)} to {written(divisor)} "
                "(β₂ = 0.9).",
            )
        largest = divisor
    return Finding(True, f"On the gradients {path} it does not fall (β₂ = 0.9).")
