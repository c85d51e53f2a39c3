"""State dictionaries that are to be loaded: looked at whole, before anything changes.

What comes out has everything as the optimizer keeps it; what does not fit is refused in one line.
"""

from __future__ import annotations

import copy
from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any, NoReturn

import torch

from optlab.optim.counts import as_count, new_count
from optlab.optim.groups import described
from optlab.optim.settings import make_plain

if TYPE_CHECKING:
    from optlab.optim.optimizer import RuleOptimizer

# The entry of each saved group that says of which class the state is.
MADE_BY = "optimizer"

# Entries of a group that say how to compute here, not what: they stay as they are.
HERE = ("execution", "nonfinite", "rounding")

# Entries of torch's parameter groups that say how torch computes, or choose another algorithm.
TORCH_ONLY = {
    "foreach",
    "fused",
    "capturable",
    "differentiable",
    "amsgrad",
    "decoupled_weight_decay",
}

# Settings that a state of a class has had ever since there was that class.
_ESSENTIAL = {"lr", "betas", "momentum", "rho", "trust_coefficient", "beta2_decay", "d"}

# What wrappers put before the names of a model's parameters.
_WRAPPERS = {"module", "_orig_mod", "_fsdp_wrapped_module", "_checkpoint_wrapped_module"}


def prepare(optimizer: RuleOptimizer, given: Mapping[str, Any]) -> dict[str, Any]:
    """A copy of the state dictionary `given`, as `optimizer` keeps its state.

    Its groups list the parameters in the optimizer's order (by name, where both sides have
    names), and hold valid settings; its state is by the same keys. Tensors of the state are on
    the parameters' devices, in the dtype in which a step is calculated.

    Raises:
        ValueError: it is not a state of this class, or not for these parameters.
    """
    _check_form(given)
    here, saved = optimizer.param_groups, given["param_groups"]
    _check_sizes(here, saved)
    orders = _orders(here, saved)
    groups, state = [], {}
    for i, (group, theirs, order) in enumerate(zip(here, saved, orders, strict=True)):
        by_torch = _check_class(optimizer, theirs)
        settings = _settings(optimizer, group, theirs)
        optimizer.check_group(i, len(here), settings)
        make_plain(settings, optimizer.defaults)
        ids = [theirs["params"][k] for k in order]
        groups.append({**settings, "params": ids})
        for p, key in zip(group["params"], ids, strict=True):
            entries = given["state"].get(key)
            if entries:
                loader = _Entries(optimizer, p, settings, marked=MADE_BY in theirs)
                state[key] = loader.prepare(entries, by_torch)
    rest = {k: copy.deepcopy(v) for k, v in given["state"].items() if not _belongs(k, groups)}
    return {"state": {**state, **rest}, "param_groups": groups}


def _belongs(key: Any, groups: list[dict[str, Any]]) -> bool:
    return any(key in group["params"] for group in groups)


def _check_form(given: Mapping[str, Any]) -> None:
    for key, kind in (("state", Mapping), ("param_groups", list | tuple)):
        if not isinstance(given.get(key), kind):
            there = ", ".join(repr(k) for k in list(given)[:4])
            raise ValueError(
                f"not the state of an optimizer: it has no {key!r}, but {there or 'nothing'}; "
                "give what an optimizer's state_dict() returned"
            )
    for i, group in enumerate(given["param_groups"]):
        if not (isinstance(group, Mapping) and isinstance(group.get("params"), list | tuple)):
            raise ValueError(f"not the state of an optimizer: its group {i} lists no 'params'")
    ids = [key for group in given["param_groups"] for key in group["params"]]
    if len(set(ids)) < len(ids):
        twice = next(key for key in ids if ids.count(key) > 1)
        raise ValueError(f"cannot load the state: its groups list parameter {twice!r} twice")


def _check_sizes(here: list[dict[str, Any]], saved: list[dict[str, Any]]) -> None:
    if len(here) != len(saved):
        raise ValueError(
            "loaded state dict has a different number of parameter groups: "
            f"{len(saved)}, and here are {len(here)}"
        )
    for i, (group, theirs) in enumerate(zip(here, saved, strict=True)):
        if len(group["params"]) != len(theirs["params"]):
            raise ValueError(
                "loaded state dict contains a parameter group that doesn't match the size of "
                f"optimizer's group: group {i} has {len(theirs['params'])} parameters, and "
                f"{len(group['params'])} here"
            )


