"""What chapter 4 says of factored second moments, on small matrices."""

from __future__ import annotations

from typing import Any

import sympy

from optlab import rules
from optlab.live.checks.check import Finding, check
from optlab.live.checks.comparing import entries, same
from optlab.live.checks.steps import step, steps
from optlab.ops import transpose
from optlab.rules.rule import Rule
from optlab.symbolic import Matrix

PAPERS = {"lr": "0.01", "beta2_decay": "-0.8", "eps1": "1e-30", "eps2": "0.001", "d": "1"}
NUMBERS = {name: sympy.Float(x, 40) for name, x in PAPERS.items()}
NUMBERS |= {"beta2": sympy.Float("0.9", 40), "eps": sympy.Float("1e-8", 40)}


def drawn(k: int, n: int = 2, m: int = 3) -> Matrix:
    """A matrix of numbers of either sign, another for each k; always the same."""
    return Matrix(
        [[sympy.Float((37 * (i * m + j + 1) * (k + 2)) % 101 - 50, 40) / 20 for j in range(m)]
         for i in range(n)]
    )  # fmt: skip


def rms(x: Matrix) -> sympy.Expr:
    """Root mean square."""
    return sympy.sqrt(sum(a**2 for a in entries(x)) / len(entries(x)))


@check("The transposed problem gets the transposed steps", "factored_adam", "adafactor")
def transposed(rule: Rule) -> Finding:
    gradients, X = [drawn(k) for k in range(3)], drawn(7)
    straight = steps(rule, X, gradients, **NUMBERS)
    turned = steps(rule, transpose(X), [transpose(g) for g in gradients], **NUMBERS)
    path = zip(turned, straight, strict=True)
    return same("A weight of the transpose", *((p, transpose(q)) for (p, _), (q, _) in path))


@check(r"On multiples of one matrix of rank one it is Adam with $\beta_1 = 0$", "factored_adam")
def rank_one(rule: Rule) -> Finding:
    first = Matrix([[sympy.Integer(a * b) / 7 for b in (2, -3, 5)] for a in (1, -4)])
    gradients = [first, -3 * first, sympy.Rational(1, 2) * first]
    due = steps(rules.adam, drawn(7), gradients, **NUMBERS, beta1=0)
    path = zip(steps(rule, drawn(7), gradients, **NUMBERS), due, strict=True)
    return same("A weight", *((p, q) for (p, _), (q, _) in path))


@check(r"With $\epsilon = 0$, gradients times $c$ change no step", "factored_adam")
def scale_free(rule: Rule) -> Finding:
    X, gradients = drawn(7), [drawn(k) for k in range(3)]
    hyper = {**NUMBERS, "eps": 0}
    scaled = steps(rule, X, [8 * g for g in gradients], **hyper)
    path = zip(scaled, steps(rule, X, gradients, **hyper), strict=True)
    return same("A weight on 8 f", *((p, q) for (p, _), (q, _) in path))


def shares(rule: Rule, gradients: list[Matrix], X: Matrix) -> list[sympy.Expr]:
    """The root mean square of each step as a share of the weights'."""
    s, found = rule.init(X), []
    for t, g in enumerate(gradients, start=1):
        moved, s = step(rule, X, g, s, t, **NUMBERS)
        found.append(rms(moved - X) / rms(X))
        X = moved
    return found


@check(
    r"No step is longer, in root mean square, than $d\,\alpha_t$: a gradient that is 1000 times "
    "as large is clipped",
    "adafactor",
)
def clipped(rule: Rule) -> Finding:
    gradients: list[Any] = [drawn(k) for k in range(5)]
    gradients[-1] = 1000 * gradients[-1]
    for t, found in enumerate(shares(rule, gradients, drawn(7)), start=1):
        rate = min(NUMBERS["lr"], 1 / sympy.sqrt(sympy.Float(t, 40)))
        if found > rate * (1 + sympy.Float("1e-9")):
            longer = f"{float(found / rate):.3g}"
            return Finding(False, f"Step {t} is {longer} times as long, on numbers of size 1.")
    return Finding(True, "It holds on the numbers tried.")


@check("Weights 100 times as large move by the same fraction of themselves", "adafactor")
def relative(rule: Rule) -> Finding:
    gradients, X = [drawn(k) for k in range(3)], drawn(7)
    path = zip(shares(rule, gradients, 100 * X), shares(rule, gradients, X), strict=True)
    return same("The fraction", *path)
