"""What a function or a network can reach, by name: to see what a call has changed.

A value in a closure, an attribute, a class, a global variable: wherever a network, a loss or a
hook may keep something from one call to the next.
"""

from __future__ import annotations

import functools
import inspect
import itertools
import random
import sys
import types
from collections import deque
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import torch
from torch import nn

# What is in these packages keeps nothing that training depends on.
_LIBRARIES = {*sys.stdlib_module_names, "torch", "numpy", "optlab", "scipy"} - {"__main__"}
_VALUES = (bool, int, float, complex, str, bytes, range, slice, type(None), torch.dtype)
_MOST = 50_000  # places looked at
_LARGE = 1_000_000  # elements of a tensor of which only the sum is looked at


@dataclass
class Reach:
    """Places by name: what is there, as a hash, and which objects hold it, by id.

    holders: of everything that was found, its id and it (so that ids stay its own).
    seen: ids of what has been looked into.
    """

    places: dict[str, int] = field(default_factory=dict)
    held_by: dict[str, tuple[int, ...]] = field(default_factory=dict)
    holders: dict[int, Any] = field(default_factory=dict)
    seen: set[int] = field(default_factory=set)

    def changed(self, later: Reach) -> list[str]:
        """Places of which the contents differ from those `later`."""
        names = dict.fromkeys([*self.places, *later.places])
        return [n for n in names if self.places.get(n) != later.places.get(n)]

    def shares(self, place: str, other: Reach) -> bool:
        """Whether `other` reaches what is at a place, too."""
        return any(i in other.holders for i in self.held_by.get(place, ()))


def reach(**roots: Any) -> Reach:
    """Everything that can be reached from some objects; underscores of names are spaces."""
    found = Reach()
    for name, root in roots.items():
        _look(found, name.replace("_", " "), None, root)
    return found


def _look(found: Reach, name: str, holder: Any, x: Any) -> None:
    if len(found.places) + len(found.holders) > _MOST:
        return
    found.holders.setdefault(id(holder), holder)
    if isinstance(x, _VALUES):
        found.places[name] = hash((type(x), repr(x)))
        found.held_by[name] = (id(holder),)
        return
    mark = _mark(x)
    if mark is not None:
        found.places[name] = mark
        found.held_by[name] = (id(holder), id(x))
    if id(x) in found.seen:
        return
    found.seen.add(id(x))
    found.holders[id(x)] = x
    try:
        for part, value, holds in _parts(x):
            _look(found, f"{name}{part}", holds, value)
    except RecursionError:  # deeper than can be looked
        return


def _mark(x: Any) -> int | None:
    """A hash of an object that changes with it; None for those that are looked into."""
    if isinstance(x, torch.Tensor):
        return _mark_of_tensor(x)
    if isinstance(x, np.ndarray):
        return hash((x.shape, str(x.dtype), x.tobytes() if x.dtype != object else repr(x)))
    if isinstance(x, torch.Generator):
        return hash(x.get_state().numpy().tobytes())
    if isinstance(x, random.Random):
        return hash(x.getstate())
    if isinstance(x, np.random.Generator):
        return hash(repr(x.bit_generator.state))
    if isinstance(x, np.random.RandomState):
        return hash(repr(x.get_state(legacy=False)))
    if isinstance(x, itertools.count | itertools.repeat):
        return hash(repr(x))
    if isinstance(x, types.GeneratorType):
        return hash((x.gi_frame is None, x.gi_frame and x.gi_frame.f_lasti))
    if isinstance(x, list | tuple | dict | set | frozenset | deque):
        return hash((type(x), len(x)))
    if isinstance(x, Iterator) and hasattr(x, "__length_hint__"):
        return hash(x.__length_hint__())
    return None


def _mark_of_tensor(x: torch.Tensor) -> int:
    kind = (tuple(x.shape), x.dtype)
    if torch._C._functorch.is_functorch_wrapped_tensor(x) or x.layout != torch.strided:
        return hash(kind)
    if x.device.type == "meta" or isinstance(
        x, nn.parameter.UninitializedParameter | nn.parameter.UninitializedBuffer
    ):
        return hash(kind)
    plain = x.detach().resolve_neg().resolve_conj()
    if x.numel() > _LARGE:
        real = torch.view_as_real(plain) if plain.is_complex() else plain
        return hash((*kind, repr(float(real.sum(dtype=torch.float64)))))
    flat = plain.cpu().contiguous().reshape(-1)
    return hash((*kind, flat.view(torch.uint8).numpy().tobytes()))


