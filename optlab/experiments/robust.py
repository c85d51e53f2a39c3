"""A smooth problem that is not convex and meets the hypotheses of LAMB's bounds."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch.func import vmap

from optlab.rules import Rule, State
from optlab.seeds import checked


@dataclass(frozen=True)
class RobustRegression:
    """f(x) = mean over k of ρ(a_k · x − y_k) with ρ(u) = u² / (2 (1 + u²)), which is at least 0.

    ρ bends down beyond 1/√3, so that f is not convex; ρ' is at most 9/(16√3) and ρ'' at most 1,
    in size.

    Attributes:
        rows: the a_k, examples × weights, entries ±1.
        targets: the y_k.
    """

    rows: torch.Tensor
    targets: torch.Tensor

    @classmethod
    def draw(
        cls, seed: int, *, examples: int = 200, weights: int = 16, outliers: float = 0.1
    ) -> RobustRegression:
        """Random rows; targets of a random x of norm 1, some of them with an error of size 5."""
        generator = torch.Generator().manual_seed(checked(seed))
        options: dict[str, Any] = {"generator": generator, "dtype": torch.float64}
        rows = 2.0 * torch.randint(0, 2, (examples, weights), **options) - 1
        x = torch.randn(weights, **options)
        wrong = torch.rand(examples, **options) < outliers
        errors = 5 * torch.randn(examples, **options)
        return cls(rows, rows @ (x / x.norm()) + wrong * errors)

    @property
    def largest_slope(self) -> float:
        """G: no entry of any example's gradient is larger, at any x; nor is any σ̃_j."""
        return 9 / (16 * math.sqrt(3))

    def smoothness(self, layers: int) -> torch.Tensor:
        """L_i for equal layers i of neighboring weights: f(x + z) ≤ f(x) + ∇f(x) · z +
        Σ L_i ‖z_i‖²/2 for all x and z. With one layer, the smallest such constant that the
        bound on ρ'' gives."""
        second = self.rows.T @ self.rows / len(self.rows)  # ∇²f is at most this
        size = len(second) // layers
        blocks = [second[i : i + size, i : i + size] for i in range(0, len(second), size)]
        top = torch.stack([torch.linalg.eigvalsh(block)[-1] for block in blocks])
        scale = top.repeat_interleave(size).rsqrt()
        together = torch.linalg.eigvalsh(scale[:, None] * second * scale)[-1]
        constants: torch.Tensor = together * top
        return constants

    def loss(self, x: torch.Tensor) -> torch.Tensor:
        """f at each x, whose last dimension is that of the weights."""
        squares = (x @ self.rows.T - self.targets) ** 2
        return (squares / (2 * (1 + squares))).mean(-1)

    def slopes(self, x: torch.Tensor) -> torch.Tensor:
        """ρ' of each example: … × examples."""
        residuals = x @ self.rows.T - self.targets
        return residuals / (1 + residuals**2) ** 2


def gradient_sizes(
    problem: RobustRegression,
    rule: Rule,
    configurations: Sequence[Mapping[str, float]],
    *,
    layers: int,
    steps: int,
    batch_size: int,
    runs: int,
    seed: int,
    **fixed: Any,
) -> tuple[torch.Tensor, torch.Tensor]:
    """Sizes of the gradient of f along x_1, …, x_T, each mini-batch drawn with replacement.

    Args:
        configurations: the rule's hyperparameters, numbers; all share starts x_1 = 0 and batches.
        runs: independent ones of each configuration.
        fixed: further arguments of the rule, which are no numbers.

    Returns:
        The means over t of ‖∇f(x_t)‖₁/√d and of ‖∇f(x_t)‖², configurations × runs.
    """
    n, d = problem.rows.shape
    generator = torch.Generator().manual_seed(checked(seed))
    x = problem.rows.new_zeros(len(configurations), runs, layers, d // layers)
    hyper = {name: x.new_tensor([c[name] for c in configurations]) for name in configurations[0]}

    def step(x: Any, g: Any, s: Any, t: float, hyper: Any) -> tuple[torch.Tensor, dict[str, Any]]:
        x, s = rule(x, g, State(**s), t, **hyper, **fixed)
        return x, vars(s)

    same = (0, 0, 0, None, None)
    every = vmap(vmap(vmap(step, same), same), (0, 0, 0, None, 0))
    state = vars(rule.init(x))
    absolute, squared = x.new_zeros(x.shape[:2]), x.new_zeros(x.shape[:2])
    for t in range(1, steps + 1):
        slopes = problem.slopes(x.flatten(-2))
        gradient = slopes @ problem.rows / n
        absolute += gradient.abs().sum(-1) / math.sqrt(d)
        squared += (gradient**2).sum(-1)
        drawn = torch.randint(n, (runs, batch_size), generator=generator)
        counts = x.new_zeros(runs, n).scatter_add_(1, drawn, x.new_ones(runs, batch_size))
        g = (slopes * counts) @ problem.rows / batch_size
        x, state = every(x, g.view_as(x), state, float(t), hyper)
    return absolute / steps, squared / steps
