"""LAMB."""

from optlab.ops import norm, ratio, sqrt, zeros_like
from optlab.rules.lars import identity
from optlab.rules.rule import State, rule


@rule(m=zeros_like, v=zeros_like)
def lamb(x, g, s, t, *, lr, beta1, beta2, eps, weight_decay, phi=identity):
    """You et al. (2020), Algorithm 2, for one layer; decay enters once, in u and its norm."""
    m = beta1 * s.m + (1 - beta1) * g
    v = beta2 * s.v + (1 - beta2) * g**2
    m_hat = m / (1 - beta1**t)
    v_hat = v / (1 - beta2**t)
    u = m_hat / (sqrt(v_hat) + eps) + weight_decay * x
    return x - lr * ratio(phi(norm(x)), norm(u)) * u, State(m=m, v=v)


lamb.makes("LAMB", lr=1e-3, beta1=0.9, beta2=0.999, eps=1e-6, weight_decay=0)