def _orders(here: list[dict[str, Any]], saved: list[dict[str, Any]]) -> list[list[int]]:
    """For each group, the places in the saved group of the optimizer's own parameters."""
    orders = [list(range(len(group["params"]))) for group in here]
    if not all(_names(group) for group in (*here, *saved)):
        return orders  # as torch does: by their order
    ours, theirs = ([[*map(_core, _names(g))] for g in groups] for groups in (here, saved))
    if ours == theirs:
        return orders
    homes = {name: i for i, names in enumerate(theirs) for name in names}
    for i, names in enumerate(ours):
        for name in names:
            if homes.get(name) != i:
                whole = _names(here[i])[names.index(name)]
                where = f"it is in group {homes[name]}" if name in homes else "there is none"
                raise ValueError(
                    f"cannot load the state: parameter {whole!r} is in group {i} here, and in the "
                    f"state {where} of that name; to load by order, delete 'param_names' from "
                    "the state's groups"
                )
        if len(set(names)) < len(names) or len(set(theirs[i])) < len(names):
            raise ValueError(
                f"cannot load the state: names of group {i} are there twice, in another order; "
                "to load by order, delete 'param_names' from the state's groups"
            )
    return [[b.index(name) for name in a] for a, b in zip(ours, theirs, strict=True)]


def _names(group: Mapping[str, Any]) -> list[str]:
    names = group.get("param_names")
    fits = isinstance(names, list | tuple) and len(names) == len(group["params"])
    return list(names) if fits and names is not None else []


def _core(name: str) -> str:
    """A parameter's name without what DistributedDataParallel, torch.compile and FSDP add."""
    return ".".join(part for part in str(name).split(".") if part not in _WRAPPERS)


def _of_torch(name: str) -> str:
    if hasattr(torch.optim, name):
        return f"this class does not read the states of torch.optim.{name}"
    return "torch has no class of this name"


def _check_class(optimizer: RuleOptimizer, saved: Mapping[str, Any]) -> bool:
    """Refuse a group that another class saved. True if torch's class of this name did."""
    name = type(optimizer).__name__
    maker = saved.get(MADE_BY)
    if maker is not None:
        if maker not in {cls.__name__ for cls in type(optimizer).__mro__}:
            raise ValueError(
                f"cannot load the state of {maker} into {name}: their algorithms differ; "
                f"load it into {maker}, or begin anew"
            )
        return False
    by_torch = "execution" not in saved
    needed = {k for k in optimizer.defaults if k in _ESSENTIAL}
    if by_torch:
        if not optimizer.torch_has:
            raise ValueError(
                f"cannot load the state of another optimizer into {name}: it was not saved by "
                f"optlab, and {_of_torch(name)}"
            )
        needed = (needed | optimizer.torch_has) - optimizer.torch_lacks
    if missing := sorted(needed - saved.keys()):
        raise ValueError(
            f"cannot load the state into {name}: it is of another optimizer, whose groups have "
            f"no {missing[0]}"
        )
    return by_torch


def _settings(
    optimizer: RuleOptimizer, here: Mapping[str, Any], saved: Mapping[str, Any]
) -> dict[str, Any]:
    """The entries of a loaded group, but for its parameters."""
    without = {k: v for k, v in saved.items() if k not in ("params", MADE_BY)}
    settings = optimizer.adopt(copy.deepcopy(without))
    if _names(here) and "param_names" in settings:
        settings["param_names"] = list(here["param_names"])
    for key, value in optimizer.defaults.items():
        if key not in TORCH_ONLY:
            settings.setdefault(key, value)
    settings.update({key: here[key] for key in HERE if key in here})
    return settings


