"""Sophia: the step, and the average of Hessian estimates that it divides by."""

from optlab.ops import maximum, minimum, zeros_like
from optlab.rules.rule import State, rule


@rule(estimated="h", m=zeros_like, h=zeros_like)
def sophia(p, g, s, t, *, lr, beta1, rho, eps, weight_decay):
    """Liu et al. (2023), Algorithm 3, between two Hessian estimates."""
    m = beta1 * s.m + (1 - beta1) * g
    step = maximum(minimum(m / maximum(s.h, eps), rho), -rho)
    return p - lr * weight_decay * p - lr * step, State(m=m, h=s.h)


sophia.makes("Sophia", lr=1e-4, beta1=0.965, rho=0.04, eps=1e-12, weight_decay=1e-1)


def average_hessian(h, h_hat, *, beta2):
    """Liu et al. (2023), Algorithm 3: the average that is renewed every k steps."""
    return beta2 * h + (1 - beta2) * h_hat
