"""Estimates of the Hessian's diagonal for many runs at once, as `optlab.optim` makes them for one.

The random numbers are one seed's, and so the same for all its configurations.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import torch

from optlab.grid.engine import Engine, Kind
from optlab.grid.vmapped import first_line, hessian_product
from optlab.learning.losses import PADDING, are_classes, sampled_cross_entropy
from optlab.rules import average_hessian

ESTIMATES = ("gauss-newton-bartlett", "hutchinson")


def hessian_generator(seed: int, device: torch.device | str = "cpu") -> torch.Generator:
    """The generator from which the estimates of a grid's run with this seed are drawn.

    Not that of the mini-batches, nor one that has drawn the network: numbers used twice would
    be dependent.
    """
    return torch.Generator(device).manual_seed(2**31 + seed)


@dataclass(frozen=True)
class Curvature:
    """Which estimate, and that it is made before updates number 1, every + 1, 2 every + 1, …."""

    name: str
    every: int

    def __post_init__(self) -> None:
        if self.name not in ESTIMATES:
            raise ValueError(f"hessian must be {' or '.join(map(repr, ESTIMATES))}: {self.name!r}")
        if self.every < 1:
            raise ValueError(f"hessian_every must be at least 1; got {self.every}")

    def check(self, kind: Kind, x: torch.Tensor, y: torch.Tensor) -> None:
        """Raises ValueError where the estimate cannot be made on a few examples."""
        if kind.statistics:
            raise ValueError(
                "an estimate of the Hessian would change running statistics: use GroupNorm, or "
                "make batch normalization with track_running_stats=False"
            )
        if kind.separate:
            raise ValueError(
                f"an estimate of the Hessian is for networks without {kind.separate}, which is "
                "more than a function of parameters: take it out"
            )
        if self.name == ESTIMATES[1]:
            try:
                hessian_product(kind.model, kind.loss)(kind.params, {}, x, y, kind.params)
            except Exception as error:
                raise ValueError(
                    f"the network has no second derivatives: {first_line(error)}; "
                    "write attention with products and softmax, or take "
                    f'"{ESTIMATES[0]}"'
                ) from error
            return
        with torch.no_grad():
            outputs = kind.model(x)
        if not are_classes(outputs, y):
            raise ValueError(
                f'"{self.name}" needs logits, … × classes, and integer targets; here outputs are '
                f'{tuple(outputs.shape)} and targets {tuple(y.shape)}, {y.dtype}: take "hutchinson"'
            )

    def averages(
        self, engine: Engine, seeds: Sequence[int], averaged: Sequence[torch.Tensor | None]
    ) -> Averages:
        """averaged: for each parameter its average of estimates, runs × shape; None for none."""
        device = engine.params[0].device
        generators = [hessian_generator(seed, device) for seed in seeds]
        return Averages(self, engine, generators, averaged)


class Averages:
    """The averages of estimates that a rule divides by."""

    def __init__(
        self,
        curvature: Curvature,
        engine: Engine,
        generators: Sequence[torch.Generator],
        averaged: Sequence[torch.Tensor | None],
    ):
        self.every, self.engine, self.generators = curvature.every, engine, generators
        self.averaged = averaged
        self._sampled = curvature.name == ESTIMATES[0]

    def __call__(self, t: int, x: torch.Tensor, y: torch.Tensor, beta2: torch.Tensor) -> None:
        """Average in an estimate on seeds × batch, if it is time to after t updates.

        beta2: one number for each run. Gradients are overwritten.
        """
        if t % self.every:
            return
        estimates = self._bartlett(x, y) if self._sampled else self._hutchinson(x, y)
        for h, h_hat in zip(self.averaged, estimates, strict=True):
            if h is not None:
                h.copy_(average_hessian(h, h_hat, beta2=_along(beta2.to(h), h)))

    def _bartlett(self, x: torch.Tensor, y: torch.Tensor) -> list[torch.Tensor]:
        """B ĝ ⊙ ĝ, with the noise by which torch.multinomial draws labels."""
        like, classes = self.engine.params[0], self.engine.classes(x[0, :1])
        present = (y != PADDING).flatten(1)
        noise = like.new_full((*present.shape, classes), torch.inf)
        for of_seed, where, generator in zip(noise, present, self.generators, strict=True):
            drawn = like.new_empty(int(where.sum()), classes)
            of_seed[where] = drawn.exponential_(1, generator=generator)
        self.engine.copies.losses_of(sampled_cross_entropy, x, noise)
        size = self._by_run(present.sum(1).to(like))
        return [_along(size, g) * g * g for g in self.engine.grads]

    def _hutchinson(self, x: torch.Tensor, y: torch.Tensor) -> list[torch.Tensor]:
        """z ⊙ (H z), with normal z."""
        shapes = [(p.dtype, p.device, p.shape[1:]) for p in self.engine.params]
        drawn = [
            [torch.randn(s, dtype=t, device=d, generator=g) for t, d, s in shapes]
            for g in self.generators
        ]
        z = [torch.stack(same) for same in zip(*drawn, strict=True)]
        products = self.engine.functional.hessian_times(x, y, z)
        return [self._by_run(v) * h for v, h in zip(z, products, strict=True)]

    def _by_run(self, of_seeds: torch.Tensor) -> torch.Tensor:
        return of_seeds.repeat_interleave(len(self.engine.params[0]) // len(self.generators), 0)


def _along(numbers: torch.Tensor, x: torch.Tensor) -> torch.Tensor:
    """One number for each run, to be multiplied by runs × shape."""
    return numbers.view(-1, *[1] * (x.dim() - 1))
