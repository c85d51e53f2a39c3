"""The first steps of a run alone: what a grid is compared with before it trains."""

from __future__ import annotations

import random
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import torch
from torch import nn

from optlab.grid.reach import Reach, reach
from optlab.grid.values import differing, values
from optlab.grid.vmapped import attempt, first_line
from optlab.learning.losses import Loss
from optlab.learning.randomness import forked, states

Batch = tuple[torch.Tensor, torch.Tensor]

# The steps tried move the largest weight by so much of it.
_STEP = 0.01


@dataclass
class Trial:
    """Some steps of gradient descent.

    losses, grads: of each step; grads by name, None for a parameter that is not used.
    outputs: in evaluation, before the first step and after the last.
    rate: the size of steps.
    """

    losses: list[torch.Tensor] = field(default_factory=list)
    grads: list[dict[str, torch.Tensor | None]] = field(default_factory=list)
    outputs: list[torch.Tensor] = field(default_factory=list)
    rate: float = 0.0

    @property
    def unused(self) -> frozenset[str]:
        """Parameters without a gradient, which an optimizer therefore leaves alone.

        Raises ValueError where they have one in some steps only.
        """
        none = [frozenset(n for n, g in grads.items() if g is None) for grads in self.grads]
        always, ever = none[0].intersection(*none), none[0].union(*none)
        if at_times := ever - always:
            raise ValueError(
                f"{min(at_times)} is used in some steps and not in others, in which an optimizer "
                "leaves it alone: multiply by 0 or 1 instead of leaving it out"
            )
        return always


def train(
    network: nn.Module, seed: int, batches: Sequence[Batch], loss: Loss, x_test: torch.Tensor
) -> Trial:
    """A few steps of a network, which is changed. Raises ValueError in one line if they fail."""
    found = Trial()
    params = {n: p for n, p in network.named_parameters() if p.requires_grad}
    with forked(x_test.device), torch.enable_grad():
        torch.manual_seed(seed)
        found.outputs.append(evaluate(network, x_test))
        for x, y in batches:
            value = backward(network, params, loss, x, y)
            grads = {n: None if p.grad is None else p.grad.clone() for n, p in params.items()}
            found.losses.append(value)
            found.grads.append(grads)
            found.rate = found.rate or _rate(params)
            with torch.no_grad():
                for p in params.values():
                    if p.grad is not None:
                        p.sub_(found.rate * p.grad)
        found.outputs.append(evaluate(network, x_test))
    return found


def backward(
    network: nn.Module, params: dict[str, Any], loss: Loss, x: torch.Tensor, y: torch.Tensor
) -> torch.Tensor:
    """The loss of a batch in training; gradients are left in the parameters."""
    network.train()
    for p in params.values():
        p.grad = None

    def compute() -> tuple[None, torch.Tensor]:
        value = loss(network(x), y)
        if value.dim() == 0:
            value.backward()
        return None, value.detach()

    _, value = attempt(compute)
    if sparse := [n for n, p in params.items() if p.grad is not None and p.grad.is_sparse]:
        raise ValueError(
            f"the gradient of {sparse[0]} is sparse: build the embedding with sparse=False"
        )
    return value


def evaluate(network: nn.Module, x: torch.Tensor) -> torch.Tensor:
    """Outputs in evaluation."""
    network.eval()

    def compute() -> tuple[Any, torch.Tensor]:
        with torch.no_grad():
            return network(x), torch.zeros(())

    outputs, _ = attempt(compute)
    network.train()
    if not isinstance(outputs, torch.Tensor):
        raise ValueError(
            f"the network must give one tensor; it gives a {type(outputs).__name__}: choose from "
            "it in forward"
        )
    return outputs.clone()


def _rate(params: dict[str, Any]) -> float:
    used = [p for p in params.values() if p.grad is not None and p.numel()]
    wide = max((float(p.detach().abs().max()) for p in used), default=0.0)
    steep = max((float(p.grad.abs().max()) for p in used), default=0.0)
    rate = _STEP * (wide or 1.0) / steep if steep else 0.0
    return rate if np.isfinite(rate) else 0.0


@dataclass(frozen=True)
class Habits:
    """What a network does in training besides computing gradients.

    buffers: a buffer, or a parameter, that a call changes; or None.
    own: something else that it keeps from one call to the next; or None.
    draws: whether it draws from torch's global generators.
    """

    buffers: str | None
    own: str | None
    draws: bool


