"""A step's plan, kept for the next step: what is stepped together, how, and where its tensors are.

To look at every setting, count and tensor takes longer than to step a small network. So a step
that went the ordinary way notes what it found, and the next one only asks whether that still
holds: the same parameters with gradients in the same groups, the same rules, tensors of the same
kinds at the same addresses, as large storages, the same counts. Gradients may be elsewhere, as
they are new after each backward pass. Whatever differs, the step looks anew, as without a plan.

A plan keeps numbers and no tensors, so that nothing lives longer because of it.
"""

from __future__ import annotations

import ctypes
import functools
import itertools
import operator
from bisect import bisect_left
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import torch

from optlab.optim import execution
from optlab.optim.batch import Batch, Prepared
from optlab.optim.counts import is_count
from optlab.optim.inspection import Found
from optlab.optim.native import Table
from optlab.optim.together import equal
from optlab.rules import Rule

if TYPE_CHECKING:
    from optlab.optim.optimizer import RuleOptimizer

try:  # torch.compile's own check of many tensors in one call
    from torch._C._dynamo.guards import TensorGuards
except ImportError:
    TensorGuards = None  # type: ignore[assignment,misc]

_address = torch.Tensor.data_ptr
_offset = torch.Tensor.storage_offset
_storage = torch.Tensor.untyped_storage
_bytes = torch.UntypedStorage.nbytes


@dataclass
class _Part:
    """What one call steps: the parameters from `begin` to `end` in the plan's order.

    groups: the places of their groups, and where the parameters of each begin. keys: the rule's
    names of the state, and the keys. t: how many steps each of them has taken. run: takes a batch
    of them, and the addresses of its gradients.
    """

    begin: int
    end: int
    groups: list[tuple[int, int]]
    rule: Rule
    keys: list[tuple[str, str]]
    compute: torch.dtype | None
    t: int
    run: Callable[[Batch, Sequence[int]], None]


