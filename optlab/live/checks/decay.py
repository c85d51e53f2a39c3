"""What chapters 6 and 7 prove of weight decay: of AdamW, and of the two changes of a rule.

Checks of `with_l2` and `with_decay` are asked of the function, and apply it to several rules.
"""

from __future__ import annotations

from collections.abc import Callable

import sympy

from optlab import rules
from optlab.live.checks.check import Finding, check
from optlab.live.checks.comparing import same
from optlab.live.checks.steps import any_state, step, steps
from optlab.rules.rule import Rule, State
from optlab.symbolic import vector

Change = Callable[[Rule], Rule]

ALPHA, LAM, MU, ETA = sympy.symbols("alpha lambda mu eta", positive=True)
B1, B2, EPS, V, T = sympy.symbols("beta1 beta2 epsilon v t", positive=True)
THETA, G, M = sympy.symbols("theta g m", real=True)
GRADIENTS = sympy.symbols("g1:4", real=True)
HYPER = {"lr": ALPHA, "beta1": B1, "beta2": B2, "eps": EPS}
EXACT = {**HYPER, "eps": 0}
FROZEN = {"lr": ALPHA, "beta1": 0, "beta2": 1, "eps": 0}
SHRINK = {"weight_decay": LAM / ALPHA}  # of which each step takes λ times the weights


def fixed_state(s: object) -> State:
    """AMSGrad's state whose preconditioner is diag(s)⁻¹, forever, with FROZEN."""
    return State(m=0 * s, v=s**2, v_hat=s**2)  # type: ignore[operator]


@check(
    r"Proposition 1: gradient descent with decay takes the step "
    r"$(1 - \bar\lambda)\,\theta - \alpha g$, where $\bar\lambda = \alpha\lambda$",
    "with_decay",
)
def shrinks(change: Change) -> Finding:
    rule, pairs = change(rules.gradient_descent), []
    for n in (1, 2, 3):
        theta, g = vector("theta", n), vector("g", n)
        moved, _ = step(rule, theta, g, rule.init(theta), 1, lr=ALPHA, **SHRINK)
        pairs.append((moved, (1 - LAM) * theta - ALPHA * g))
    return same("A weight", *pairs)


@check(
    "Proposition 1: gradient descent with $L_2$ takes the step of the penalized loss, "
    r"$\theta - \alpha\,(g + \lambda'\theta)$",
    "with_l2",
)
def penalizes(change: Change) -> Finding:
    rule, pairs = change(rules.gradient_descent), []
    for n in (1, 2, 3):
        theta, g = vector("theta", n), vector("g", n)
        loss = LAM / 2 * sum(x**2 for x in theta)
        slope = theta.map(lambda x, of=loss: sympy.diff(of, x))
        moved, _ = step(rule, theta, g, rule.init(theta), 1, lr=ALPHA, weight_decay=LAM)
        pairs.append((moved, theta - ALPHA * (g + slope)))
    return same("A weight", *pairs)


def after_two_steps(l2: Change, decay: Change) -> Finding:
    """Of the heavy ball, from one start on the same gradients: L2 minus decay is −μλθ."""
    theta, gradients = vector("theta", 2), (vector("g", 2), vector("h", 2))
    hyper = {"lr": ALPHA, "momentum": MU, "dampening": 0, **SHRINK}
    first, second = (steps(f(rules.momentum), theta, gradients, **hyper) for f in (l2, decay))
    gaps = [p - q for (p, _), (q, _) in zip(first, second, strict=True)]
    return same("L₂ minus decay", (gaps[0], 0 * theta), (gaps[1], -MU * LAM * theta))


HEAVY = (
    r"With heavy-ball momentum, $L_2$ is not decay: after two steps on the same gradients they "
    r"differ by $-\mu\bar\lambda\,\theta$"
)


@check(HEAVY, "with_l2")
def heavy_l2(change: Change) -> Finding:
    return after_two_steps(change, rules.with_decay)


@check(HEAVY, "with_decay")
def heavy_decay(change: Change) -> Finding:
    return after_two_steps(rules.with_l2, change)


@check(
    r"Proposition 2: with a fixed preconditioner $\operatorname{diag}(s)^{-1}$, decay gives "
    r"$(1 - \bar\lambda)\,\theta - \alpha g/s$",
    "with_decay",
)
def preconditioned(change: Change) -> Finding:
    theta, g, s = vector("theta", 3), vector("g", 3), vector("s", 3, positive=True)
    rule = change(rules.amsgrad)
    moved, after = step(rule, theta, g, fixed_state(s), 1, **FROZEN, **SHRINK)
    due = (1 - LAM) * theta - ALPHA * g / s
    return same("What is left", (moved, due), (after.v_hat, s**2))


@check(
    r"Proposition 3: for that preconditioner, decay is the penalty "
    r"$\frac{\lambda}{2}\,\|\theta \odot \sqrt{s}\|^2$",
    "with_decay",
)
def scaled_penalty(change: Change) -> Finding:
    theta, g, s = vector("theta", 3), vector("g", 3), vector("s", 3, positive=True)
    moved, _ = step(change(rules.amsgrad), theta, g, fixed_state(s), 1, **FROZEN, **SHRINK)
    slope = LAM / ALPHA * s * theta
    due, _ = rules.amsgrad(theta, g + slope, fixed_state(s), 1, **FROZEN)
    return same("A weight", (moved, due))


