"""Gradient descent, projected, and with momentum."""

from optlab.ops import zeros_like
from optlab.rules.rule import State, rule


def everywhere(w, weights=None):
    """The projection onto the whole space, in any metric: no constraint."""
    return w


@rule()
def gradient_descent(w, g, s, t, *, lr, project=everywhere):
    """Zinkevich (2003), online projected (sub)gradient descent, section 2."""
    return project(w - lr * g), s


@rule(b=zeros_like)
def momentum(w, g, s, t, *, lr, momentum, dampening=0, nesterov=False):
    """Polyak (1964), heavy ball; Nesterov's form as in Sutskever et al. (2013)."""
    b = momentum * s.b + (1 - dampening) * g
    step = g + momentum * b if nesterov else b
    return w - lr * step, State(b=b)
