"""The one LRScheduler over all schedules."""

from __future__ import annotations

import weakref
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch.optim import Optimizer

from optlab.schedules.entries import Value, check, copied, put, same, scaled, shown, whole
from optlab.schedules.schedule import Schedule

Multiplier = Callable[[Any], Any]
Multipliers = Multiplier | Sequence[Multiplier]
FOLLOW = ("calls", "steps")


class LRScheduler(torch.optim.lr_scheduler.LRScheduler):
    """Sets lr = initial_lr * schedule(t) in every parameter group, t = updates made.

    Call `step()` after each `optimizer.step()`. The rate is calculated from the
    integer t alone, never from the rate before, so a resumed run has the same bits.
    A call that fails, here or in a schedule, changes nothing.

    Args:
        optimizer: any torch.optim.Optimizer. A tensor lr is filled in place. The base
            rate stays in each group as `initial_lr`, and is the group's lr if there is none.
        schedule: a function t -> multiplier (`optlab.schedules.cosine(T=100)`, or any
            function of an integer), or a list of one per group. Or a mapping from
            entries of the groups to such: {"lr": …, "weight_decay": …}. The multiplier is one
            finite real number; a negative one is taken, as torch's LambdaLR does.
        last_epoch: -1 begins at t = 0; k begins at t = k + 1, as torch's schedulers do.
        follow: what t counts. "calls": the calls of `step()`, as in torch. "steps": the steps
            that the optimizer took, by its `steps_taken`, which optlab's have. A step that
            nonfinite="skip" or a GradScaler left out does not count then, and what was done to
            the optimizer before the scheduler was made does not either. `step()` still is to be
            called after each of the optimizer's.

    `last_epoch` is t, the number of `step()` calls so far (torch's name: what counts as
    an epoch is whatever comes between two calls).

    Waiting: with follow="steps" on a GPU t is known there alone. The rate is then calculated
    there, and nothing waits, if the scheduled entries are tensors (`lr=torch.tensor(1e-3,
    device="cuda")`) and their schedules this package's without restarts. Otherwise `step()`
    waits for the step to end, as does reading `last_epoch`, and `state_dict()`.

    Groups: one that is added to the optimizer later takes part from the next `step()` on,
    with what it has by then as its base; with a list of schedules there is none for it, and the
    step is refused. One that is removed takes its base, and its schedule, with it.

    Resuming: load the optimizer's and the scheduler's state after making both, or make
    the scheduler after the optimizer's state was loaded; then its lr is left as it is
    until `load_state_dict` or `step()`. Inside torch's SequentialLR and ChainedScheduler
    likewise.

    A new phase: a rate that is set by hand lasts until the next `step()`, which calculates
    from `initial_lr` again, as LambdaLR does. To go on from another base, on a loaded
    optimizer too, set lr, delete `initial_lr` in the groups, and make a new scheduler (or set
    `base_lrs` of this one). Of two schedulers of the same entry the one that steps last wins;
    of different entries they do not touch each other.

    Raises:
        TypeError: if optimizer is none, a schedule is no function, or a scheduled entry is
            no number (such as betas and maximize).
        ValueError: if a list does not have one schedule per group, the groups
            lack a scheduled entry, or it is a tensor of integers.
        KeyError: if the groups lack `initial_lr`, and last_epoch is not -1.
    """

    _t: int | torch.Tensor
    _steps_seen: int | torch.Tensor = 0  # of optimizer.steps_taken, those that t counts
    _steps_before: int = 0  # of a loaded state, steps that t did not count yet

    def __init__(
        self,
        optimizer: Optimizer,
        schedule: Multipliers | Mapping[str, Multipliers],
        last_epoch: int = -1,
        *,
        follow: str = "calls",
    ):
        if not isinstance(optimizer, Optimizer):
            raise TypeError(f"{type(optimizer).__name__} is not an Optimizer")
        if follow not in FOLLOW:
            raise ValueError(f"follow must be one of {', '.join(FOLLOW)}; got {shown(follow)}")
        if follow == "steps" and not hasattr(optimizer, "steps_taken"):
            raise TypeError(
                f"{type(optimizer).__name__} has no steps_taken to follow: take an optimizer of"
                " optlab, or follow='calls'"
            )
        self.follow = follow
        groups = optimizer.param_groups
        given = schedule if isinstance(schedule, Mapping) else {"lr": schedule}
        last_epoch = whole("last_epoch", last_epoch)
        if last_epoch < -1:
            raise ValueError(f"last_epoch must be -1, to begin, or more; got {last_epoch}")
        self.schedules = {key: _per_group(key, s, groups) for key, s in given.items()}
        self._for_all = {key: s if callable(s) else None for key, s in given.items()}
        if last_epoch != -1:
            _need_initial(groups, {"lr": None, **given})
        # A group once scheduled, in an optimizer never scheduled: it was loaded. Keep its values.
        fresh = hasattr(optimizer.step, "_wrapped_by_lr_sched") or last_epoch != -1
        kept = [
            (group, key, copied(group[key]))
            for group in groups
            for key in self.schedules
            if f"initial_{key}" in group and not fresh
        ]
        self.initial = {
            key: [_base(i, key, group) for i, group in enumerate(groups)] for key in self.schedules
        }
        self._groups = list(groups)
        self._set: dict[str, list[Any]] = {}
        before = [dict(group) for group in groups]
        stepping = vars(optimizer).get("step")
        for key, values in self.initial.items():
            for group, value in zip(groups, values, strict=True):
                group[f"initial_{key}"] = copied(value)
        try:
            super().__init__(optimizer, last_epoch)  # which calls step()
        except BaseException:  # of a schedule
            for group, entries in zip(groups, before, strict=True):
                group.clear()
                group.update(entries)
            vars(optimizer).pop("step", None)
            if stepping is not None:
                vars(optimizer)["step"] = stepping
            raise
        for group, key, value in kept:
            put(group, key, value)
        self._watch_loading()
        self._last_lr = [copied(group["lr"]) for group in groups]

    @property
    def last_epoch(self) -> int:
        """t, the number of steps so far; less than 0 inside a SequentialLR before its turn."""
        if isinstance(self._t, torch.Tensor):
            self._t = int(self._t)
        return self._t

    @last_epoch.setter
    def last_epoch(self, t: int) -> None:
        begun = self.__dict__.get("_t") == 0
        self._t = t
        if begun and t == -1:
            # A SequentialLR takes back the first step of all schedulers in it, and itself
            # sets back lr alone.
            for key, values in self.initial.items():
                for group, value in zip(self._groups, values, strict=True):
                    if key != "lr":
                        put(group, key, copied(value))

    def step(self, epoch: int | None = None) -> None:
        """Go to the next t, or to t = epoch (deprecated in torch), and set the groups' values."""
        if epoch is not None:
            epoch = _time(epoch)
        counted = self._step_count
        if self.follow == "steps" and not self._is_initial:
            self._step_count = max(counted, 2)  # no value is lost before the first step: no warning
        try:
            super().step(epoch)  # counts, warns if it comes before optimizer.step(), updates
        except BaseException:
            self._step_count = counted
            raise

    def _update_lr(self, epoch: int | None = None) -> None:
        # torch's SequentialLR calls this at its milestones, with epoch 0.
        t = self._next_time() if epoch is None else _time(epoch)
        arranged = self._arranged()
        begun = isinstance(t, torch.Tensor) or t >= 0
        self._commit(arranged, t, self._values(arranged, t) if begun else None)

    def _next_time(self) -> int | torch.Tensor:
        if self.follow == "calls" or self._is_initial:
            return self.last_epoch + 1
        taken = self._steps_taken()
        new = taken - self._steps_seen + self._steps_before
        if isinstance(new, torch.Tensor) and not self._on_device():
            new = int(new)
        return self._t + new

    def _steps_taken(self) -> int | torch.Tensor:
        """What the optimizer has counted: a tensor where only a device knows."""
        taken: Any = getattr(self.optimizer, "steps_taken", 0)
        waiting = isinstance(taken, torch.Tensor) and taken.device.type != "cpu"
        return taken if waiting else int(taken)

    def _on_device(self) -> bool:
        """Whether all can be calculated where the optimizer counts, without waiting for it."""
        held = [group[key] for group in self.optimizer.param_groups for key in self.schedules]
        return all(isinstance(x, torch.Tensor) for x in held) and all(
            _is_closed(s) for of_groups in self.schedules.values() for s in of_groups
        )

    def _watch_loading(self) -> None:
        """A loaded optimizer counts from what was loaded: t does not follow that jump."""
        if self.follow == "steps":
            me = weakref.ref(self)

            def loaded(_: Optimizer) -> None:
                if (scheduler := me()) is not None:
                    scheduler._steps_seen = scheduler._steps_taken()

            self.optimizer.register_load_state_dict_post_hook(loaded)

    def get_lr(self) -> list[Any]:
        """The rates that the schedule has at t = last_epoch, one per group."""
        if "lr" not in self.schedules or self.last_epoch < 0:
            return [copied(group["lr"]) for group in self.optimizer.param_groups]
        return self._values(self._arranged(), self.last_epoch)["lr"]

    def state_dict(self) -> dict[str, Any]:
        """Plain data: t as "last_epoch", and the base values. The schedule itself is code.

        Where the groups hold other values than this scheduler has set, "values" are those:
        another scheduler's in a SequentialLR, or set by hand.
        """
        try:
            initial = self._arranged().initial
        except (TypeError, ValueError):  # the next step says so; what was done is not to be lost
            initial = self.initial
        state = {
            "last_epoch": self.last_epoch,
            "initial": {key: [copied(x) for x in values] for key, values in initial.items()},
        }
        waiting = self.follow == "steps" and self._steps_taken() - self._steps_seen
        if (waiting := int(waiting) + self._steps_before) > 0:
            state["steps_to_follow"] = waiting  # saved between the two calls of step
        groups = self.optimizer.param_groups
        if all(all(key in group for group in groups) for key in initial):
            held = {key: [copied(group[key]) for group in groups] for key in initial}
            if self.last_epoch < 0 or not all(
                same(values, self._set.get(key, [])) for key, values in held.items()
            ):
                state["values"] = held
        return state

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        """Go to the t of the state and set the groups' values as this schedule has them there.

        Where they were not this scheduler's when the state was saved, they are set to what
        they were.

        Raises:
            ValueError: one line, before anything is changed, if it is not the state of such a
                scheduler, with the same entries and as many groups.
            TypeError: likewise, if a value in it is not a number.
        """
        t, initial, held = _read(state_dict)
        waiting = max(whole("the state's steps_to_follow", state_dict.get("steps_to_follow", 0)), 0)
        arranged = self._arranged()
        sizes = {key: len(values) for key, values in initial.items()}
        if sizes != (here := {key: len(values) for key, values in arranged.initial.items()}):
            raise ValueError(
                f"the state schedules (entry: groups) {sizes}, this scheduler {here};"
                " make it with the same entries and an optimizer with the same groups"
            )
        if held and sizes != {key: len(values) for key, values in held.items()}:
            raise ValueError("the state's 'values' and 'initial' are not of the same groups")
        arranged.initial = initial
        values = held or (self._values(arranged, t) if t >= 0 else None)
        self._commit(arranged, t, values)
        if held:
            self._set = {}  # these are not this schedule's
        self._steps_before = waiting if self.follow == "steps" else 0
        self._step_count = max(t + 1, 1)

    def __setstate__(self, state: dict[str, Any]) -> None:
        vars(self).update(state)
        # A copied optimizer has lost torch's mark of a call, so torch cannot judge the order.
        self._step_count = max(self._step_count, 2)
        self._watch_loading()

    def _arranged(self) -> _Arrangement:
        """Schedules and base values of the groups that the optimizer has now."""
        groups = self.optimizer.param_groups
        places = _places(self._groups, groups)
        initial = dict(self.initial)
        if "lr" in initial:
            initial["lr"] = self.base_lrs  # which users of torch set
            if len(self.base_lrs) != len(self._groups):
                raise ValueError(
                    f"base_lrs has {len(self.base_lrs)} rates for {len(self._groups)} parameter"
                    " groups"
                )
        arranged = _Arrangement(groups, {}, {})
        for key, schedules in self.schedules.items():
            arranged.schedules[key] = [
                self._schedule_of_new(key, i) if place is None else schedules[place]
                for i, place in enumerate(places)
            ]
            for i, group in enumerate(groups):
                _need_entry(i, key, group)
            # A new group holds the optimizer's default, a tensor that earlier groups may hold,
            # too, and that their schedule has filled: then their base is its base.
            shared = {
                id(group[key]): place
                for group, place in zip(groups, places, strict=True)
                if place is not None
            }
            sources = [
                shared.get(id(group[key]))
                if place is None and isinstance(group[key], torch.Tensor)
                else place
                for group, place in zip(groups, places, strict=True)
            ]
            arranged.initial[key] = [
                _base(i, key, group) if source is None else copied(initial[key][source])
                for i, (group, source) in enumerate(zip(groups, sources, strict=True))
            ]
        return arranged

    def _schedule_of_new(self, key: str, i: int) -> Multiplier:
        schedule = self._for_all[key]
        if schedule is None:
            raise ValueError(
                f"parameter group {i} was added after the scheduler was made with a list of"
                f" schedules of {key}, and there is none for it: make a new scheduler, or give"
                " one schedule for all"
            )
        return schedule

    def _values(self, arranged: _Arrangement, t: int | torch.Tensor) -> dict[str, list[Value]]:
        return {
            key: [
                scaled(key, initial, schedule(t), group[key], t)
                for group, initial, schedule in zip(
                    arranged.groups, arranged.initial[key], schedules, strict=True
                )
            ]
            for key, schedules in arranged.schedules.items()
        }

    def _commit(
        self,
        arranged: _Arrangement,
        t: int | torch.Tensor,
        values: Mapping[str, Sequence[Value]] | None,
    ) -> None:
        groups = arranged.groups
        for key, of_groups in (values or {}).items():
            for group, value in zip(groups, of_groups, strict=True):
                put(group, key, value)
        for key, bases in arranged.initial.items():
            for group, base in zip(groups, bases, strict=True):
                group.setdefault(f"initial_{key}", copied(base))
        self._t = t
        self._steps_seen, self._steps_before = self._steps_taken(), 0
        self.schedules, self.initial = arranged.schedules, arranged.initial
        self.base_lrs = self.initial.get("lr", self.base_lrs)
        self._groups = list(groups)
        if values is not None:
            self._set = {key: [copied(group[key]) for group in groups] for key in values}
        self._last_lr = [copied(group["lr"]) for group in groups]


