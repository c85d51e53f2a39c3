"""AdaGrad, with diagonal and with full matrices, in the two forms of its paper.

Duchi, Hazan and Singer (2011), Figure 1. H_t = delta I + G_t^½ is diagonal, h, or full. The
regularizer φ enters by its proximal map, prox(x, step) = argmin_y φ(y) + (y - x)²/(2 step);
given both, prox and project, the set must be a box. An entry of h that is 0 counts as 1.
"""

from optlab.ops import copy, divide, maximum, outer, sign, solve_root, sqrt, zero_matrix, zeros_like
from optlab.rules.gradient_descent import everywhere
from optlab.rules.rule import State, rule


def no_penalty(x, step):
    """The proximal map of φ = 0."""
    return x


def l1(weight):
    """The proximal map of φ(x) = weight ‖x‖₁: every entry moves towards 0 and stops there."""
    return lambda x, step: sign(x) * maximum(sign(x) * x - weight * step, 0)


@rule(sum=zeros_like)
def adagrad(x, g, s, t, *, lr, delta, prox=no_penalty, project=everywhere):
    """Composite mirror descent, diagonal."""
    sum = s.sum + g**2
    h = delta + sqrt(sum)
    y = x - divide(lr * g, h)
    return project(prox(y, divide(lr, h)), h), State(sum=sum)


@rule(sum=zeros_like, z=zeros_like, x1=copy)
def adagrad_dual(x, g, s, t, *, lr, delta, prox=no_penalty, project=everywhere):
    """Primal-dual (regularized dual averaging), diagonal, anchored at the start x1."""
    sum = s.sum + g**2
    z = s.z + g
    h = delta + sqrt(sum)
    y = s.x1 - divide(lr * z, h)
    return project(prox(y, divide(lr * t, h)), h), State(sum=sum, z=z, x1=s.x1)


@rule(G=zero_matrix)
def adagrad_full(x, g, s, t, *, lr, delta):
    """Mirror descent with the full matrix, φ = 0."""
    G = s.G + outer(g, g)
    return x - lr * solve_root(G, delta, g), State(G=G)


@rule(G=zero_matrix, z=zeros_like, x1=copy)
def adagrad_full_dual(x, g, s, t, *, lr, delta):
    """Primal-dual with the full matrix, φ = 0, anchored at the start x1: the deck's Algorithm 2."""
    G = s.G + outer(g, g)
    z = s.z + g
    return s.x1 - lr * solve_root(G, delta, z), State(G=G, z=z, x1=s.x1)
