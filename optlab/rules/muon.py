"""Muon: momentum, of which all singular values are made about 1, or exactly 1.

How large that step is for a matrix of n × m is a choice of its own, the scale.
"""

from optlab.ops import (
    column_count,
    matmul,
    maximum,
    norm,
    polar,
    row_count,
    sqrt,
    transpose,
    zeros_like,
)
from optlab.rules.rule import State, rule


def gram(U, tall):
    """The smaller of the two products of U with its transpose."""
    return matmul(transpose(U), U) if tall else matmul(U, transpose(U))


def quintic(U, A, a, b, c, tall):
    """a U + b (U Uᵀ) U + c (U Uᵀ)² U, given A = gram(U): of a singular value, a s + b s³ + c s⁵."""
    return a * U + (
        matmul(U, b * A + c * matmul(A, A)) if tall else matmul(b * A + c * matmul(A, A), U)
    )


def exact(D):
    """D as it is. Programs round it to bfloat16, in which the products are then taken."""
    return D


def newton_schulz(D, a, b, c, eps, tall, rounded=exact):
    """Five such polynomials of D, whose singular values are first made at most 1."""
    U = rounded(D) / maximum(norm(D), eps)
    P = quintic(U, gram(U, tall), a, b, c, tall)
    Q = quintic(P, gram(P, tall), a, b, c, tall)
    R = quintic(Q, gram(Q, tall), a, b, c, tall)
    S = quintic(R, gram(R, tall), a, b, c, tall)
    return quintic(S, gram(S, tall), a, b, c, tall)


def original(X):
    """√max(1, n/m), as Jordan's code has it."""
    return sqrt(maximum(1, row_count(X) / column_count(X)))


def like_adamw(X):
    """0.2 √max(n, m), Liu et al. (2025), Section 2.2: entries as large as a step of AdamW's."""
    return 0.2 * sqrt(maximum(row_count(X), column_count(X)))


def of_outputs(X):
    """√(n/m): the norm of Bernstein and Newhouse (2024) measures inputs and outputs by their
    root mean squares."""
    return sqrt(row_count(X) / column_count(X))


@rule("Muon", M=zeros_like)
def muon(
    X,
    G,
    s,
    t,
    *,
    lr=0.02,
    weight_decay=0.0,
    momentum=0.95,
    nesterov=True,
    a=3.4445,
    b=-4.775,
    c=2.0315,
    eps=1e-7,
    tall=False,
    scale=original,
    rounded=exact,
):
    """Jordan et al. (2024), with the decay of its code."""
    M = momentum * s.M + (1 - momentum) * G
    D = momentum * M + (1 - momentum) * G if nesterov else M
    Z = newton_schulz(D, a, b, c, eps, tall, rounded)
    return X - lr * (scale(X) * Z + weight_decay * X), State(M=M)


@rule(M=zeros_like)
def muon_polar(X, G, s, t, *, lr, weight_decay, momentum, nesterov=True, scale=original):
    """Muon with the polar factor itself, which five steps of Newton and Schulz approximate."""
    M = momentum * s.M + (1 - momentum) * G
    D = momentum * M + (1 - momentum) * G if nesterov else M
    return X - lr * (scale(X) * polar(D) + weight_decay * X), State(M=M)
