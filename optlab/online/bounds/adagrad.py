"""Regret bounds of AdaGrad in its two forms, with the hypotheses they need."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from optlab.online.domains import Box, Space
from optlab.online.games import Play
from optlab.rules import Rule, adagrad, adagrad_dual, adagrad_full, adagrad_full_dual, l1

_RULES = {
    ("dual", False): adagrad_dual,
    ("dual", True): adagrad_full_dual,
    ("mirror", False): adagrad,
    ("mirror", True): adagrad_full,
}


@dataclass(frozen=True)
class AdaGrad:
    """Regret bounds of AdaGrad started at x_1 = 0, functions of the game played.

    With S_T = G_T^½, full or diagonal, calling it gives::

        delta |x|^2 / (2 lr) + <x, S_T x> / (2 lr) + lr tr S_T           primal-dual
        delta |x|^2 / (2 lr) + D_T^2 tr S_T / (2 lr) + lr tr S_T         mirror descent

    for a fixed point x, where D_T is the largest ‖x - x_t‖ for t <= T: Euclidean with the full
    matrix, in the maximum norm with the diagonal. It bounds R_φ(T), the regret of f_t + φ
    against x, for convex losses, φ = weight ‖·‖₁ and a closed convex domain; the primal-dual
    form needs delta >= max ‖g_t‖ in the same norm. Both are proved in the book's chapter.

    `published` gives the terms of Duchi, Hazan and Singer (2011), Theorem 5 for the diagonal and
    Theorem 7 for the full matrix. Whether Theorem 5 has the term of delta for mirror descent, too,
    was not checked; without it the bound fails for large delta, at which the point hardly moves.

    Args:
        lr, delta: as the rule's.
        form: "dual" (the deck's Algorithm 2) or "mirror" (torch.optim.Adagrad).
        full: the full matrix instead of its diagonal.
        weight: the weight of the l1 penalty φ.
    """

    lr: float
    delta: float
    form: str = "dual"
    full: bool = False
    weight: float = 0.0

    def __post_init__(self) -> None:
        if not (self.lr > 0 and math.isfinite(self.lr)):
            raise ValueError(f"lr is {self.lr}; the bound needs it finite and positive")
        for name, value in (("delta", self.delta), ("weight", self.weight)):
            if not (value >= 0 and math.isfinite(value)):
                raise ValueError(f"{name} is {value}; the bound needs it finite and at least 0")
        if self.form not in ("dual", "mirror"):
            raise ValueError(f"form is {self.form!r}; it must be 'dual' or 'mirror'")
        if self.full and self.weight:
            raise ValueError("the full matrix has no l1 penalty here; set weight=0 or full=False")

    @property
    def rule(self) -> Rule:
        return _RULES[self.form, self.full]

    @property
    def hyper(self) -> dict[str, Any]:
        """What to play the rule with, but for `project`."""
        prox = {"prox": l1(self.weight)} if self.weight else {}  # type: ignore[no-untyped-call]
        return {"lr": self.lr, "delta": self.delta, **prox}

    def regret(self, play: Play, x: Tensor) -> Tensor:
        """R_φ(1), …, R_φ(n) of the play against x, shape (n,)."""
        game = play.game
        fixed = game.losses.phi(game.losses.z[: play.T] @ x, game.losses.y[: play.T])
        penalty = self.weight * (play.points[:-1].abs().sum(1) - x.abs().sum())
        return (play.losses - fixed + penalty).cumsum(0)

    def __call__(self, play: Play, x: Tensor) -> Tensor:
        """The bound at T = 1, …, n for the regret against x, of shape (d,); shape (n,)."""
        start, trace = self.delta * x.square().sum(), self._trace(play)
        if self.form == "mirror":
            middle = self._furthest(play, x) ** 2 * trace
        elif self.full:
            values, vectors = _eigen(play.gradients)
            middle = (values.sqrt() * (vectors.mT @ x).square()).sum(1)
        else:
            middle = play.gradients.square().cumsum(0).sqrt() @ x.square()
        return (start + middle) / (2 * self.lr) + self.lr * trace

    def published(self, play: Play, x: Tensor) -> Tensor:
        """The three published terms at T = 1, …, n, shape (3, n); their sum bounds R_φ(T).

        In the paper's order: the term of delta, that of the distance, that of the gradients.
        """
        trace = self._trace(play)
        start = self.delta / self.lr * x.square().sum().expand(play.T)
        if self.form == "mirror":
            middle = self._furthest(play, x) ** 2 / (2 * self.lr) * trace
        else:
            middle = self._norm(x) ** 2 / self.lr * trace
        return torch.stack([start, middle, self.lr * trace])

    def check(self, play: Play, x: Tensor, tol: float = 1e-9) -> None:
        """Do nothing if `play` and x meet the hypotheses (convexity is the losses' own).

        Raises:
            ValueError: naming the first hypothesis that fails.
        """
        domain = play.game.domain
        if play.rule is not self.rule:
            raise ValueError(f"the rule is {play.rule.name}; this bound is for {self.rule.name}")
        for name, due in (("lr", self.lr), ("delta", self.delta)):
            used = play.hyper[name]
            wrong = ((used - due).abs() > tol * due).nonzero()
            if len(wrong):
                t = int(wrong[0])
                raise ValueError(f"{name} is {used[t]:.6g} at t={t + 1}; the bound needs {due:.6g}")
        if self.form == "dual":
            sizes = self._norm(play.gradients)
            t = int(sizes.argmax())
            if float(sizes[t]) > self.delta * (1 + tol):
                raise ValueError(
                    f"delta={self.delta:g} is less than the largest gradient, {sizes[t]:g} at"
                    f" t={t + 1}; the primal-dual bound needs delta >= max |g_t|"
                )
        if bool((play.points[0] != 0).any()):
            raise ValueError("x_1 is not 0; the bound is for a start at 0")
        if not domain.contains(x, tol * max(1.0, float(x.abs().max()))):
            raise ValueError("the point x is outside the domain; the bound needs it inside")
        if self.weight and not isinstance(domain, Box | Space):
            raise ValueError("with an l1 penalty the domain must be a Box or a Space")
        self._check_steps(play, tol)

    def _check_steps(self, play: Play, tol: float) -> None:
        """Each point is in the domain, and the rule's step from the last."""
        domain, points = play.game.domain, play.points
        tol *= max(1.0, float(points.abs().max()))
        # The full rules project nothing: their step is the bound's if it ends inside.
        hyper = self.hyper if self.full else {**self.hyper, "project": domain}
        state = self.rule.init(points[0])
        for t, (x, g) in enumerate(zip(points[:-1], play.gradients, strict=True), start=1):
            if not domain.contains(x, tol):
                raise ValueError(f"x_{t} is outside the domain; pass project=game.domain")
            following, state = self.rule(x, g, state, t, **hyper)
            if float((following - points[t]).abs().max()) > tol:
                raise ValueError(f"x_{t + 1} is not the step from x_{t} that the bound is for")

    def _norm(self, rows: Tensor) -> Tensor:
        lengths: Tensor = torch.linalg.vector_norm(rows, ord=2 if self.full else math.inf, dim=-1)
        return lengths

    def _furthest(self, play: Play, x: Tensor) -> Tensor:
        """The largest |x - x_t| for t <= T, shape (n,)."""
        return self._norm(play.points[:-1] - x).cummax(0).values

    def _trace(self, play: Play) -> Tensor:
        """tr G_T^½ for T = 1, …, n, shape (n,)."""
        if self.full:
            return _eigen(play.gradients)[0].sqrt().sum(1)
        return play.gradients.square().cumsum(0).sqrt().sum(1)


def _eigen(gradients: Tensor) -> tuple[Tensor, Tensor]:
    """Eigenvalues, shape (n, d), and eigenvectors of G_1, …, G_n."""
    G = (gradients[:, :, None] * gradients[:, None, :]).cumsum(0)
    values, vectors = torch.linalg.eigh(G)
    return values.clamp(min=0), vectors
