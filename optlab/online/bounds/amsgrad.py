"""Regret bounds of AMSGrad, with the hypotheses they need."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Tensor

from optlab.online.domains import Domain
from optlab.online.games import Play
from optlab.rules import State, amsgrad

Schedule = float | Callable[[int], float]


@dataclass(frozen=True)
class AMSGrad:
    """Two regret bounds of AMSGrad, functions of the gradients it has seen.

    With h_T = sqrt(v_hat_T) + eps and sums over the coordinates i, calling it gives::

        D_inf^2 sqrt(T) / (2 alpha (1 - beta1)) sum_i h_{T,i}
        + alpha (1 + beta1) sqrt(1 + log T) / (2 (1 - beta1) sqrt(1 - beta2)) sum_i |g_{1:T,i}|_2

    and bounds R(T) for convex losses, a closed convex domain none of whose coordinates varies
    by more than D_inf, rates lr_t = alpha / sqrt(t), a beta1_t that does not increase from
    beta1_1 = beta1, and weighted projections. It is proved in the book's chapter on AMSGrad;
    the split of g_t into m_t and m_{t-1} is that of Alacaoglu et al. (2020).

    `published` gives the three terms of Reddi, Kale and Kumar (2018), Theorem 4.

    Args:
        D_inf: width of the domain in the maximum norm.
        alpha: the rate of step 1.
        beta1: a number, or beta1_t as a function of t = 1, 2, …
        beta2, eps: as the rule's.
    """

    D_inf: float
    alpha: float
    beta2: float
    beta1: Schedule = 0.0
    eps: float = 0.0

    def __post_init__(self) -> None:
        for name, value in (("D_inf", self.D_inf), ("alpha", self.alpha)):
            if not (value > 0 and math.isfinite(value)):
                raise ValueError(f"{name} is {value}; the bound needs it finite and positive")
        for name, value in (("beta1", self.beta1_at(1)), ("beta2", self.beta2)):
            if not 0 <= value < 1:
                raise ValueError(f"{name} is {value}; the bound needs it in [0, 1)")
        if not self.eps >= 0:
            raise ValueError(f"eps is {self.eps}; the bound needs it at least 0")

    def lr(self, t: float) -> float:
        """The rate of step t."""
        return self.alpha / math.sqrt(t)

    def beta1_at(self, t: int) -> float:
        """The decay rate of the first moment in step t."""
        return self.beta1(t) if callable(self.beta1) else self.beta1

    def __call__(self, gradients: Tensor) -> Tensor:
        """The bound at T = 1, …, n for gradients of shape (n, d); shape (n,)."""
        T = torch.arange(1, len(gradients) + 1).to(gradients)
        b = self.beta1_at(1)
        distance = self.D_inf**2 * T.sqrt() / (2 * self.alpha * (1 - b)) * self._h(gradients).sum(1)
        factor = self.alpha * (1 + b) / (2 * (1 - b) * math.sqrt(1 - self.beta2))
        return distance + factor * (1 + T.log()).sqrt() * _norms(gradients).sum(1)

    def published(self, gradients: Tensor) -> Tensor:
        """The three published terms at T = 1, …, n, shape (3, n); their sum bounds R(T).

        In the paper's order: the distance term, the term with beta1_t, the gradient term.

        Raises:
            ValueError: gamma = beta1 / sqrt(beta2) is not below 1, which the theorem assumes.
        """
        n, b, D, alpha = len(gradients), self.beta1_at(1), self.D_inf, self.alpha
        gamma = b / math.sqrt(self.beta2) if b > 0 else 0.0
        if gamma >= 1:
            raise ValueError(f"beta1/sqrt(beta2) is {gamma:.3g}; the theorem needs it below 1")
        T = torch.arange(1, n + 1).to(gradients)
        h = self._h(gradients).sum(1)
        decay = torch.tensor([self.beta1_at(t) for t in range(1, n + 1)]).to(gradients)
        second = (decay * h * T.sqrt() / alpha).cumsum(0)
        third = (1 + T.log()).sqrt() * _norms(gradients).sum(1)
        return torch.stack(
            [
                D**2 * T.sqrt() / (alpha * (1 - b)) * h,
                D**2 / (2 * (1 - b)) * second,
                alpha / ((1 - b) ** 2 * (1 - gamma) * math.sqrt(1 - self.beta2)) * third,
            ]
        )

    def check(self, play: Play, tol: float = 1e-9) -> None:
        """Do nothing if `play` meets the hypotheses (convexity is the losses' own).

        Raises:
            ValueError: naming the first hypothesis that fails.
        """
        domain = play.game.domain
        width = _width(domain)
        if width > self.D_inf * (1 + tol):
            raise ValueError(
                f"a coordinate of the domain varies by {width:g}, more than D_inf={self.D_inf:g}"
            )
        if play.rule is not amsgrad:
            raise ValueError(f"the rule is {play.rule.name}; the bound is for amsgrad")
        steps = range(1, play.T + 1)
        due = {
            "lr": [self.lr(t) for t in steps],
            "beta1": [self.beta1_at(t) for t in steps],
            "beta2": [self.beta2] * play.T,
            "eps": [self.eps] * play.T,
        }
        for name, values in due.items():
            used, wanted = play.hyper[name], torch.tensor(values, dtype=torch.float64)
            wrong = ((used - wanted).abs() > tol * wanted.abs()).nonzero()
            if len(wrong):
                t = int(wrong[0])
                raise ValueError(
                    f"{name} is {used[t]:.6g} at t={t + 1}; the bound needs {wanted[t]:.6g}"
                )
        rises = (play.hyper["beta1"].diff() > 0).nonzero()
        if len(rises):
            raise ValueError(f"beta1 rises at t={int(rises[0]) + 2}; the bound needs it not to")
        self._check_steps(play, tol * max(1.0, self.D_inf))

    def _check_steps(self, play: Play, tol: float) -> None:
        """Each point is in the domain, and the projection of the rule's step from the last."""
        project, points = play.game.domain, play.points
        state = amsgrad.init(points[0])
        for t, (x, g) in enumerate(zip(points[:-1], play.gradients, strict=True), start=1):
            if not project.contains(x, tol):
                raise ValueError(f"x_{t} is outside the domain; pass project=game.domain")
            hyper = {name: float(values[t - 1]) for name, values in play.hyper.items()}
            following, state = amsgrad(x, g, state, t, **hyper, project=project)
            if float((following - points[t]).abs().max()) > tol:
                raise ValueError(f"x_{t + 1} is not the weighted projection of the step from x_{t}")

    def _h(self, gradients: Tensor) -> Tensor:
        """sqrt(v_hat_t) + eps after each step, shape (n, d), from the rule itself."""
        x = torch.zeros_like(gradients[0])
        state: State = amsgrad.init(x)
        rows = []
        for t, g in enumerate(gradients, start=1):
            _, state = amsgrad(x, g, state, t, lr=0.0, beta1=0.0, beta2=self.beta2, eps=self.eps)
            rows.append(state.v_hat)
        return torch.stack(rows).sqrt() + self.eps


def _norms(gradients: Tensor) -> Tensor:
    """|g_{1:T,i}|_2 for T = 1, …, n, shape (n, d)."""
    return gradients.square().cumsum(0).sqrt()


def _width(domain: Domain) -> float:
    """The largest difference of one coordinate within the domain."""
    if math.isinf(domain.diameter):
        return math.inf
    axes = torch.eye(domain.d, dtype=torch.float64)
    ends = ((domain.linear_minimum(-e) - domain.linear_minimum(e)) @ e for e in axes)
    return max(float(end) for end in ends)
