"""Weight decay, as a change of another rule: through the gradient, or beside it."""

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


def with_decay(inner):
    """The rule `inner`, and each weight shrunk by the factor 1 - lr · weight_decay.

    Decoupled decay in the parametrization of torch.optim.AdamW: the learning rate
    multiplies it. The paper's own form is in `adamw`.
    """

    def decayed(p, g, s, t, *, lr, weight_decay, **hyperparameters):
        """With decoupled weight decay, proportional to the learning rate."""
        q, s = inner(p, g, s, t, lr=lr, **hyperparameters)
        return q - lr * weight_decay * p, s

    return Rule(decayed, inner.initial, around=inner)
