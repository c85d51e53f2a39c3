"""Copies of a network, one after another: for convolutions on a CPU, which grow slower as one,
and for batch normalization, which torch.func.vmap cannot take.

torch.func.vmap makes of the convolutions of K networks one with groups, for which CPU libraries
have no good code: it takes three times as long as K single ones.
"""

from __future__ import annotations

import copy
import itertools
from collections.abc import Sequence
from contextlib import AbstractContextManager

import torch
from torch import nn

from optlab.grid.vmapped import Loss, hessian_product


class Serial:
    """Copies of one network: seeds × configurations, of which those of one seed share batches."""

    def __init__(
        self,
        model: nn.Module,
        params: dict[str, torch.Tensor],
        grads: list[torch.Tensor],
        buffers: dict[str, torch.Tensor],
        seeds: int,
        loss: Loss,
    ):
        """params, grads and buffers: each runs × shape, runs being seeds × configurations."""
        # One network, which is each run's in turn: that costs less than torch.func's calls.
        self.model, self.loss = copy.deepcopy(model), loss
        named = {**dict(self.model.named_parameters()), **dict(self.model.named_buffers())}
        self.trained = [named[n] for n in params]
        self.held = [*self.trained, *(named[n] for n in buffers)]
        self.runs = len(next(iter(params.values())))
        self.share = self.runs // seeds
        # Views: what an update writes to the stacked parameters is read here.
        self.params = [{n: p[r].detach() for n, p in params.items()} for r in range(self.runs)]
        self.grads = [[g[r] for g in grads] for r in range(self.runs)]
        self.buffers = [{n: b[r] for n, b in buffers.items()} for r in range(self.runs)]

    def losses(self, x: torch.Tensor, y: torch.Tensor) -> torch.Tensor:
        """Loss of each run on its batch; gradients are written to `grads`.

        x: seeds × batch × …; y: seeds × batch × ….
        """
        return self.losses_of(self.loss, x, y)

    def losses_of(self, loss: Loss, x: torch.Tensor, y: torch.Tensor) -> torch.Tensor:
        """As `losses`, of another function of outputs and targets."""
        found = []
        for r in range(self.runs):
            s = r // self.share
            with torch.enable_grad():
                value = self._loss(r, loss, x[s], y[s])
                new = torch.autograd.grad(value, self.trained)
            torch._foreach_copy_(self.grads[r], list(new))
            found.append(value.detach())
        return torch.stack(found)

    def hessian_times(
        self, x: torch.Tensor, y: torch.Tensor, z: list[torch.Tensor]
    ) -> list[torch.Tensor]:
        """H z of each run, for each parameter; z: for each parameter, seeds × shape."""
        product = hessian_product(self.model, self.loss)
        found = []
        for r, params in enumerate(self.params):
            s = r // self.share
            named = {n: v[s] for n, v in zip(params, z, strict=True)}
            products = product(params, self.buffers[r], x[s], y[s], named)
            found.append([products[n].detach() for n in params])
        return [torch.stack(same) for same in zip(*found, strict=True)]

    def outputs(self, x: torch.Tensor) -> torch.Tensor:
        """Outputs of each run on the same examples: runs × examples × …."""
        with torch.no_grad():
            return torch.stack([self._network(r)(x) for r in range(self.runs)])

    def _loss(self, r: int, loss: Loss, x: torch.Tensor, y: torch.Tensor) -> torch.Tensor:
        """Loss of run r on its batch."""
        return loss(self._network(r)(x), y)

    def _network(self, r: int) -> nn.Module:
        """The network of run r, until that of another is asked for."""
        of_run = itertools.chain(self.params[r].values(), self.buffers[r].values())
        for tensor, view in zip(self.held, of_run, strict=True):
            tensor.data = view
        return self.model


class Normalized(Serial):
    """The same for networks with running statistics, which are each run's own: those of the
    mini-batch serve in training, the running ones in evaluation.

    So are the random numbers that such a network may draw in training: they are those of
    torch's global generators, seeded with the run's seed, as `optlab.experiments.train` has it.
    """

    def __init__(
        self,
        model: nn.Module,
        params: dict[str, torch.Tensor],
        grads: list[torch.Tensor],
        buffers: dict[str, torch.Tensor],
        seeds: Sequence[int],
        loss: Loss,
    ):
        super().__init__(model, params, grads, buffers, len(seeds), loss)
        self.device = self.held[0].device
        self.drawn = []
        for r in range(self.runs):
            with forked(self.device):
                torch.manual_seed(seeds[r // self.share])
                self.drawn.append(_states(self.device))

    def outputs(self, x: torch.Tensor) -> torch.Tensor:
        self.model.eval()
        return super().outputs(x)

    def _loss(self, r: int, loss: Loss, x: torch.Tensor, y: torch.Tensor) -> torch.Tensor:
        self.model.train()
        with forked(self.device):
            for generator, state in zip(_generators(self.device), self.drawn[r], strict=True):
                generator.set_state(state)
            value = super()._loss(r, loss, x, y)
            self.drawn[r] = _states(self.device)
        return value


def keeps_statistics(model: nn.Module) -> bool:
    """Whether a network has running statistics, which its training changes."""
    norms = (m for m in model.modules() if isinstance(m, nn.modules.batchnorm._NormBase))
    return any(norm.track_running_stats for norm in norms)


def forked(device: torch.device) -> AbstractContextManager[None]:
    """What is drawn within from torch's global generators has not been drawn without."""
    return torch.random.fork_rng(devices=[device] if device.type == "cuda" else [])


def _generators(device: torch.device) -> list[torch.Generator]:
    on_device = [torch.cuda.default_generators[device.index]] if device.type == "cuda" else []
    return [torch.default_generator, *on_device]


def _states(device: torch.device) -> list[torch.Tensor]:
    return [generator.get_state() for generator in _generators(device)]
