"""Regularization as a change of another rule."""

from optlab.rules.rule import Rule


def with_l2(inner):
    """The rule `inner` for the loss plus weight_decay/2 · ‖p‖².

    L2 regularization: what the penalty adds to the gradient passes through
    everything that `inner` does with a gradient.
    """

    def l2(p, g, s, t, *, weight_decay, **hyperparameters):
        """With L2 regularization."""
        return inner(p, g + weight_decay * p, s, t, **hyperparameters)

    return Rule(l2, inner.initial, around=inner)
