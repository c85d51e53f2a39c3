"""The copies of a network that a chunk of a grid trains, and what can be said of them before."""

from __future__ import annotations

import copy
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

import torch
from torch import nn
from torch.func import vmap
from torch.nn.functional import cross_entropy

from optlab.grid import memory
from optlab.grid.mlp import MLP, Layer, layers
from optlab.grid.serial import Normalized, Serial, forked, keeps_statistics
from optlab.grid.targets import PADDING, are_classes
from optlab.grid.vmapped import Vmapped, attempt, probe, refuse

Loss = Callable[[torch.Tensor, torch.Tensor], torch.Tensor]

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
            total = total + (share * _losses(self.loss, outputs, b).double()).where(share > 0, 0)
            error = error + _wrong(outputs, b, present) / count
        return total, error

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


def _losses(loss: Loss, outputs: torch.Tensor, y: torch.Tensor) -> torch.Tensor:
    if loss is cross_entropy and outputs.dim() == 3:
        classes = outputs.transpose(1, 2)
        return cross_entropy(classes, y.expand(len(outputs), -1), reduction="none").mean(1)
    result: torch.Tensor = vmap(loss, in_dims=(0, None))(outputs, y)
    return result


@dataclass
class Kind:
    """What all runs have in common: the network's shape, and how copies of it are trained.

    params: one run's parameters that are trained; frozen ones are among the buffers.
    piece: examples evaluated at a time: as many as are in a mini-batch, or more.
    activations: bytes of one run's intermediate values.
    flops: floating-point operations of one run's step.
    statistics: whether the network has running statistics.
    """

    model: nn.Module
    params: dict[str, torch.Tensor]
    layers: list[Layer] | None
    loss: Loss
    piece: int
    activations: int
    flops: int
    statistics: bool = False

    @property
    def device(self) -> torch.device:
        return next(iter(self.params.values())).device

    def compiles(self, execution: str, steps: int, runs: int) -> bool:
        """Whether steps are to be compiled."""
        if self.layers is not None or self.statistics or execution == "plain":
            return False
        worth = not self.serial and self.flops * steps * runs > _WORTH_COMPILING
        return execution == "compiled" or worth

    def engine(
        self,
        starts: Sequence[nn.Module],
        seeds: Sequence[int],
        configurations: int,
        compiled: bool,
    ) -> Engine:
        """Copies of each seed's start, one for each configuration."""

        def stacked(tensors: list[torch.Tensor]) -> torch.Tensor:
            return torch.stack([x.detach() for x in tensors]).repeat_interleave(configurations, 0)

        named = [dict(m.named_parameters()) for m in starts]
        params = {n: stacked([ps[n] for ps in named]) for n in self.params}
        grads = [torch.zeros_like(p) for p in params.values()]
        rest = [_buffers(m) for m in starts]
        buffers = {n: stacked([b[n] for b in rest]) for n in rest[0]}
        functional = self._copies(params, grads, buffers, seeds, compiled)
        copies: Copies = functional
        if self.layers is not None:
            copies = MLP(self.layers, list(params.values()), grads, len(starts))
        return Engine(list(params.values()), grads, copies, functional, self.loss, self.piece)

    def _copies(
        self,
        params: dict[str, torch.Tensor],
        grads: list[torch.Tensor],
        buffers: dict[str, torch.Tensor],
        seeds: Sequence[int],
        compiled: bool,
    ) -> Functional:
        if self.statistics:
            return Normalized(self.model, params, grads, buffers, seeds, self.loss)
        if self.serial and not compiled:
            return Serial(self.model, params, grads, buffers, len(seeds), self.loss)
        return Vmapped(self.model, params, grads, buffers, len(seeds), self.loss, compiled)

    @property
    def serial(self) -> bool:
        """Whether copies are faster one after another."""
        convolves = any(isinstance(m, _CONVOLUTIONS) for m in self.model.modules())
        return convolves and self.device.type == "cpu"

    def predict(self, params: dict[str, torch.Tensor], x: torch.Tensor) -> torch.Tensor:
        """Outputs of copies with these parameters, runs × shape, on examples x: on the CPU.

        Raises ValueError for networks with running statistics, which are no parameters.
        """
        if self.statistics:
            raise ValueError(
                "snapshots have no running statistics, without which there are no outputs: train "
                "runs alone with optlab.experiments.train and predict_at"
            )
        runs = len(next(iter(params.values())))
        moved = {n: p.to(self.device) for n, p in params.items()}
        copies: Copies
        if self.layers is not None:
            copies = MLP(self.layers, list(moved.values()), [], 1)
        else:
            buffers = {n: b.expand(runs, *b.shape) for n, b in _buffers(self.model).items()}
            copies = self._copies(moved, [], buffers, [0], False)
        with torch.no_grad():
            parts = [  # copied, since copies may give the same memory again
                copies.outputs(piece.to(self.device)).to("cpu", copy=True)
                for piece in x.split(self.piece)
            ]
        return torch.cat(parts, dim=1)


def _buffers(model: nn.Module) -> dict[str, torch.Tensor]:
    frozen = {n: p for n, p in model.named_parameters() if not p.requires_grad}
    return {**frozen, **dict(model.named_buffers())}


def describe(model: nn.Module, data: Any, loss: Loss, batch_size: int) -> Kind:
    """Look at a network before it is trained. Raises ValueError where a grid cannot train it."""
    statistics = keeps_statistics(model)
    if not statistics:
        refuse(model)
    params = {n: p.detach() for n, p in model.named_parameters() if p.requires_grad}
    if not params:
        raise ValueError("the model has no parameters that require gradients")
    first = next(iter(params.values()))
    if any((p.device, p.dtype) != (first.device, first.dtype) for p in params.values()):
        raise ValueError("the model's parameters must be of one dtype and on one device")
    for name in ("x_train", "x_test"):
        x = getattr(data, name)
        if x.device != first.device or (x.is_floating_point() and x.dtype != first.dtype):
            raise ValueError(
                f"{name} is {x.dtype} on {x.device}, the model {first.dtype} on {first.device}: "
                "make both alike"
            )
    labels = all(y.dim() == 1 and bool((y != PADDING).all()) for y in (data.y_train, data.y_test))
    plain = layers(model) if loss is cross_entropy and labels else None
    x, y = data.x_train[:batch_size], data.y_train[:batch_size]
    if not statistics:
        probe(model, loss, x[:4], y[:4])
    piece = batch_size * -(-_PIECE // batch_size)
    if plain is not None:
        wide = sum(layer.outputs for layer in plain)
        elements = (2 * batch_size + piece) * wide + 4 * piece * plain[-1].outputs
        return Kind(model, params, plain, loss, piece, elements * first.element_size(), 0)

    tried = copy.deepcopy(model).train() if statistics else model  # a start stays what it is

    def forward() -> torch.Tensor:
        return loss(tried(x), y)

    from torch.utils.flop_counter import FlopCounterMode

    with forked(first.device), FlopCounterMode(display=False) as counter:
        kept, _ = attempt(lambda: memory.saved_for_backward(forward, [x, y, *tried.parameters()]))
    flops = 3 * counter.get_total_flops()
    activations = (3 + piece // batch_size) * kept
    return Kind(model, params, None, loss, piece, activations, flops, statistics)
