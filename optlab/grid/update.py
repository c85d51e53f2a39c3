"""One step of a rule on many copies of a parameter at once, each with its own numbers."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import torch
from torch.func import vmap

from optlab.optim import native
from optlab.optim.split import Split, split
from optlab.rules import Rule


class Update:
    """A rule on stacked parameters, runs × shape, with hyperparameters of runs.

    `prepare` takes the hyperparameters of the next steps; then every call takes the next step
    in place. Norms and means are those of each run's tensor alone.
    """

    def __init__(
        self,
        rule: Rule,
        flags: dict[str, Any],
        names: Sequence[str],
        params: Sequence[torch.Tensor],
        grads: Sequence[torch.Tensor],
    ):
        self.rule = rule
        # As the optimizers have it: half precision is stepped, and its state kept, in float32.
        dtype = params[0].dtype
        self._wide = torch.float32 if dtype in (torch.float16, torch.bfloat16) else None
        self.cut: Split = split(rule, flags, names, self._wide)
        self.names, self.params, self.grads = list(names), list(params), list(grads)
        kept = self._wide or dtype
        start = vmap(lambda p: tuple(make(p.to(kept)) for make in rule.initial.values()))
        self.arrays = [
            [p, g, *(x.contiguous() for x in start(p))]
            for p, g in zip(self.params, self.grads, strict=True)
        ]
        names_of_state = list(rule.initial)
        self.states = [dict(zip(names_of_state, a[2:], strict=True)) for a in self.arrays]
        self._native = _native(self.cut, self.arrays)
        self._table = torch.empty(0)
        self._at = 0

    def prepare(self, first: int, hyper: Mapping[str, torch.Tensor]) -> None:
        """hyper: for steps first + 1, first + 2, … and each run, as `scheduled` gives them."""
        given = [hyper[name] for name in self.names]
        count, runs = given[0].shape
        t = torch.arange(first + 1, first + count + 1, dtype=torch.float64)[:, None]
        numbers = [
            torch.as_tensor(x, dtype=torch.float64).expand(count, runs)
            for x in self.cut.numbers(t, *given)
        ]
        like = self.params[0]
        self._table = torch.stack(numbers, dim=-1).to(like.device, self._wide or like.dtype)
        self._at = 0

    def __call__(self) -> None:
        """Take the next step."""
        numbers = self._table[self._at]
        self._at += 1
        if self._native is not None:
            self._native(numbers)
            return
        for arrays in self.arrays:
            vmap(self._one)(*arrays, numbers)

    def _one(self, *tensors: torch.Tensor) -> torch.Tensor:
        self.cut.tensors(*tensors)
        return tensors[0]


def _native(cut: Split, arrays: list[list[torch.Tensor]]) -> Callable[[torch.Tensor], None] | None:
    """The step of all runs as one C function, or None where C is not for it."""
    p = arrays[0][0]
    if not native.serves(p.device, p.dtype):
        return None
    try:
        return native.kernel(cut, p.dtype, runs=True).of(arrays).run
    except native.CannotWrite:
        return None
    except native.CannotCompile as error:
        said = str(error).strip().splitlines() or [type(error).__name__]
        warnings.warn(
            f"the grid's updates are made by torch, without C, which is slower: {said[0][:300]}",
            RuntimeWarning,
            stacklevel=2,
        )
        return None
