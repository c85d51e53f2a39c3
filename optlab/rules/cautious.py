"""Caution, as a change of another rule: no step where it would go against the gradient."""

from optlab.ops import maximum, mean, sign
from optlab.rules.rule import Rule


def cautious(inner):
    """The rule `inner`, but only where its step and the gradient agree in sign.

    Liang et al. (2024), Algorithm 1. What is left of the step is divided by the part of the
    entries that it is left in, or by 0.001 where that is less, as in its authors' code. Decay
    that is decoupled stays outside: `with_decay(cautious(adam))`.
    """

    def cautious(p, g, s, t, **hyperparameters):
        """With caution."""
        q, s = inner(p, g, s, t, **hyperparameters)
        Delta = p - q
        phi = maximum(sign(Delta * g), 0)
        return p - Delta * phi / maximum(mean(phi), 0.001), s

    return Rule(cautious, inner.initial, around=inner)
