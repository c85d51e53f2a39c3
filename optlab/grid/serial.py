"""Copies of a network, one after another: for convolutions on a CPU, which grow slower as one,
and for batch normalization, which torch.func.vmap cannot take.

torch.func.vmap makes of the convolutions of K networks one with groups, for which CPU libraries
have no good code: it takes three times as long as K single ones.
"""

from __future__ import annotations

import itertools
from collections.abc import Sequence

import torch
from torch import nn

from optlab.grid.vmapped import evaluating, hessian_product
from optlab.learning.losses import Loss
from optlab.learning.randomness import forked, generators, states


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
        """params, grads and buffers: each runs × shape, runs being seeds × configurations.

        model: is each run's in turn, and changed.
        """
        # That costs less than torch.func's calls.
        self.model, self.loss = model, loss
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
                value = loss(self._network(r)(x[s]), y[s])
                new = torch.autograd.grad(
                    value, self.trained, allow_unused=True, materialize_grads=True
                )
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
        """Outputs of each run on the same examples, in evaluation: runs × examples × …."""
        with torch.no_grad(), evaluating(self.model):
            return torch.stack([self._network(r)(x) for r in range(self.runs)])

    def _network(self, r: int) -> nn.Module:
        """The network of run r, until that of another is asked for."""
        of_run = itertools.chain(self.params[r].values(), self.buffers[r].values())
        for tensor, view in zip(self.held, of_run, strict=True):
            tensor.data = view
        return self.model


class Separate:
    """Runs one after another, each with a network of its own that is trained as one alone is.

    For networks that do more in training than compute gradients: with running statistics,
    with hooks, with counters. What they keep is each run's own. So are the random numbers that
    they may draw in training: they are those of torch's global generators, seeded with the
    run's seed, as `optlab.experiments.train` has it.
    """

    def __init__(
        self,
        networks: Sequence[nn.Module],
        params: dict[str, torch.Tensor],
        grads: list[torch.Tensor],
        seeds: int,
        numbers: Sequence[int],
        loss: Loss,
        unused: frozenset[str] = frozenset(),
    ):
        """networks: of each run; params and grads: each runs × shape.

        seeds: how many batches there are, each of as many runs, one after another.
        numbers: each run's seed of what it draws.
        unused: parameters without a gradient.
        """
        self.networks, self.loss, self.unused = networks, loss, unused
        self.runs = len(networks)
        self.share = self.runs // seeds
        self.names = list(params)
        self.trained = []
        for r, network in enumerate(networks):
            named = dict(network.named_parameters())
            self.trained.append([named[n] for n in params])
            for p, together in zip(self.trained[r], params.values(), strict=True):
                p.data = together[r].detach()  # a view: what an update writes is read here
        self.grads = [[g[r] for g in grads] for r in range(self.runs)] if grads else []
        self.device = next(iter(params.values())).device
        self.drawn = []
        for number in numbers:
            with forked(self.device):
                torch.manual_seed(number)
                self.drawn.append(states(self.device))

    def losses(self, x: torch.Tensor, y: torch.Tensor) -> torch.Tensor:
        """Loss of each run on its batch; gradients are written to its grads.

        x: seeds × batch × …; y: seeds × batch × ….
        Raises ValueError where a parameter has a gradient now and had none, or the reverse.
        """
        found = []
        for r, network in enumerate(self.networks):
            s = r // self.share
            network.train()
            for p in self.trained[r]:
                p.grad = None
            with forked(self.device), torch.enable_grad():
                for generator, state in zip(generators(self.device), self.drawn[r], strict=True):
                    generator.set_state(state)
                value = self.loss(network(x[s]), y[s])
                value.backward()
                self.drawn[r] = states(self.device)
            for name, p, g in zip(self.names, self.trained[r], self.grads[r], strict=True):
                if (p.grad is None) != (name in self.unused):
                    raise ValueError(
                        f"{name} is used in some steps and not in others, in which an optimizer "
                        "leaves it alone: multiply by 0 or 1 instead of leaving it out"
                    )
                if p.grad is not None:
                    g.copy_(p.grad)
            found.append(value.detach())
        return torch.stack(found)

    def outputs(self, x: torch.Tensor) -> torch.Tensor:
        """Outputs of each run on the same examples, in evaluation: runs × examples × …."""
        found = []
        with torch.no_grad():
            for network in self.networks:
                network.eval()
                found.append(network(x))
        return torch.stack(found)

    def losses_of(self, loss: Loss, x: torch.Tensor, y: torch.Tensor) -> torch.Tensor:
        raise NotImplementedError  # an estimate of the Hessian would change what they keep

    def hessian_times(
        self, x: torch.Tensor, y: torch.Tensor, z: list[torch.Tensor]
    ) -> list[torch.Tensor]:
        raise NotImplementedError


def keeps_statistics(model: nn.Module) -> bool:
    """Whether a network has running statistics, which its training changes."""
    norms = (m for m in model.modules() if isinstance(m, nn.modules.batchnorm._NormBase))
    return any(norm.track_running_stats for norm in norms)