@dataclass
class _Arrangement:
    """The groups of an optimizer, and for each scheduled entry one schedule and base per group."""

    groups: list[dict[str, Any]]
    schedules: dict[str, list[Multiplier]]
    initial: dict[str, list[Any]]


def _is_closed(schedule: Any) -> bool:
    """Whether it calculates on tensors of any device without looking at their values."""
    if callable(schedule) and not isinstance(schedule, Schedule):
        return False
    parameters = getattr(schedule, "parameters", {})
    return "T_0" not in parameters and all(_is_closed(x) for x in parameters.values())


def _per_group(key: str, given: Any, groups: list[dict[str, Any]]) -> list[Multiplier]:
    schedules = [given] * len(groups) if callable(given) else given
    if not isinstance(schedules, Sequence) or not all(callable(s) for s in schedules):
        raise TypeError(
            f"the schedule of {key} must be a function t -> multiplier, such as"
            f" optlab.schedules.cosine(T=100), or a list of them; got {shown(given)}"
        )
    if len(schedules) != len(groups):
        raise ValueError(
            f"{len(schedules)} schedules of {key} for {len(groups)} parameter groups;"
            " give one for each, or one for all"
        )
    for i, group in enumerate(groups):
        _need_entry(i, key, group)
    tensors = [group[key] for group in groups if isinstance(group[key], torch.Tensor)]
    if not callable(given) and len({id(x) for x in tensors}) < len(tensors):
        raise ValueError(f"groups share one {key} tensor; give each its own to schedule them apart")
    return list(schedules)


