"""AdamW in the parametrization of its paper."""

from optlab.ops import sqrt, zeros_like
from optlab.rules.rule import State, rule


@rule(m=zeros_like, v=zeros_like)
def adamw(p, g, s, t, *, lr, beta1, beta2, eps, weight_decay, eta):
    """Loshchilov and Hutter (2019), Algorithm 2, line 12: the schedule multiplier eta
    scales the decay, the learning rate lr does not."""
    m = beta1 * s.m + (1 - beta1) * g
    v = beta2 * s.v + (1 - beta2) * g**2
    m_hat = m / (1 - beta1**t)
    v_hat = v / (1 - beta2**t)
    step = lr * m_hat / (sqrt(v_hat) + eps) + weight_decay * p
    return p - eta * step, State(m=m, v=v)
