"""Second moments kept as row and column averages: the deck's reduced form and Adafactor."""

from optlab.ops import (
    column_means,
    column_sums,
    maximum,
    mean,
    minimum,
    row_means,
    row_sums,
    sqrt,
    zero_columns,
    zero_rows,
    zeros_like,
)
from optlab.rules.rule import State, rule


def rms(x):
    """Root mean square of all entries."""
    return sqrt(mean(x**2))


@rule(R=zero_rows, C=zero_columns)
def factored_adam(X, G, s, t, *, lr, beta2, eps):
    """Adam with factored second moments, no momentum: Algorithm 4 of some slides, corrected."""
    R = beta2 * s.R + (1 - beta2) * row_sums(G**2)
    C = beta2 * s.C + (1 - beta2) * column_sums(G**2)
    V_hat = R * C / (column_sums(R) * (1 - beta2**t))
    return X - lr * G / (sqrt(V_hat) + eps), State(R=R, C=C)


@rule(R=zero_rows, C=zero_columns)
def adafactor(X, G, s, t, *, lr, beta2_decay, eps1, eps2, d):
    """Shazeer and Stern (2018), Adafactor for matrices: no momentum, decay 1 - t^beta2_decay."""
    beta2 = 1 - t**beta2_decay
    R = beta2 * s.R + (1 - beta2) * row_means(G**2 + eps1)
    C = beta2 * s.C + (1 - beta2) * column_means(G**2 + eps1)
    U = G / (sqrt(R / column_means(R)) * sqrt(C))  # G / sqrt(V), V = R C / column_means(R)
    return X - _step(X, U, t, lr, eps2, d), State(R=R, C=C)


adafactor.makes("Adafactor", lr=1e-2, beta2_decay=-0.8, eps1=1e-30, eps2=1e-3, d=1.0)


@rule(V=zeros_like)
def adafactor_vector(X, G, s, t, *, lr, beta2_decay, eps1, eps2, d):
    """Shazeer and Stern (2018), Adafactor for vectors: nothing is factored."""
    beta2 = 1 - t**beta2_decay
    V = beta2 * s.V + (1 - beta2) * (G**2 + eps1)
    U = G / sqrt(V)
    return X - _step(X, U, t, lr, eps2, d), State(V=V)


def _step(X, U, t, lr, eps2, d):
    """U clipped to root mean square d, times a rate relative to the parameter's scale."""
    U_hat = U / maximum(1, rms(U) / d)
    rho = minimum(lr, 1 / sqrt(t))
    alpha = maximum(eps2, rms(X)) * rho
    return alpha * U_hat
