"""The tensors that one rule steps together, and how."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import torch

from optlab.rules import Rule


def _by_number(i: int) -> str:
    return f"tensor {i},"


def _as_it_is(name: str) -> str:
    return name


@dataclass
class Batch:
    """Tensors that one rule treats alike: same device, dtype, step number and hyperparameters.

    state: by the rule's names, a list with that state tensor of each parameter.
    compute: the dtype to calculate in, where it is not the parameters' own; the
        state tensors are of this dtype.
    name: for messages, what the i-th parameter is called, such as "parameter 3,".
    key: for messages, the key in `state_dict()` of a state variable of the rule.
    """

    rule: Rule
    t: int | torch.Tensor
    hyperparameters: dict[str, Any]
    params: list[torch.Tensor]
    grads: list[torch.Tensor]
    state: dict[str, list[torch.Tensor]]
    compute: torch.dtype | None
    name: Callable[[int], str] = field(default=_by_number, repr=False)
    key: Callable[[str], str] = field(default=_as_it_is, repr=False)

    def part(self, indices: list[int]) -> Batch:
        """The batch of the parameters at `indices` alone."""

        def pick(xs: list[Any]) -> list[Any]:
            return [xs[i] for i in indices]

        p, g = pick(self.params), pick(self.grads)
        s = {name: pick(xs) for name, xs in self.state.items()}
        return Batch(
            self.rule,
            self.t,
            self.hyperparameters,
            p,
            g,
            s,
            self.compute,
            lambda i: self.name(indices[i]),
            self.key,
        )


@dataclass
class Prepared:
    """A batch of a step, ready to run.

    groups: the places of its groups, and how many of the parameters are of each.
    finite: whether all gradients are finite, where the step is skipped otherwise.
    rounded: whether new values of the parameters are rounded at random.
    """

    batch: Batch
    groups: list[tuple[int, int]]
    execution: str
    params: list[torch.Tensor]
    steps: list[torch.Tensor]
    finite: torch.Tensor | None
    rounded: bool
