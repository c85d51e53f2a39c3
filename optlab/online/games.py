"""Online convex optimization: a game, its best fixed point, and how a rule plays it.

In round t = 1, …, T the player shows a point x_t of the domain K, then sees the convex
loss f_t and pays f_t(x_t). Her regret against a point x is what she paid in excess of x:

    R(T) = f_1(x_1) + … + f_T(x_T) - (f_1(x) + … + f_T(x)).
"""

from __future__ import annotations

import inspect
import math
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from typing import Any

import torch
from torch import Tensor

from optlab.online.domains import Domain
from optlab.online.losses import Losses
from optlab.rules import Rule

STAGES = 8  # of smoothing, each a quarter of the one before


@dataclass(frozen=True)
class Game:
    """Losses f_1, …, f_T on a domain K of the same dimension."""

    losses: Losses
    domain: Domain

    def __post_init__(self) -> None:
        if self.losses.d != self.domain.d:
            raise ValueError(f"losses are on R^{self.losses.d}, the domain in R^{self.domain.d}")

    @property
    def T(self) -> int:
        return self.losses.T


@dataclass(frozen=True)
class Comparator:
    """A point of K that is best in hindsight, up to a proved amount.

    Attributes:
        x: the point, shape (d,).
        value: F(x), the sum of the first T losses at x.
        gap: a proved upper bound of F(x) - min F over K; regret against the true best
            point is at most `gap` more than regret against x.
        T: the horizon.
    """

    x: Tensor
    value: float
    gap: float
    T: int


def comparator(
    game: Game, T: int | None = None, tol: float = 1e-6, max_iterations: int = 20_000
) -> Comparator:
    """The best fixed point of the first T rounds, with a certificate.

    On a bounded domain the certificate is the Frank-Wolfe gap (Jaggi 2013): F lies above
    its tangents, so F(x) - min F <= max over y in K of <grad F(x), x - y>, which
    `linear_minimum` gives in closed form. Losses with a kink are replaced by smooth ones
    below them, and the distance of the two at x is added to the gap. On all of R^d the gap
    is ‖grad F(x)‖^2 / (2 mu), where F is mu-strongly convex.

    Args:
        T: the horizon; all rounds if not given.
        tol: the gap to reach, in units of the summed loss.

    Raises:
        ValueError: F is not strongly convex on an unbounded domain: nothing can be certified.
        RuntimeError: the gap is above tol after max_iterations; the message gives the gap.
    """
    losses, domain = game.losses, game.domain
    T = _horizon(game, T)
    bounded = math.isfinite(domain.diameter)
    mu = 0.0 if bounded else losses.strong_convexity(T)
    if not bounded and mu == 0:
        raise ValueError(
            "no certificate on an unbounded domain where the total loss is not strongly convex;"
            " give the game a Box, Ball or Simplex"
        )

    def solve(x: Tensor, allowed: float) -> tuple[Tensor, float]:
        surrogate = losses.smoothed(allowed / (2 * T))

        def gap(x: Tensor) -> float:
            g = surrogate.total_gradient(x, T)
            certified = g @ (x - domain.linear_minimum(g)) if bounded else g @ g / (2 * mu)
            return float(certified + losses.total(x, T) - surrogate.total(x, T))

        L = surrogate.smoothness(T)
        if L == 0:  # F is linear
            x = domain.linear_minimum(losses.total_gradient(x, T))
        return _minimize(surrogate, domain, T, L, x, gap, allowed, max_iterations)

    x = domain.project(losses.z.new_zeros(losses.d))
    # Where a kink has to be smoothed, less and less: each stage starts at the last one's end.
    stages = range(STAGES, 0, -1) if math.isinf(losses.curvature) else ()
    for k in stages:
        x, _ = solve(x, tol * 4**k)
    x, achieved = solve(x, tol)
    if achieved > tol:
        raise RuntimeError(
            f"the comparator is certified only to {achieved:.1e}, not to tol={tol:.1e}, after"
            f" {max_iterations} iterations; raise tol or max_iterations"
        )
    return Comparator(x, float(losses.total(x, T)), achieved, T)


