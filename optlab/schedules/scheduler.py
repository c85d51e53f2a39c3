"""The one LRScheduler over all schedules."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import torch
from torch.optim import Optimizer

Multiplier = Callable[[Any], Any]
Multipliers = Multiplier | Sequence[Multiplier]


class LRScheduler(torch.optim.lr_scheduler.LRScheduler):
    """Sets lr = initial_lr * schedule(t) in every parameter group, t = updates made.

    Call `step()` after each `optimizer.step()`. The rate is calculated from the
    integer t alone, never from the rate before, so a resumed run has the same bits.

    Args:
        optimizer: any torch.optim.Optimizer. A tensor lr is filled in place. The base
            rate stays in each group as `initial_lr`, and is the group's lr if there is none.
        schedule: a function t -> multiplier (`optlab.schedules.cosine(T=100)`, or any
            function of an integer), or a list of one per group. Or a mapping from
            entries of the groups to such: {"lr": …, "weight_decay": …}.
        last_epoch: -1 begins at t = 0; k begins at t = k + 1, as torch's schedulers do.

    `last_epoch` is t, the number of `step()` calls so far (torch's name: what counts as
    an epoch is whatever comes between two calls).

    Resuming: load the optimizer's and the scheduler's state after making both, or make
    the scheduler after the optimizer's state was loaded; then its lr is left as it is
    until `load_state_dict` or `step()`. (To begin a new schedule on a loaded optimizer,
    set lr and delete `initial_lr` in its groups.)

    Raises:
        TypeError: if optimizer is none, or a schedule is no function.
        ValueError: if a list does not have one schedule per group, or the groups
            lack a scheduled entry.
    """

    def __init__(
        self,
        optimizer: Optimizer,
        schedule: Multipliers | Mapping[str, Multipliers],
        last_epoch: int = -1,
    ):
        if not isinstance(optimizer, Optimizer):
            raise TypeError(f"{type(optimizer).__name__} is not an Optimizer")
        groups = optimizer.param_groups
        given = schedule if isinstance(schedule, Mapping) else {"lr": schedule}
        self.schedules = {key: _per_group(key, s, groups) for key, s in given.items()}
        # A group once scheduled, in an optimizer never scheduled: it was loaded. Keep its values.
        fresh = hasattr(optimizer.step, "_wrapped_by_lr_sched") or last_epoch != -1
        kept = [
            (group, key, _copy(group[key]))
            for group in groups
            for key in self.schedules
            if f"initial_{key}" in group and not fresh
        ]
        self.initial = {
            key: [_copy(g.setdefault(f"initial_{key}", _copy(g[key]))) for g in groups]
            for key in self.schedules
        }
        super().__init__(optimizer, last_epoch)  # which calls step()
        for group, key, value in kept:
            _set(group, key, value)
        self._last_lr = [_copy(group["lr"]) for group in groups]

    def step(self, epoch: int | None = None) -> None:
        """Go to the next t, or to t = epoch (deprecated in torch), and set the groups' values."""
        super().step(epoch)  # counts, warns if it comes before optimizer.step(), sets lr
        self._set_values()

    def get_lr(self) -> list[Any]:
        """The rates that the schedule has at t = last_epoch, one per group."""
        if "lr" not in self.schedules:
            return [_copy(group["lr"]) for group in self.optimizer.param_groups]
        return self._values("lr")

    def state_dict(self) -> dict[str, Any]:
        """Plain data: t as "last_epoch", and the base values. The schedule itself is code."""
        initial = {key: [_copy(x) for x in values] for key, values in self.initial.items()}
        return {"last_epoch": self.last_epoch, "initial": initial}

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        """Go to the t of the state and set the groups' values as this schedule has them there."""
        initial = state_dict["initial"]
        sizes = {key: len(values) for key, values in initial.items()}
        if sizes != (here := {key: len(values) for key, values in self.initial.items()}):
            raise ValueError(
                f"the state schedules (entry: groups) {sizes}, this scheduler {here};"
                " make it with the same entries and an optimizer with the same groups"
            )
        self.initial = {key: [_copy(x) for x in values] for key, values in initial.items()}
        self.base_lrs = self.initial.get("lr", self.base_lrs)
        self.last_epoch = state_dict["last_epoch"]
        self._step_count = self.last_epoch + 1
        self._set_values()
        self._last_lr = [_copy(group["lr"]) for group in self.optimizer.param_groups]

    def _values(self, key: str) -> list[Any]:
        pairs = zip(self.initial[key], self.schedules[key], strict=True)
        return [initial * schedule(self.last_epoch) for initial, schedule in pairs]

    def _set_values(self) -> None:
        for key in self.schedules:
            for group, value in zip(self.optimizer.param_groups, self._values(key), strict=True):
                _set(group, key, value)


def _per_group(key: str, given: Any, groups: list[dict[str, Any]]) -> list[Multiplier]:
    schedules = [given] * len(groups) if callable(given) else given
    if not isinstance(schedules, Sequence) or not all(callable(s) for s in schedules):
        raise TypeError(
            f"the schedule of {key} must be a function t -> multiplier, such as"
            f" optlab.schedules.cosine(T=100), or a list of them; got {given!r}"
        )
    if len(schedules) != len(groups):
        raise ValueError(
            f"{len(schedules)} schedules of {key} for {len(groups)} parameter groups;"
            " give one for each, or one for all"
        )
    if missing := [i for i, group in enumerate(groups) if key not in group]:
        raise ValueError(f"parameter group {missing[0]} has no {key} to schedule")
    tensors = [group[key] for group in groups if isinstance(group[key], torch.Tensor)]
    if not callable(given) and len({id(x) for x in tensors}) < len(tensors):
        raise ValueError(f"groups share one {key} tensor; give each its own to schedule them apart")
    return list(schedules)


def _copy(value: Any) -> Any:
    return value.clone() if isinstance(value, torch.Tensor) else value


def _set(group: dict[str, Any], key: str, value: Any) -> None:
    """A tensor is filled in place: compiled steps and captured graphs hold on to it."""
    if isinstance(group[key], torch.Tensor):
        group[key].copy_(value) if isinstance(value, torch.Tensor) else group[key].fill_(value)
    else:
        group[key] = value
