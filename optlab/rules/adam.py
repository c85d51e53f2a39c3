"""Adam."""

from optlab.ops import sqrt, zeros_like
from optlab.rules.rule import State, rule


@rule(m=zeros_like, v=zeros_like)
def adam(p, g, s, t, *, lr, beta1, beta2, eps):
    """Kingma and Ba (2015), Algorithm 1."""
    m = beta1 * s.m + (1 - beta1) * g  # first moment
    v = beta2 * s.v + (1 - beta2) * g**2  # second raw moment, elementwise
    m_hat = m / (1 - beta1**t)  # both averages started at zero;
    v_hat = v / (1 - beta2**t)  # this undoes the pull towards it
    return p - lr * m_hat / (sqrt(v_hat) + eps), State(m=m, v=v)


adam.makes("Adam", lr=1e-3, beta1=0.9, beta2=0.999, eps=1e-8)
