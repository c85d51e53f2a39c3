"""AMSGrad."""

from optlab.ops import divide, maximum, sqrt, zeros_like
from optlab.rules.gradient_descent import everywhere
from optlab.rules.rule import State, rule


@rule(m=zeros_like, v=zeros_like, v_hat=zeros_like)
def amsgrad(x, g, s, t, *, lr, beta1, beta2, eps, project=everywhere):
    """Reddi, Kale and Kumar (2018), Algorithm 2: no bias correction; eps = 0 in the paper."""
    m = beta1 * s.m + (1 - beta1) * g
    v = beta2 * s.v + (1 - beta2) * g**2
    v_hat = maximum(s.v_hat, v)
    h = sqrt(v_hat) + eps
    return project(x - divide(lr * m, h), h), State(m=m, v=v, v_hat=v_hat)


amsgrad.makes("AMSGrad", lr=1e-3, beta1=0.9, beta2=0.999, eps=1e-8)