def _parts(x: Any) -> Iterator[tuple[str, Any, Any]]:
    """Names, values, and who holds them, of the parts of an object."""
    if isinstance(x, nn.Module):
        yield from _of_module(x)
    elif isinstance(x, torch.Tensor):
        for hooks in ("_backward_hooks", "_post_accumulate_grad_hooks"):
            yield f".{hooks}", getattr(x, hooks, None), x
    elif isinstance(x, types.FunctionType):
        yield from _of_function(x)
    elif isinstance(x, types.MethodType):
        yield "", x.__func__, x
        yield ".__self__", x.__self__, x
    elif isinstance(x, functools.partial):
        yield "", (x.func, x.args, x.keywords), x
    elif isinstance(x, staticmethod | classmethod):
        yield "", x.__func__, x
    elif isinstance(x, property):
        yield "", x.fget, x
    elif isinstance(x, type):
        if _root(x.__module__) not in _LIBRARIES:
            for name, value in list(vars(x).items()):
                if not name.startswith("__") or callable(value):
                    yield f".{name}", value, x
    elif isinstance(x, Mapping):
        # Keys of hooks are numbers that no two networks have in common.
        for i, (key, value) in enumerate(list(x.items())):
            yield f"[{key!r:.60}]" if isinstance(key, str) else f"[{i}]", value, x
    elif isinstance(x, list | tuple | deque):
        for i, value in enumerate(list(x)[-1000:]):
            yield f"[{i}]", value, x
    elif isinstance(x, set | frozenset):
        yield "", repr(sorted(repr(one) for one in x if isinstance(one, _VALUES))), x
    elif isinstance(x, types.GeneratorType):
        if x.gi_frame is not None:
            yield "", dict(x.gi_frame.f_locals), x
    elif isinstance(x, types.ModuleType | types.BuiltinFunctionType):
        return
    elif hasattr(x, "__wrapped__"):
        yield "", x.__wrapped__, x
    else:
        yield from _of_object(x)


def _of_module(x: nn.Module) -> Iterator[tuple[str, Any, Any]]:
    for name, p in x._parameters.items():
        yield f".{name}", p, x
    for name, b in x._buffers.items():
        yield f".{name}", b, x
    for name, m in x._modules.items():
        yield f".{name}", m, x
    kept = {"_parameters", "_buffers", "_modules", "training"}
    for name, value in list(vars(x).items()):
        if name not in kept:
            yield f".{name}", value, x
    yield from _of_classes(type(x))


def _of_object(x: Any) -> Iterator[tuple[str, Any, Any]]:
    for name, value in list(getattr(x, "__dict__", {}).items()):
        yield f".{name}", value, x
    for kind in type(x).__mro__:
        slots = vars(kind).get("__slots__", ())
        for name in (slots,) if isinstance(slots, str) else slots:
            if hasattr(x, name) and not name.startswith("__"):
                yield f".{name}", getattr(x, name), x
    yield from _of_classes(type(x))


def _of_classes(kind: type) -> Iterator[tuple[str, Any, Any]]:
    for each in kind.__mro__:
        if _root(each.__module__) not in _LIBRARIES:
            yield f" {each.__name__}", each, kind


def _of_function(x: types.FunctionType) -> Iterator[tuple[str, Any, Any]]:
    for name, cell in zip(x.__code__.co_freevars, x.__closure__ or (), strict=True):
        try:
            yield f" {name}", cell.cell_contents, cell
        except ValueError:  # not assigned yet
            continue
    if x.__defaults__ or x.__kwdefaults__:
        yield " defaults", [x.__defaults__, x.__kwdefaults__], x
    if vars(x):
        yield "", vars(x), x
    if _root(x.__globals__.get("__name__", "")) in _LIBRARIES:
        return
    names = list(dict.fromkeys(_names(x.__code__)))
    for name in names:
        value = x.__globals__.get(name)
        if isinstance(value, types.ModuleType) and _root(value.__name__) not in _LIBRARIES:
            for inner in names:
                if inner in vars(value):
                    yield f" {name}.{inner}", vars(value)[inner], vars(value)
        elif name in x.__globals__:
            yield f" {name}", value, x.__globals__


def _names(code: types.CodeType) -> Iterator[str]:
    """The global names, and names of attributes, in a function and those within it."""
    yield from code.co_names
    for constant in code.co_consts:
        if inspect.iscode(constant):
            yield from _names(constant)


def _root(module: str | None) -> str:
    return (module or "").split(".")[0]
