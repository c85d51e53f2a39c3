"""Regret bounds of projected gradient descent, with the hypotheses they need."""

from __future__ import annotations

import math
from dataclasses import dataclass

import torch
from torch import Tensor

from optlab.online.games import Play
from optlab.rules import gradient_descent


def projected_gradient_descent(D: float, lr: Tensor, g: Tensor) -> Tensor:
    """D^2 / (2 lr_T) + (lr_1 ‖g_1‖^2 + … + lr_T ‖g_T‖^2) / 2, for T = 1, …, n.

    Bounds the regret of online projected gradient descent on convex losses, for rates that
    do not increase, against every point of a domain of diameter D (after Zinkevich 2003,
    Theorem 1).

    Args:
        lr: rates, positive and not increasing, shape (n,).
        g: the subgradients seen, shape (n, d).

    Returns:
        Shape (n,): the bound at each horizon.
    """
    if not bool((lr > 0).all()) or bool((lr.diff() > 0).any()):
        raise ValueError("the rates must be positive and must not increase")
    return D**2 / (2 * lr) + (lr * g.square().sum(1)).cumsum(0) / 2


@dataclass(frozen=True)
class SquareRoot:
    """R(T) <= (c + 1 / (2c)) G D sqrt(T) for online projected gradient descent.

    Hypotheses: convex losses; a closed convex domain of Euclidean diameter at most D;
    subgradients of length at most G; rates lr_t = c D / (G sqrt(t)). With c = 1 it is the
    textbook's (3/2) G D sqrt(T) (Hazan 2016, chapter 3).

    It follows from `projected_gradient_descent`: the first term is G D sqrt(T) / (2c), and
    1/sqrt(1) + … + 1/sqrt(T) <= 2 sqrt(T) makes the second at most c G D sqrt(T).
    """

    D: float
    G: float
    c: float = 1.0

    def __post_init__(self) -> None:
        for name, value in (("D", self.D), ("G", self.G), ("c", self.c)):
            if not (value > 0 and math.isfinite(value)):
                raise ValueError(f"{name} is {value}; the bound needs it finite and positive")

    def lr(self, t: float) -> float:
        """The rate of step t."""
        return self.c * self.D / (self.G * math.sqrt(t))

    def __call__(self, T: float) -> float:
        return (self.c + 1 / (2 * self.c)) * self.G * self.D * math.sqrt(T)

    def check(self, play: Play, tol: float = 1e-9) -> None:
        """Do nothing if `play` meets the hypotheses (convexity is the losses' own).

        Raises:
            ValueError: naming the first hypothesis that fails.
        """
        domain, points, T = play.game.domain, play.points, play.T
        if domain.diameter > self.D * (1 + tol):
            raise ValueError(
                f"the domain's diameter is {domain.diameter:g}, more than D={self.D:g}"
            )
        longest = float(torch.linalg.vector_norm(play.gradients, dim=1).max())
        if longest > self.G * (1 + tol):
            raise ValueError(f"a gradient has length {longest:g}, more than G={self.G:g}")
        if play.rule is not gradient_descent:
            raise ValueError(f"the rule is {play.rule.name}; the bound is for gradient_descent")
        lr = play.hyper["lr"]
        due = torch.tensor([self.lr(t) for t in range(1, T + 1)], dtype=lr.dtype)
        wrong = ((lr - due).abs() > tol * due).nonzero()
        if len(wrong):
            t = int(wrong[0]) + 1
            raise ValueError(
                f"lr is {lr[t - 1]:.6g} at t={t}; the bound needs"
                f" c D/(G sqrt(t)) = {due[t - 1]:.6g}"
            )
        for t, x in enumerate(points[:-1], start=1):
            if not domain.contains(x, tol * max(1.0, self.D)):
                raise ValueError(f"x_{t} is outside the domain; pass project=game.domain")
        steps = points[:-1] - lr.to(points)[:, None] * play.gradients
        for t, (step, x) in enumerate(zip(steps, points[1:], strict=True), start=1):
            if float((domain.project(step) - x).abs().max()) > tol * max(1.0, self.D):
                raise ValueError(f"x_{t + 1} is not the projected step from x_{t}")