def habits(
    one: nn.Module,
    two: nn.Module,
    loss: Loss,
    batches: Sequence[Batch],
    x_test: torch.Tensor,
    complain: Callable[[str], None],
) -> Habits:
    """What is kept of a call by the next: seen by calling `one` on two batches, and its equal
    `two` on the second of them alone. Both are changed.

    complain: is called in one line where the loss, or what all networks share, is changed, and
    where evaluation changes something.
    """
    device = x_test.device
    hooks = {k: v for k, v in vars(nn.modules.module).items() if k.startswith("_global_")}

    def look(network: nn.Module) -> Reach:
        others = _generators_of_others()
        return reach(the_network=network, the_loss=loss, hooks_of_all_modules=hooks, **others)

    def step(network: nn.Module, x: torch.Tensor, y: torch.Tensor) -> None:
        torch.manual_seed(0)
        params = {n: p for n, p in network.named_parameters() if p.requires_grad}
        backward(network, params, loss, x, y)
        for p in params.values():
            p.grad = None

    size = min(len(x) for x in (x_test, batches[0][0], batches[1][0]))
    with forked(device), torch.enable_grad():
        before, drawn = values(one), states(device)
        evaluate(one, batches[0][0][:size])
        evaluate(one, x_test[:size])
        draws_in_evaluation = not all(map(torch.equal, drawn, states(device)))
        after = look(one)
        evaluate(two, x_test[:size])
        changed = [*differing(before, values(one)), *after.changed(look(two))]
        size = min(len(x) for x, _ in batches[:2])
        (x, y), (next_x, next_y) = ((x[:size], y[:size]) for x, y in batches[:2])
        before = values(one)
        step(one, x, y)
        torch.manual_seed(0)
        fresh = states(device)
        step(one, next_x, next_y)
        draws = not all(map(torch.equal, fresh, states(device)))
        buffers = differing(before, values(one))
        after = look(one)
        step(two, next_x, next_y)
        alone = look(two)
    kept = after.changed(alone)
    if shared := [place for place in kept if after.shares(place, alone)]:
        complain(
            f"{_said(shared[0])} changes at every call, and all runs would share it: keep it in "
            "the network, or take it out"
        )
    if changed:
        complain(
            f"{_said(changed[0])} is changed by evaluation, which must leave a network as it is: "
            "change it only if self.training"
        )
    if draws_in_evaluation:
        complain("the network draws random numbers in evaluation: draw only if self.training")
    first_buffer, first_kept = next(iter(buffers), None), next(iter(kept), None)
    return Habits(first_buffer, first_kept and _said(first_kept), draws)


def check_augmentation(augment: Any, x: torch.Tensor) -> None:
    """Raises ValueError where an augmentation depends on more than its arguments."""
    device = x.device

    def call() -> tuple[torch.Tensor, Reach]:
        try:
            y = augment(x, torch.Generator().manual_seed(0))
        except Exception as error:
            raise ValueError(f"augment fails on a batch: {first_line(error)}") from error
        return y, reach(augment=augment, **_generators_of_others())

    with forked(device):
        drawn = states(device)
        one, first = call()
        if not isinstance(one, torch.Tensor) or one.shape[:1] != x.shape[:1]:
            raise ValueError("augment must give as many inputs as it is given, as one tensor")
        two, second = call()
        if not all(map(torch.equal, drawn, states(device))):
            raise ValueError(
                "augment draws from torch's global generator: draw from the one that it is given"
            )
    if changed := first.changed(second):
        raise ValueError(
            f"{_said(changed[0])} changes at every call, and all runs would share it: let augment "
            "depend on its arguments alone"
        )
    if not torch.equal(torch.nan_to_num(one), torch.nan_to_num(two)):
        raise ValueError(
            "augment gives other inputs when it is called again with the same generator: let it "
            "depend on its arguments alone"
        )


def _generators_of_others() -> dict[str, Any]:
    return {
        "the_global_generator_of_Python's_random": random._inst,
        "the_global_generator_of_numpy.random": np.random.mtrand._rand,
    }


def _said(place: str) -> str:
    return place.removeprefix("the network.")