def _need_initial(groups: list[dict[str, Any]], entries: Mapping[str, Any]) -> None:
    for i, group in enumerate(groups):
        for key in entries:
            if f"initial_{key}" not in group:
                raise KeyError(
                    f"param 'initial_{key}' is not specified in param_groups[{i}] when resuming"
                    " scheduler with last_epoch >= 0: load the optimizer's state before"
                )


def _need_entry(i: int, key: str, group: dict[str, Any]) -> None:
    if key not in group:
        raise ValueError(f"parameter group {i} has no {key} to schedule")
    check(f"parameter group {i}", key, group[key])


def _base(i: int, key: str, group: dict[str, Any]) -> Any:
    """The base value of a group that is not scheduled yet: its initial_lr, or else its lr."""
    name = f"initial_{key}" if f"initial_{key}" in group else key
    check(f"parameter group {i}", name, group[name])
    return copied(group[name])


def _places(known: list[dict[str, Any]], groups: list[dict[str, Any]]) -> list[int | None]:
    """Where each group was among those known, None for one that is new.

    Loading an optimizer's state replaces the dictionaries: then groups are known by their
    parameters, and if those were replaced, too, by their place.
    """
    by_identity = {id(group): i for i, group in enumerate(known)}
    places = [by_identity.get(id(group)) for group in groups]
    if any(place is not None for place in places):
        return places
    owner = {id(p): i for i, group in enumerate(known) for p in group["params"]}
    free = set(range(len(known)))
    for n, group in enumerate(groups):
        if found := free & {owner[id(p)] for p in group["params"] if id(p) in owner}:
            places[n] = min(found)
            free.discard(min(found))
    if len(groups) == len(known):
        for n, place in enumerate(places):
            if place is None and n in free:
                places[n] = n
                free.discard(n)
    return places


