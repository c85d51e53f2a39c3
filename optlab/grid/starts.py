"""The networks that the seeds of a grid start from."""

from __future__ import annotations

import copy
from collections.abc import Callable, Sequence
from typing import Any

import torch
from torch import nn

from optlab.grid.reach import reach
from optlab.grid.values import differing, values
from optlab.grid.vmapped import first_line
from optlab.learning.randomness import held

_GIVE = "give a function seed -> network that builds it"


class Starts:
    """The start of each seed.

    networks: one of each seed, in training mode: not trained, and read for its parameters.
    again: the same once more, to be tried on.
    """

    def __init__(self, model: nn.Module | Callable[[int], nn.Module], seeds: Sequence[int]):
        """Raises ValueError or TypeError in one line where seeds have no starts of their own."""
        self.seeds = tuple(seeds)
        self._build: Callable[[int], nn.Module] | None = None
        with held():
            if isinstance(model, nn.Module):
                made = [_copy(model, model)] * len(seeds)
                self.again = [copy.deepcopy(m) for m in made]
            else:
                made, self.again = self._built(model)
        self.networks = [_training(m) for m in made]
        for network in self.again:
            _training(network)
        _alike(self.networks, self.seeds)

    def fresh(self, i: int) -> nn.Module:
        """The start of seed number i once more, in training mode."""
        if self._build is None:
            return copy.deepcopy(self.networks[i])
        with held():
            return _training(self._build(self.seeds[i]))

    def _built(self, build: Any) -> tuple[list[nn.Module], list[nn.Module]]:
        if not callable(build):
            raise TypeError(
                "model must be a torch.nn.Module or a function seed -> torch.nn.Module; "
                f"got {build!r:.80}"
            )
        made: list[nn.Module] = []
        again: list[nn.Module] = []
        seen: set[int] = set()  # ids, of what `made` keeps
        for seed in self.seeds:
            one = _made(build, seed)
            own = _parts(one)
            if own & seen:  # one network, given each time
                return self._copied(build)
            seen |= own
            kept = values(one)
            two = _made(build, seed)
            if own & _parts(two):
                return self._copied(build)
            _same(kept, values(two), seed)
            made.append(one)
            again.append(two)
        self._build = build
        return made, again

    def _copied(self, build: Any) -> tuple[list[nn.Module], list[nn.Module]]:
        made: list[nn.Module] = []
        for seed in self.seeds:
            network = _made(build, seed)
            made.append(_copy(network, network))
            _same(values(made[-1]), values(_made(build, seed)), seed)
        return made, [copy.deepcopy(m) for m in made]


def _made(build: Callable[[int], Any], seed: int) -> nn.Module:
    network = build(seed)
    if not isinstance(network, nn.Module):
        raise TypeError(
            "model must be a torch.nn.Module or a function seed -> torch.nn.Module; "
            f"model({seed}) gave {network!r:.80}"
        )
    _shaped(network)
    return network


def _training(network: nn.Module) -> nn.Module:
    network.train()
    return network


def _shaped(network: nn.Module) -> None:
    kinds = nn.parameter.UninitializedParameter | nn.parameter.UninitializedBuffer
    tensors = [*network.named_parameters(), *network.named_buffers()]
    if lazy := [n for n, x in tensors if isinstance(x, kinds)]:
        raise ValueError(
            f"{lazy[0]} has no shape yet, as in LazyLinear: call the network on a batch when it "
            "is built, or name the sizes"
        )


def _copy(network: nn.Module, original: nn.Module) -> nn.Module:
    """A copy that has nothing in common with a network but functions and constants."""
    _shaped(network)
    if any(isinstance(m, torch.jit.ScriptModule) for m in network.modules()):
        raise ValueError(f"copies of what torch.jit made are not trained as it is: {_GIVE}")
    for name, p in network.named_parameters():
        if p._backward_hooks or p._post_accumulate_grad_hooks:
            raise ValueError(f"{name} has a hook, which copies would not have: {_GIVE}")
    try:
        copied = copy.deepcopy(network)
    except Exception as error:
        said = first_line(error).split(". ")[0].strip()
        raise ValueError(f"the network cannot be copied ({said}): {_GIVE}") from error
    own = {id(m): n for n, m in original.named_modules()}
    own |= {id(p): n for n, p in original.named_parameters()}
    own |= {id(b): n for n, b in original.named_buffers()}
    if kept := [own[i] for i in reach(network=copied).holders if i in own]:
        where = f"{kept[0]} of the network given" if kept[0] else "the network given"
        raise ValueError(
            f"a copy would still use {where}, by a hook, a closure, or a forward of its own: "
            f"{_GIVE}"
        )
    return copied


def _parts(network: nn.Module) -> set[int]:
    """The ids of its parameters, buffers and modules: what two networks may have in common."""
    return {id(x) for x in (*network.parameters(), *network.buffers(), *network.modules())}


def _same(one: dict[str, torch.Tensor], two: dict[str, torch.Tensor], seed: int) -> None:
    if names := differing(one, two):
        raise ValueError(
            f"model({seed}) gives another network when it is called again ({names[0]} differs): "
            "seed all that it draws, as by torch.manual_seed(seed) at its beginning"
        )


def _alike(networks: Sequence[nn.Module], seeds: Sequence[int]) -> None:
    def shape(network: nn.Module) -> list[Any]:
        params = [(n, p.shape, p.dtype, p.requires_grad) for n, p in network.named_parameters()]
        return [*params, *((n, b.shape, b.dtype, None) for n, b in network.named_buffers())]

    first = shape(networks[0])
    for network, seed in zip(networks, seeds, strict=True):
        if shape(network) != first:
            raise ValueError(
                "model(seed) must give networks of one shape for all seeds; those of seeds "
                f"{seeds[0]} and {seed} differ"
            )