class _Entries:
    """The state of one parameter."""

    def __init__(
        self, optimizer: RuleOptimizer, p: torch.Tensor, group: dict[str, Any], *, marked: bool
    ):
        self.optimizer, self.p, self.group, self.marked = optimizer, p, group, marked

    def prepare(self, entries: Any, by_torch: bool) -> dict[str, Any]:
        optimizer, p = self.optimizer, self.p
        if not isinstance(entries, Mapping):
            self._refuse(f"has a state that is a {type(entries).__name__}")
        if torch.nn.parameter.is_lazy(p):
            raise ValueError(
                "cannot load the state: a parameter of a lazy module has no shape yet; "
                "run the model on a batch first"
            )
        rule = optimizer.rule_for(p, self.group)
        needed = {optimizer.key_of(name): name for name in rule.initial}
        own = needed.keys() | set(optimizer.state_names.values())
        found = {k: v for k, v in entries.items() if v is not None and not _is_nothing(v)}
        for key in found.keys() - own:
            if key in _keys_of_others(optimizer) and not self.marked:
                self._refuse(f"has {key}, which is another optimizer's")
        prepared: dict[str, Any] = {}
        for key, value in found.items():
            if key in own:
                prepared[key] = self._tensor(key, value, needed.get(key), by_torch)
            elif key == "step":
                prepared[key] = as_count(value, described(p, optimizer.param_groups))
            else:
                prepared[key] = _carried(value, p.device)
        begun = any(key in own for key in prepared) or bool(prepared.get("step", 0))
        if begun and "step" not in prepared:
            if not optimizer.is_uncounted(rule):
                self._refuse("has a state but no step count")
            prepared["step"] = new_count(1)
        missing = [key for key in needed if key not in prepared]
        if begun and missing and not optimizer.is_uncounted(rule):
            self._refuse(f"has no {missing[0]}, which {type(optimizer).__name__} needs")
        return prepared

    def _tensor(self, key: str, value: Any, name: str | None, by_torch: bool) -> torch.Tensor:
        """A state variable as this optimizer keeps it. name: the rule's, if the rule has it."""
        optimizer, p = self.optimizer, self.p
        if not isinstance(value, torch.Tensor):
            self._refuse(f"has as {key} a {type(value).__name__}, and no tensor")
        if value.layout != torch.strided or not (value.is_floating_point() or value.is_complex()):
            self._refuse(f"has {key} of {value.dtype} and {value.layout}")
        if value.is_complex() != p.is_complex():
            self._refuse(f"has {key} of {value.dtype}, and is of {p.dtype}")
        if value.is_meta and not p.is_meta:
            self._refuse(f"has {key} without values, on the device meta")
        dtype = torch.float64 if key in optimizer.wide else state_dtype(p)
        if name is not None:
            like = torch.empty(p.shape, dtype=dtype, device="meta")
            if by_torch and not _is_same_view(optimizer.arrange(like), like):
                self._refuse(
                    f"keeps its {key} over other dimensions than torch's class does; begin anew"
                )
            shape = tuple(optimizer.initial(name, like, self.group).shape)
            if shape != tuple(value.shape):
                self._refuse(f"has {key} of shape {tuple(value.shape)}, where {shape} is needed")
        copied: torch.Tensor = value.detach().clone().to(p.device, dtype)
        return copied

    def _refuse(self, what: str) -> NoReturn:
        called = described(self.p, self.optimizer.param_groups)
        raise ValueError(f"cannot load the state: {called}, {what}")


def state_dtype(p: torch.Tensor) -> torch.dtype:
    """The dtype of the state of p, in which its steps are calculated."""
    return torch.float32 if p.dtype in (torch.float16, torch.bfloat16) else p.dtype


def _is_nothing(value: Any) -> bool:
    """Whether it is what flattened distributed checkpoints have for what was not saved."""
    return isinstance(value, Mapping) and not value


def _is_same_view(x: torch.Tensor, y: torch.Tensor) -> bool:
    return x.shape == y.shape and x.stride() == y.stride()


def _keys_of_others(optimizer: RuleOptimizer) -> set[str]:
    """What optimizers call the variables of their states, and this one does not."""
    base = next(c for c in type(optimizer).__mro__ if c.__name__ == "RuleOptimizer")
    known = {key for cls in _below(base) for key in getattr(cls, "state_names", {}).values()}
    return known - set(optimizer.state_names.values())


def _below(cls: type[Any]) -> Iterator[type[Any]]:
    subclasses: list[type[Any]] = cls.__subclasses__()
    for below in subclasses:
        yield below
        yield from _below(below)


def _carried(value: Any, device: torch.device) -> Any:
    """A copy of somebody else's entry, with its tensors on `device`."""
    if isinstance(value, torch.Tensor):
        return value.detach().clone().to(device)
    if isinstance(value, dict):
        return {k: _carried(v, device) for k, v in value.items()}
    return copy.deepcopy(value)