@check(
    r"Where the averages rest, AdamW's step is $-\alpha\,(g/(|g| + \epsilon) + \lambda\theta)$",
    "with_decay",
)
def rests(change: Change) -> Finding:
    still = State(m=G, v=G**2)  # averages that do not change
    hold = {**HYPER, "beta1": 0, "beta2": 0, "weight_decay": LAM}
    moved, _ = step(change(rules.adam), THETA, G, still, 1, **hold)
    drive = G / (sympy.Abs(G) + EPS)
    return same("The step", (moved - THETA, -ALPHA * (drive + LAM * THETA)))


@check(
    r"With $L_2$, Adam's first step is $-\alpha$ times the sign of $g + \lambda'\theta$", "with_l2"
)
def first_step_l2(change: Change) -> Finding:
    [(moved, _)] = steps(change(rules.adam), THETA, [G], **EXACT, weight_decay=LAM)
    met = G + LAM * THETA
    return same("The first step", (moved - THETA, -ALPHA * met / sympy.Abs(met)))


@check(
    r"The penalty's share of Adam's step is $\alpha\lambda'\bar\theta_t/(\sqrt{\hat v_t} + "
    r"\epsilon)$, for $t = 1, 2, 3$",
    "with_l2",
)
def share(change: Change) -> Finding:
    rule, thetas, losses = change(rules.adam), vector("theta", 3), vector("g", 3)
    both = loss = weights = rules.adam.init(thetas[0])
    pairs = []
    for t, (w, g) in enumerate(zip(thetas, losses, strict=True), start=1):
        moved, both = step(rule, w, g, both, t, **HYPER, weight_decay=LAM)
        _, loss = rules.adam(w, g, loss, t, **HYPER)
        _, weights = rules.adam(w, w, weights, t, **HYPER)
        m_f, average = (s.m / (1 - B1**t) for s in (loss, weights))
        root = sympy.sqrt(both.v / (1 - B2**t)) + EPS
        pairs.append((moved, w - ALPHA * m_f / root - ALPHA * LAM / root * average))
    return same("A weight", *pairs)


def _adam(rule: Rule, **more: object) -> tuple[sympy.Expr, State]:
    """A step of an Adam from any state."""
    return step(rule, THETA, G, any_state(rule, m=M, v=V), T, **{**HYPER, **more})


def is_adam(rule: Rule) -> Finding:
    moved, _ = _adam(rule, weight_decay=0, eta=1)
    due, _ = rules.adam(THETA, G, State(m=M, v=V), T, **HYPER)
    return same("A weight", (moved, due))


def no_decay_in_moments(rule: Rule) -> Finding:
    _, with_ = _adam(rule, weight_decay=LAM, eta=ETA)
    _, without = _adam(rule, weight_decay=0, eta=ETA)
    return same("A moment", *((x, vars(without)[k]) for k, x in vars(with_).items()))


@check(r"With $\lambda = 0$ it is Adam", "with_l2", "with_decay")
def zero_is_adam(change: Change) -> Finding:
    return is_adam(change(rules.adam))


@check(r"With $\bar\lambda = 0$ and $\eta_t = 1$ it is Adam", "adamw")
def adamw_zero_is_adam(rule: Rule) -> Finding:
    return is_adam(rule)


@check(r"Neither moment contains $\lambda$", "with_l2", "with_decay", fails=("with_l2",))
def moments(change: Change) -> Finding:
    return no_decay_in_moments(change(rules.adam))


@check(r"Neither moment contains $\bar\lambda$", "adamw")
def adamw_moments(rule: Rule) -> Finding:
    return no_decay_in_moments(rule)


@check(
    r"Decay takes the same share of all weights: $\partial\theta_t/\partial\lambda = "
    r"-\alpha\,\theta_{t-1}$",
    "with_decay",
    "with_l2",
    fails=("with_l2",),
)
def same_share(change: Change) -> Finding:
    moved, _ = _adam(change(rules.adam), weight_decay=LAM, eps=0)
    return same("The derivative by λ", (sympy.diff(moved, LAM), -ALPHA * THETA))


@check(
    r"In the paper's form the rate does not change the decay: "
    r"$\partial^2\theta_t/\partial\bar\lambda\,\partial\alpha = 0$",
    "adamw",
)
def paper_decay(rule: Rule) -> Finding:
    moved, _ = _adam(rule, weight_decay=LAM, eta=ETA)
    return same("The mixed derivative", (sympy.diff(moved, LAM, ALPHA), 0))


@check(
    r"With $\epsilon = 0$ and $\eta_t = 1$, the first step is $-\alpha g/|g| - \bar\lambda\theta$",
    "adamw",
)
def adamw_first_step(rule: Rule) -> Finding:
    [(moved, _)] = steps(rule, THETA, [G], **EXACT, weight_decay=LAM, eta=1)
    return same("The first step", (moved - THETA, -ALPHA * G / sympy.Abs(G) - LAM * THETA))