def _minimize(
    losses: Losses,
    domain: Domain,
    T: int,
    L: float,
    x: Tensor,
    gap: Callable[[Tensor], float],
    tol: float,
    max_iterations: int,
) -> tuple[Tensor, float]:
    """Nesterov's projected method with step 1/L, restarted where its momentum points uphill
    (O'Donoghue and Candès 2015). Returns the best point that was checked, and its gap."""
    best, achieved = x, gap(x)
    ahead, theta = x, 1.0
    for k in range(1, max_iterations + 1):
        if achieved <= tol:
            break
        new = domain.project(ahead - losses.total_gradient(ahead, T) / L)
        if (ahead - new) @ (new - x) > 0:
            theta = 1.0
        following = (1 + math.sqrt(1 + 4 * theta**2)) / 2
        ahead = new + (theta - 1) / following * (new - x)
        x, theta = new, following
        if k % 10 == 0 or k == max_iterations:
            best, achieved = min((best, achieved), (x, gap(x)), key=lambda pair: pair[1])
    return best, achieved


@dataclass(frozen=True)
class Play:
    """What a rule did in n rounds of a game.

    Attributes:
        points: x_1, …, x_{n+1}, shape (n + 1, d).
        gradients: the subgradient seen in each round, shape (n, d).
        losses: f_t(x_t), shape (n,).
        hyper: each hyperparameter's value in each round (numbers only), shape (n,).
    """

    game: Game
    rule: Rule
    points: Tensor
    gradients: Tensor
    losses: Tensor
    hyper: dict[str, Tensor] = field(repr=False)

    @property
    def T(self) -> int:
        return len(self.losses)

    def regret(self, against: Comparator) -> Tensor:
        """R(1), …, R(n) against one fixed point, shape (n,).

        The point is the best one of its own horizon; at an earlier t another point may be
        better, so entry t can lie below the regret of a game that ends at t (and below 0).
        See `regret_at`.
        """
        fixed = self.game.losses.phi(
            self.game.losses.z[: self.T] @ against.x, self.game.losses.y[: self.T]
        )
        return (self.losses - fixed).cumsum(0)

    def regret_at(self, horizons: Iterable[int], tol: float = 1e-6) -> Tensor:
        """For each horizon T, the regret against the best point of the first T rounds.

        The comparator is solved anew for every horizon, and its gap is added, so that each
        entry is an upper bound, within tol, of the regret of the game that ends at T.
        """
        paid = self.losses.cumsum(0)
        regrets = []
        for T in horizons:
            if not 1 <= T <= self.T:
                raise ValueError(f"horizon {T} is outside 1, …, {self.T}, the rounds played")
            best = comparator(self.game, T, tol)
            regrets.append(float(paid[T - 1]) - best.value + best.gap)
        return paid.new_tensor(regrets)


def play(
    rule: Rule, game: Game, x1: Tensor | None = None, T: int | None = None, **hyper: Any
) -> Play:
    """Let a rule play the first T rounds of a game::

        play(gradient_descent, game, lr=lambda t: 1 / math.sqrt(t), project=game.domain)

    Args:
        x1: the first point, shape (d,); the point of the domain nearest 0 if not given.
        T: how many rounds; all if not given.
        hyper: the rule's hyperparameters. A function is a schedule, called with t = 1, 2, …,
            except where the rule itself asks for a function (`project`). Nothing is projected
            that the rule does not project: pass `project=game.domain`.
    """
    losses = game.losses
    T = _horizon(game, T)
    unknown = set(hyper) - set(rule.hyperparameters)
    if unknown:
        raise TypeError(f"{rule.name} has no hyperparameter {', '.join(sorted(unknown))}")
    x = game.domain.project(losses.z.new_zeros(losses.d)) if x1 is None else x1
    if x.shape != (losses.d,):
        raise ValueError(f"x1 has shape {tuple(x.shape)}; this game needs ({losses.d},)")
    schedules = {k: v for k, v in hyper.items() if callable(v) and not _is_function(rule, k)}
    state = rule.init(x)
    points, gradients, used = [x], [], []
    for t in range(1, T + 1):
        g = losses.subgradient(t, x)
        now = hyper | {k: f(t) for k, f in schedules.items()}
        x, state = rule(x, g, state, t, **now)
        points.append(x)
        gradients.append(g)
        used.append(now)
    xs = torch.stack(points)
    return Play(game, rule, xs, torch.stack(gradients), losses.values(xs[:-1]), _numbers(used))


def _is_function(rule: Rule, name: str) -> bool:
    default = rule.hyperparameters[name]
    return default is not inspect.Parameter.empty and callable(default)


def _numbers(used: list[dict[str, Any]]) -> dict[str, Tensor]:
    names = [k for k, v in used[0].items() if isinstance(v, int | float | Tensor)]
    return {k: torch.tensor([float(now[k]) for now in used], dtype=torch.float64) for k in names}


def _horizon(game: Game, T: int | None) -> int:
    if T is None:
        return game.T
    if not 1 <= T <= game.T:
        raise ValueError(f"T is {T}; this game has rounds 1, …, {game.T}")
    return T
