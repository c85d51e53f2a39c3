"""The copies of a network that a chunk of a grid trains."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

import torch
from torch import nn
from torch.func import vmap
from torch.nn.functional import cross_entropy

from optlab.grid.mlp import MLP, Layer
from optlab.grid.serial import Separate, Serial, keeps_statistics
from optlab.grid.starts import Starts
from optlab.grid.vmapped import Vmapped, untrained
from optlab.learning.losses import PADDING, Loss, are_classes

# Examples evaluated at a time, at least.
_PIECE = 128

# Compilation takes half a minute, and a compiled step about half the time of a plain one; at
# so many floating-point operations a second that pays from so many on.
_WORTH_COMPILING = 2e12


_CONVOLUTIONS = nn.modules.conv._ConvNd


class Copies(Protocol):
    """seeds × configurations copies of a network."""

    def losses(self, x: torch.Tensor, y: torch.Tensor) -> torch.Tensor: ...
    def losses_of(self, loss: Loss, x: torch.Tensor, y: torch.Tensor) -> torch.Tensor: ...
    def outputs(self, x: torch.Tensor) -> torch.Tensor: ...


class Functional(Copies, Protocol):
    """Copies of which second derivatives can be had."""

    def hessian_times(
        self, x: torch.Tensor, y: torch.Tensor, z: list[torch.Tensor]
    ) -> list[torch.Tensor]: ...


@dataclass
class Engine:
    """Copies of a network, their parameters and gradients, each runs × shape.

    functional: the copies once more, on the same parameters, in a form that has second
    derivatives.
    """

    params: list[torch.Tensor]
    grads: list[torch.Tensor]
    copies: Copies
    functional: Functional
    loss: Loss
    piece: int  # examples evaluated at a time
    one_by_one: bool = False  # whether the loss is called for each run

    def losses(self, x: torch.Tensor, y: torch.Tensor) -> torch.Tensor:
        """Loss of each run on its seed's batch; gradients are left in `grads`."""
        return self.copies.losses(x, y)

    def evaluate(self, x: torch.Tensor, y: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        """Mean loss and fraction of wrong classes of each run, in float64.

        Both are means over the targets that are no padding.
        """
        total = error = torch.zeros((), dtype=torch.float64, device=y.device)
        count = (y != PADDING).sum()
        for a, b in zip(x.split(self.piece), y.split(self.piece), strict=True):
            outputs = self.copies.outputs(a)
            present = b != PADDING
            share = present.sum().double() / count
            total = total + (share * self._losses(outputs, b).double()).where(share > 0, 0)
            error = error + _wrong(outputs, b, present) / count
        return total, error

    def _losses(self, outputs: torch.Tensor, y: torch.Tensor) -> torch.Tensor:
        if self.loss is cross_entropy and outputs.dim() == 3 and y.dim() == 1:
            classes = outputs.transpose(1, 2)
            return cross_entropy(classes, y.expand(len(outputs), -1), reduction="none").mean(1)
        if self.one_by_one:
            return torch.stack([self.loss(of_run, y) for of_run in outputs])
        result: torch.Tensor = vmap(self.loss, in_dims=(0, None))(outputs, y)
        return result

    def classes(self, x: torch.Tensor) -> int:
        """The length of the outputs' last dimension."""
        return self.copies.outputs(x).shape[-1]


def _wrong(outputs: torch.Tensor, y: torch.Tensor, present: torch.Tensor) -> torch.Tensor:
    """How many classes each run has wrong; NaN where it diverged, or there are no classes."""
    if not are_classes(outputs[0], y):
        return outputs.new_full((len(outputs),), torch.nan, dtype=torch.float64)
    best = outputs.max(-1)  # faster than argmax
    wrong = (best.indices != y).double().where(~best.values.isnan(), torch.nan)
    return wrong.where(present, 0).flatten(1).sum(1)


@dataclass
class Kind:
    """What all runs have in common: the network's shape, and how copies of it are trained.

    model: a network of the kind, which copies are made with.
    params: one run's parameters that are trained; frozen ones are among the buffers.
    unused: those of them that have no gradient, which an optimizer leaves alone.
    piece: examples evaluated at a time: as many as are in a mini-batch, or more.
    activations: bytes of one run's intermediate values.
    flops: floating-point operations of one run's step.
    separate: why each run has a network of its own; empty where it has not.
    kept: what training changes besides parameters; empty if nothing.
    """

    starts: Starts
    model: nn.Module
    params: dict[str, torch.Tensor]
    layers: list[Layer] | None
    loss: Loss
    piece: int
    activations: int = 0
    flops: int = 0
    unused: frozenset[str] = frozenset()
    separate: str = ""
    kept: str = ""

    @property
    def device(self) -> torch.device:
        return next(iter(self.params.values())).device

    @property
    def statistics(self) -> bool:
        return keeps_statistics(self.model)

    def compiles(self, execution: str, steps: int, runs: int) -> bool:
        """Whether steps are to be compiled."""
        if self.layers is not None or self.separate or execution == "plain":
            return False
        worth = not self.serial and self.flops * steps * runs > _WORTH_COMPILING
        return execution == "compiled" or worth

    def engine(self, which: Sequence[int], configurations: int, compiled: bool = False) -> Engine:
        """Copies of the starts of some seeds, one for each configuration."""
        starts = [self.starts.networks[i] for i in which]
        named = [dict(m.named_parameters()) for m in starts]
        params = {
            n: torch.stack([ps[n].detach() for ps in named]).repeat_interleave(configurations, 0)
            for n in self.params
        }
        grads = [torch.zeros_like(p) for p in params.values()]
        of_runs = [i for i in which for _ in range(configurations)]
        functional = self._copies(params, grads, of_runs, len(which), compiled)
        copies: Copies = functional
        if self.layers is not None and not self.separate:
            copies = MLP(self.layers, list(params.values()), grads, len(starts))
        values, one_by_one = list(params.values()), bool(self.separate)
        return Engine(values, grads, copies, functional, self.loss, self.piece, one_by_one)

    def _copies(
        self,
        params: dict[str, torch.Tensor],
        grads: list[torch.Tensor],
        of_runs: Sequence[int],
        seeds: int,
        compiled: bool,
    ) -> Functional:
        """Copies of the starts number `of_runs`, as many of each of so many seeds."""
        if self.separate:
            networks = [self.starts.fresh(i) for i in of_runs]
            numbers = [self.starts.seeds[i] for i in of_runs]
            return Separate(networks, params, grads, seeds, numbers, self.loss, self.unused)
        rest = [untrained(self.starts.networks[i]) for i in of_runs]
        buffers = {n: torch.stack([b[n].detach() for b in rest]) for n in rest[0]}
        if self.serial and not compiled:
            return Serial(self.starts.fresh(0), params, grads, buffers, seeds, self.loss)
        return Vmapped(self.model, params, grads, buffers, seeds, self.loss, compiled)

    @property
    def serial(self) -> bool:
        """Whether copies are faster one after another."""
        convolves = any(isinstance(m, _CONVOLUTIONS) for m in self.model.modules())
        return convolves and self.device.type == "cpu"

    def predict(self, params: dict[str, torch.Tensor], x: torch.Tensor) -> torch.Tensor:
        """Outputs of copies with these parameters, runs × shape, on examples x: on the CPU.

        Runs are configurations × seeds. Raises ValueError for networks of which training changes
        more than parameters.
        """
        if self.statistics:
            raise ValueError(
                "snapshots have no running statistics, without which there are no outputs: train "
                "runs alone with optlab.experiments.train and predict_at"
            )
        if self.kept:
            raise ValueError(
                f"snapshots have parameters only, and not {self.kept}, which training changes, "
                "too: train runs alone with optlab.experiments.train and predict_at"
            )
        runs, seeds = len(next(iter(params.values()))), len(self.starts.seeds)
        moved = {n: p.to(self.device) for n, p in params.items()}
        copies: Copies
        if self.layers is not None and not self.separate:
            copies = MLP(self.layers, list(moved.values()), [], 1)
        else:
            of_runs = [r % seeds for r in range(runs)]
            copies = self._copies(moved, [], of_runs, 1, False)
        with torch.no_grad():
            parts = [  # copied, since copies may give the same memory again
                copies.outputs(piece.to(self.device)).to("cpu", copy=True)
                for piece in x.split(self.piece)
            ]
        return torch.cat(parts, dim=1)
