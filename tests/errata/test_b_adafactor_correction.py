"""Erratum (b), Algorithm 4: the bias correction of step t has the exponent t, not T."""

from walk import assert_same, randn, walk

from optlab.ops import sqrt
from optlab.rules import State, factored_adam

SETTINGS = {"lr": 0.1, "beta2": 0.999, "eps": 0.0}


def printed(T):
    """Algorithm 4 with the number of all steps in line 5."""

    def rule(X, G, s, t, *, lr, beta2, eps):
        R = beta2 * s.R + (1 - beta2) * (G**2).sum(1, keepdim=True)
        C = beta2 * s.C + (1 - beta2) * (G**2).sum(0, keepdim=True)
        V_hat = R * C / R.sum() / (1 - beta2**T)
        return X - lr * G / (sqrt(V_hat) + eps), State(R=R, C=C)

    rule.init = factored_adam.init
    return rule


def test_for_a_gradient_of_rank_one_only_the_corrected_first_step_has_the_length_lr():
    start, g = randn(5, 3), randn(5, 1) @ randn(1, 3, seed=1)
    right, _ = walk(factored_adam, start, [g], **SETTINGS)
    wrong, _ = walk(printed(10_000), start, [g], **SETTINGS)
    assert_same(right, start - 0.1 * g.sign(), rtol=1e-7)
    assert_same(wrong, start - 0.1 * 31.62 * g.sign(), rtol=1e-3)


def test_at_the_last_step_the_two_agree():
    start, gradients = randn(5, 3), randn(10, 5, 3, seed=1)
    _, s = walk(factored_adam, start, gradients[:-1], **SETTINGS)
    last = (start, gradients[-1], s, 10)
    assert_same(printed(10)(*last, **SETTINGS)[0], factored_adam(*last, **SETTINGS)[0], rtol=1e-12)
