"""What chapter 16 says of Muon, on small matrices."""

from __future__ import annotations

import sympy

from optlab.live.checks.adafactor import drawn
from optlab.live.checks.check import Finding, check
from optlab.live.checks.comparing import entries, same
from optlab.live.checks.steps import step, steps
from optlab.ops import matmul, transpose
from optlab.rules.rule import Rule
from optlab.symbolic import Matrix

NUMBERS = {"lr": "0.1", "momentum": "0.9", "weight_decay": "0.1"}
HYPER = {name: sympy.Float(x, 40) for name, x in NUMBERS.items()}
LEAST, LARGEST = sympy.Float("0.68"), sympy.Float("1.21")


def turn(a: int, b: int) -> Matrix:
    """A rotation, of whole numbers with a² + b² = 25."""
    x, y = (sympy.Float(k, 40) / 5 for k in (a, b))
    return Matrix([[x, -y], [y, x]])


@check("Rotating rows and columns rotates every step", "muon")
def rotated(rule: Rule) -> Finding:
    P, Q = turn(3, 4), turn(-4, 3)

    def turned(X: Matrix) -> Matrix:
        found: Matrix = matmul(matmul(P, X), Q)
        return found

    X, gradients = drawn(7, 2, 2), [drawn(k, 2, 2) for k in range(3)]
    straight = steps(rule, X, gradients, **HYPER)
    found = steps(rule, turned(X), [turned(g) for g in gradients], **HYPER)
    path = zip(found, straight, strict=True)
    return same("A weight, rotated", *((p, turned(q)) for (p, _), (q, _) in path))


@check("The unit of the loss makes no difference: gradients times $c$ change no step", "muon")
def unit_free(rule: Rule) -> Finding:
    X, gradients = drawn(7), [drawn(k) for k in range(3)]
    scaled = steps(rule, X, [8 * g for g in gradients], **HYPER)
    path = zip(scaled, steps(rule, X, gradients, **HYPER), strict=True)
    return same("A weight on 8 f", *((p, q) for (p, _), (q, _) in path))


@check(
    r"Without decay, the first step of a $2 \times 3$ matrix has singular values between "
    r"$0.68\,\eta$ and $1.21\,\eta$",
    "muon",
)
def alike(rule: Rule) -> Finding:
    X = drawn(7)
    for k in range(3):
        moved, _ = step(rule, X, drawn(k), rule.init(X), 1, **{**HYPER, "weight_decay": 0})
        Z = (moved - X) / HYPER["lr"]
        (a, b), (_, d) = matmul(Z, transpose(Z)).rows
        spread = sympy.sqrt((a - d) ** 2 + 4 * b**2)
        least, largest = (sympy.sqrt((a + d + sign * spread) / 2) for sign in (-1, 1))
        if not (least > LEAST and largest < LARGEST):
            given = ", ".join(f"{float(x):.3g} η" for x in (least, largest))
            return Finding(False, f"They are {given} for one gradient with entries of size 1.")
    return Finding(True, "It holds on the numbers tried.")


@check(r"Where there is no gradient, a step multiplies the weights by $1 - \eta\lambda$", "muon")
def decays(rule: Rule) -> Finding:
    X = drawn(7)
    moved, _ = step(rule, X, 0 * X, rule.init(X), 1, **HYPER)
    by = 1 - HYPER["lr"] * HYPER["weight_decay"]
    pairs = zip(entries(moved), entries(by * X), strict=True)
    return same("A weight", *pairs)
