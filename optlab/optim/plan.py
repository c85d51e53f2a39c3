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
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import torch

from optlab.optim import execution
from optlab.optim.batch import Batch, Prepared
from optlab.optim.counts import is_count
from optlab.optim.inspection import Found
from optlab.optim.native import Table, places_of
from optlab.optim.together import all_alike, all_equal, follow_from_entries, same_rates
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
    of them, and the addresses of its gradients where these have moved.
    """

    begin: int
    end: int
    groups: list[tuple[int, int]]
    rule: Rule
    keys: list[tuple[str, str]]
    compute: torch.dtype | None
    t: int
    alike: bool
    run: Callable[[Batch, Sequence[int] | None], None]


class Plan:
    """What a step found, and whether it still holds.

    A plan belongs to one step at a time: who takes it from an optimizer gives it back. It is not
    asked where a setting other than a rate has changed: the optimizer sees that for itself.
    """

    def __init__(
        self,
        optimizer: RuleOptimizer,
        prepared: Sequence[Prepared],
        found: Sequence[Found],
        tables: Sequence[Table | None],
    ):
        self.parts: list[_Part] = []
        params, grads, states, counts = (list[torch.Tensor]() for _ in range(4))
        for each, known, table in zip(prepared, found, tables, strict=True):
            batch = each.batch
            of_groups, sizes = zip(*each.groups, strict=True)
            begins = itertools.accumulate(sizes[:-1], initial=len(params))
            part = _Part(
                begin=len(params),
                end=len(params) + len(batch.params),
                groups=list(zip(of_groups, begins, strict=True)),
                rule=batch.rule,
                keys=[(name, optimizer.key_of(name)) for name in batch.rule.initial],
                compute=batch.compute,
                t=int(batch.t),
                alike=False,
                run=execution.way(batch, each.execution, known, table),
            )
            self.parts.append(part)
            params += batch.params
            grads += batch.grads
            states += itertools.chain.from_iterable(batch.state.values())
            counts += each.steps
        self.several = any(len(part.groups) > 1 for part in self.parts)
        self.changes = -1  # of the optimizer, when the groups were looked at
        groups = optimizer.param_groups
        self.raises = any(group["nonfinite"] == "raise" for group in groups)
        # How many parameters each group has; where those are, of all, that come first here,
        # second, and so on; and those that have no gradient.
        self.lengths = [len(group["params"]) for group in groups]
        every = [p for group in groups for p in group["params"]]
        found_at = {id(p): i for i, p in enumerate(every)}
        order = [found_at[id(p)] for p in params]
        self.order = None if order == [*range(len(every))] else order
        self.others = sorted({*range(len(every))} - {*order})
        self.addresses = _Addresses(params, states, counts, grads, native=any(tables))
        self.counts = self.addresses.counts
        self.counted = [part.t for part in self.parts for _ in range(part.begin, part.end)]

    def step(self, optimizer: RuleOptimizer, grads: list[Any]) -> bool:
        """Take a step if all is as it was. Else nothing has changed, and the answer is False.

        grads: the gradients of all parameters, None for those that have none.
        """
        groups = optimizer.param_groups
        if [len(group["params"]) for group in groups] != self.lengths:
            return False
        params: list[torch.Tensor] = [p for group in groups for p in group["params"]]
        if self.order is not None:
            if any(grads[i] is not None for i in self.others):
                return False
            params = [params[i] for i in self.order]
            grads = [grads[i] for i in self.order]
        entries = _entries(optimizer.state, params)
        marked = self.several and follow_from_entries(
            optimizer.rule, optimizer.rule_for, optimizer.decayed, optimizer.hyperparameters
        )
        unchanged = marked and optimizer.changes == self.changes
        states = []
        try:
            counts = [entry["step"] for entry in entries]
            for part in self.parts:
                if not (unchanged and part.alike):
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
            hyper = optimizer.hyperparameters(groups[part.groups[0][0]], part.rule)
            if len(part.groups) > 1:
                together = [groups[place] for place, _ in part.groups]
                if not unchanged:
                    part.alike = marked and all_alike(together)
                if not (part.alike and same_rates(together)) and not all_equal(
                    together, part.rule, hyper, optimizer.hyperparameters
                ):
                    return False
            name = functools.partial(optimizer.name_of, ps)
            t = part.t + 1
            batches.append(
                Batch(part.rule, t, hyper, ps, gs, state, part.compute, name, optimizer.key_of)
            )
        self.changes = optimizer.changes
        of_states = [x for state in states for xs in state.values() for x in xs]
        moved = self.addresses.moved([*params, *of_states, *counts, *grads])
        if moved is True or [count.value for count in self.counts] != self.counted:
            return False
        for part, batch in zip(self.parts, batches, strict=True):
            part.run(batch, moved[part.begin : part.end] if moved else None)
            part.t = t = part.t + 1
            for count in self.counts[part.begin : part.end]:
                count.value = t
            self.counted[part.begin : part.end] = [t] * (part.end - part.begin)
        return True


class _Addresses:
    """What a step's tensors are and where, the gradients last, which may be elsewhere each time.

    counts: the numbers that the counts hold, as objects of ctypes.
    """

    def __init__(
        self,
        params: Sequence[torch.Tensor],
        states: Sequence[torch.Tensor],
        counts: Sequence[torch.Tensor],
        grads: Sequence[torch.Tensor],
        *,
        native: bool,
    ):
        every = [*params, *states, *counts, *grads]
        self._guards = TensorGuards(
            *every,
            dynamic_dims_sizes=[[*x.shape] for x in every],  # type: ignore[misc]
            dynamic_dims_strides=[[*x.stride()] for x in every],  # type: ignore[misc]
        )
        addresses = list(map(_address, every))
        n = len(grads)
        self.counts = list(map(ctypes.c_float.from_address, addresses[-2 * n : -n]))
        self._sizes = [g.nbytes for g in grads]
        self._alignment = max(g.itemsize for g in grads)
        written = sorted((x.data_ptr(), x.nbytes) for x in (*params, *states) if x.numel())
        self._starts = [start for start, _ in written]
        self._ends = [start + size for start, size in written]
        offsets = [int(_offset(x)) for x in every]
        needed = [(o + int(x.numel())) * x.itemsize for x, o in zip(every, offsets, strict=True)]
        told = addresses, offsets, needed, len(every) - n
        self._places = (places_of(*told) if native else None) or _Places(*told)

    def moved(self, every: Sequence[torch.Tensor]) -> list[int] | bool:
        """Where the gradients are, if these have moved; else False. True if any other tensor is
        not as it was, or if a gradient meets one of them."""
        if not self._guards.check(*every):
            return True
        gradients = self._places.moved(every)
        return gradients if isinstance(gradients, bool) or self._apart(gradients) else True

    def _apart(self, gradients: Sequence[int]) -> bool:
        """Whether gradients at these addresses are aligned, and meet nothing that is written."""
        if 0 in gradients or functools.reduce(operator.or_, gradients) % self._alignment:
            return False
        for start, size in zip(gradients, self._sizes, strict=True):
            # of what is written, the last that begins before the gradient ends
            i = bisect_left(self._starts, start + size) - 1
            if i >= 0 and self._ends[i] > start:
                return False
        return True


class _Places:
    """`native.Places` without a compiler: each tensor is asked."""

    def __init__(
        self, addresses: list[int], offsets: list[int], needed: list[int], fixed: int
    ) -> None:
        self._kept, self._last = addresses[:fixed], addresses[fixed:]
        self._offsets, self._needed = offsets, needed

    def moved(self, tensors: Sequence[torch.Tensor]) -> list[int] | bool:
        addresses = list(map(_address, tensors))
        last = addresses[len(self._kept) :]
        del addresses[len(self._kept) :]
        if (
            addresses != self._kept
            or list(map(_offset, tensors)) != self._offsets
            or not all(map(operator.ge, map(_bytes, map(_storage, tensors)), self._needed))
        ):
            return True
        if last == self._last:
            return False
        self._last = last
        return last


def _entries(state: Mapping[Any, Any], params: Sequence[torch.Tensor]) -> list[Any]:
    """The state of each parameter. Mostly they are in one order, and need not be looked up."""
    if len(state) == len(params) and all(map(operator.is_, state, params)):
        return [*state.values()]
    return [state[p] for p in params]


def plan_of(
    optimizer: RuleOptimizer,
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
    return Plan(optimizer, prepared, found, tables)


def _is_readable(count: torch.Tensor) -> bool:
    """Whether a step count is where its address says."""
    if not (is_count(count) and count.is_cpu) or torch._is_functional_tensor(count):
        return False
    return not count.is_neg() and count.data_ptr() != 0