def _time(epoch: Any) -> int:
    t = whole("epoch, the number of updates made,", epoch)
    if t < 0:
        raise ValueError(f"epoch, the number of updates made, must be >= 0; got {shown(epoch)}")
    return t


def _read(
    state: Any,
) -> tuple[int, dict[str, list[Any]], dict[str, list[Any]]]:
    """The parts of a scheduler's state, each checked: t, base values, values held (or none)."""
    needed = ("last_epoch", "initial")
    if not isinstance(state, Mapping) or not all(name in state for name in needed):
        has = sorted(map(str, state)) if isinstance(state, Mapping) else type(state).__name__
        raise ValueError(
            "not the state of an optlab.schedules.LRScheduler, which has last_epoch and initial:"
            f" {shown(has)}; go on from another scheduler by last_epoch"
        )
    t = whole("the state's last_epoch", state["last_epoch"])
    return t, _lists(state["initial"], "initial"), _lists(state.get("values", {}), "values")


def _lists(given: Any, name: str) -> dict[str, list[Any]]:
    if not isinstance(given, Mapping) or not all(
        isinstance(values, list | tuple) for values in given.values()
    ):
        raise ValueError(
            f"the state's {name!r} must be a list for each scheduled entry; got {shown(given)}"
        )
    for key, values in given.items():
        for value in values:
            check(f"the state's {name!r}", key, value)
    return {key: [copied(x) for x in values] for key, values in given.items()}
