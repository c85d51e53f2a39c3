"""LARS, as its own paper has it and as the deck and the LAMB paper do."""

from optlab.ops import norm, ratio, zeros_like
from optlab.rules.rule import State, rule


def identity(z):
    """The scaling function φ(z) = z."""
    return z


@rule(v=zeros_like)
def lars(w, g, s, t, *, lr, momentum, weight_decay, trust_coefficient):
    """You, Gitman and Ginsburg (2017), Algorithm 1, for one layer."""
    local = ratio(trust_coefficient * norm(w), norm(g) + weight_decay * norm(w))
    v = momentum * s.v + lr * local * (g + weight_decay * w)
    return w - v, State(v=v)


lars.makes("LARS", lr=1.0, momentum=0.9, weight_decay=0, trust_coefficient=0.001)


@rule(m=zeros_like)
def lars_deck(x, g, s, t, *, lr, beta1, weight_decay, phi=identity):
    """The deck's Algorithm 7: the trust ratio is taken of the momentum, outside it."""
    m = beta1 * s.m + (1 - beta1) * (g + weight_decay * x)
    return x - lr * ratio(phi(norm(x)), norm(m)) * m, State(m=m)