class Plan:
    """What a step found, and whether it still holds.

    A plan belongs to one step at a time: who takes it from an optimizer gives it back. It is not
    asked where a setting other than a rate has changed: the optimizer sees that for itself.
    """

    def __init__(
        self,
        optimizer: RuleOptimizer,
        present: Sequence[Sequence[torch.Tensor]],
        prepared: Sequence[Prepared],
        found: Sequence[Found],
        tables: Sequence[Table | None],
    ):
        self.parts: list[_Part] = []
        params, grads, states, counts = (list[torch.Tensor]() for _ in range(4))
        for each, known, table in zip(prepared, found, tables, strict=True):
            batch = each.batch
            places, sizes = zip(*each.groups, strict=True)
            begins = itertools.accumulate(sizes[:-1], initial=len(params))
            part = _Part(
                begin=len(params),
                end=len(params) + len(batch.params),
                groups=list(zip(places, begins, strict=True)),
                rule=batch.rule,
                keys=[(name, optimizer.key_of(name)) for name in batch.rule.initial],
                compute=batch.compute,
                t=int(batch.t),
                run=execution.way(batch, each.execution, known, table),
            )
            self.parts.append(part)
            params += batch.params
            grads += batch.grads
            states += itertools.chain.from_iterable(batch.state.values())
            counts += each.steps
        # Of each group, how many parameters have gradients; and where those are that come first
        # here, second, and so on.
        self.present = list(map(len, present))
        found_at = {id(p): i for i, p in enumerate(itertools.chain.from_iterable(present))}
        order = [found_at[id(p)] for p in params]
        self.order = None if order == [*range(len(order))] else order
        every = [*params, *states, *counts, *grads]
        self.guards = TensorGuards(
            *every,
            dynamic_dims_sizes=[[*x.shape] for x in every],  # type: ignore[misc]
            dynamic_dims_strides=[[*x.stride()] for x in every],  # type: ignore[misc]
        )
        addresses = list(map(_address, every))
        n = len(grads)
        self.kept, self.of_gradients = addresses[:-n], addresses[-n:]
        self.offsets = list(map(_offset, every))
        self.bytes = [
            (o + x.numel()) * x.itemsize for x, o in zip(every, self.offsets, strict=True)
        ]
        self.sizes = [g.nbytes for g in grads]
        self.alignment = max(g.itemsize for g in grads)
        written = sorted((x.data_ptr(), x.nbytes) for x in (*params, *states) if x.numel())
        self.starts = [start for start, _ in written]
        self.ends = [start + size for start, size in written]
        self.counts = list(map(ctypes.c_float.from_address, addresses[-2 * n : -n]))
        self.counted = [part.t for part in self.parts for _ in range(part.begin, part.end)]

    def step(
        self,
        optimizer: RuleOptimizer,
        present: Sequence[Sequence[torch.Tensor]],
        params: list[torch.Tensor],
        grads: list[torch.Tensor],
    ) -> bool:
        """Take a step if all is as it was. Else nothing has changed, and the answer is False.

        present: of each group, the parameters that have gradients; params, grads: all of them.
        """
        if list(map(len, present)) != self.present:
            return False
        if self.order is not None:
            params = [params[i] for i in self.order]
            grads = [grads[i] for i in self.order]
        entries = [optimizer.state[p] for p in params]
        groups = optimizer.param_groups
        states = []
        try:
            counts = [entry["step"] for entry in entries]
            for part in self.parts:
                for place, begin in part.groups:
                    if optimizer.rule_for(params[begin], groups[place]) is not part.rule:
                        return False
                here = entries[part.begin : part.end]
                states.append({name: [s[key] for s in here] for name, key in part.keys})
        except (KeyError, TypeError):
            return False
        batches = []  # before the tensors are looked at, as methods of a subclass are called here
        for part, state in zip(self.parts, states, strict=True):
            ps, gs = params[part.begin : part.end], grads[part.begin : part.end]
            hyper, *others = (
                optimizer.hyperparameters(groups[place], part.rule) for place, _ in part.groups
            )
            if not all(equal(hyper, other) for other in others):
                return False
            name = functools.partial(optimizer.name_of, ps)
            t = part.t + 1
            batches.append(
                Batch(part.rule, t, hyper, ps, gs, state, part.compute, name, optimizer.key_of)
            )
        of_states = [x for state in states for xs in state.values() for x in xs]
        gradients = self._addresses([*params, *of_states, *counts, *grads])
        if gradients is None:
            return False
        for part, batch in zip(self.parts, batches, strict=True):
            part.run(batch, gradients[part.begin : part.end])
            part.t += 1
            for count in self.counts[part.begin : part.end]:
                count.value = part.t
        self.counted = [t + 1 for t in self.counted]
        return True

    def _addresses(self, every: list[torch.Tensor]) -> list[int] | None:
        """Where the gradients are, if every tensor is as it was and they meet none of the others;
        else None."""
        if not self.guards.check(*every):
            return None
        addresses = list(map(_address, every))
        n = len(self.sizes)
        gradients = addresses[-n:]
        del addresses[-n:]
        if (
            addresses != self.kept
            or list(map(_offset, every)) != self.offsets
            or not all(map(operator.ge, map(_bytes, map(_storage, every)), self.bytes))
            or [count.value for count in self.counts] != self.counted
            or (gradients != self.of_gradients and not self._apart(gradients))
        ):
            return None
        self.of_gradients = gradients
        return gradients

    def _apart(self, gradients: list[int]) -> bool:
        """Whether gradients at these addresses are aligned, and meet nothing that is written."""
        if 0 in gradients or functools.reduce(operator.or_, gradients) % self.alignment:
            return False
        for start, size in zip(gradients, self.sizes, strict=True):
            # of what is written, the last that begins before the gradient ends
            i = bisect_left(self.starts, start + size) - 1
            if i >= 0 and self.ends[i] > start:
                return False
        return True


def plan_of(
    optimizer: RuleOptimizer,
    present: Sequence[Sequence[torch.Tensor]],
    prepared: Sequence[Prepared],
    found: Sequence[Found],
    tables: Sequence[Table | None],
) -> Plan | None:
    """The plan of a step that was taken, or None if the next cannot be taken like it.

    tables: what `run` returned of each batch.

    It can where every batch holds the parameters, gradients and state themselves and these are as
    a kernel has them, and where counts and numbers are known here and not on a device.
    """
    if TensorGuards is None or not prepared:
        return None
    for each, known in zip(prepared, found, strict=True):
        batch = each.batch
        ordinary = known.addresses is not None and not each.rounded
        if not ordinary or each.finite is not None or not all(map(_is_readable, each.steps)):
            return None
        if batch.t == 1:  # where one step is all, a plan is not worth its making
            return None
        grads = [p.grad for p in each.params]
        if not all(map(operator.is_, (*each.params, *grads), (*batch.params, *batch.grads))):
            return None
    return Plan(optimizer, present, prepared, found, tables)


def _is_readable(count: torch.Tensor) -> bool:
    """Whether a step count is where its address says."""
    if not (is_count(count) and count.is_cpu) or torch._is_functional_tensor(count):
        return False
    return not count.is_neg() and count.data_ptr() != 0
