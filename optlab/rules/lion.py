"""Lion."""

from optlab.ops import sign, zeros_like
from optlab.rules.rule import State, rule


@rule("Lion", m=zeros_like)
def lion(p, g, s, t, *, lr=1e-4, beta1=0.9, beta2=0.99, weight_decay=0.0):
    """Chen et al. (2023), Algorithm 2."""
    c = beta1 * s.m + (1 - beta1) * g
    m = beta2 * s.m + (1 - beta2) * g
    return p - lr * (sign(c) + weight_decay * p), State(m=m)
