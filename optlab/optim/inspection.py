"""What a step's tensors are, looked at before anything is calculated with them.

A compiled kernel takes addresses and believes that what lies there is as it was when the
kernel was made. Between two steps other code may have done anything to parameters, gradients
and state: `model.double()`, new `.data`, a state loaded from another model. So each step looks
at all of them. What a kernel was compiled for goes to it; what is merely different is left to
torch's own functions, which promote and resolve; what has no meaning is refused, in one line,
before any tensor of the step has changed.
"""

from __future__ import annotations

import functools
import math
import operator
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import NoReturn

import torch

from optlab import ops
from optlab.optim import memory
from optlab.optim.batch import Batch
from optlab.optim.memory import PLAIN_CLASSES

GRADIENT = "gradient"


@dataclass
class Found:
    """What is known of a batch.

    fits: the parameters, by their places, that a compiled kernel may take.
    lists: those that only functions of torch may take.
    own: those with a tensor of a class or kind of its own: its dispatch decides, one by one.
    addresses, sizes: if all of them fit and are contiguous, where the tensors are, and their
        bytes: first all parameters, then all gradients, then each state variable.
    """

    fits: list[int]
    lists: list[int] = field(default_factory=list)
    own: list[int] = field(default_factory=list)
    addresses: list[int] | None = None
    sizes: list[int] = field(default_factory=list)


class _Unlike(Exception):
    """A tensor of a kind of its own, of which nothing here can be said."""


# As functions of the class, which are called in half the time of a method of each tensor.
_shape = torch.Tensor.shape.__get__  # type: ignore[attr-defined]
_dtype = torch.Tensor.dtype.__get__  # type: ignore[attr-defined]
_device = torch.Tensor.device.__get__
_is_cpu = torch.Tensor.is_cpu.__get__  # type: ignore[attr-defined]
_nbytes = torch.Tensor.nbytes.__get__  # type: ignore[attr-defined]
_numel = torch.Tensor.numel
_is_contiguous = torch.Tensor.is_contiguous
_is_neg = torch.Tensor.is_neg
_address = torch.Tensor.data_ptr
_offset = torch.Tensor.storage_offset
_storage = torch.Tensor.untyped_storage
_bytes = torch.UntypedStorage.nbytes


def inspect(batches: Sequence[Batch]) -> list[Found]:
    """Look at all tensors of a step.

    A gradient that shares memory with what the step writes is replaced by a copy.

    Raises:
        RuntimeError: a tensor has not the shape, the device or the memory that it should have,
            or two that are written share memory. The message names the parameter and the remedy.
    """
    found = [_look(batch) for batch in batches]
    _keep_apart(batches, found)
    return found


def refuse_conjugates(batch: Batch) -> None:
    """Refuse with a RuntimeError parameters and state that are conjugates of what is stored: there
    is no view of them as real numbers that could be written to."""
    for role, xs in ((None, batch.params), *batch.state.items()):
        for i, x in enumerate(xs):
            if x.is_conj():
                _refuse(batch, i, role, "has its conjugate bit set: give x.resolve_conj() instead")


def expected_shape(start: Callable[[torch.Tensor], torch.Tensor], shape: torch.Size) -> torch.Size:
    """The shape of a state variable that starts as `start` says, for a parameter of `shape`."""
    if start is ops.zeros_like or start is ops.copy:
        return shape
    return _made_shape(start, shape)


@functools.lru_cache(maxsize=4096)
def _made_shape(start: Callable[[torch.Tensor], torch.Tensor], shape: torch.Size) -> torch.Size:
    return start(torch.empty(shape, device="meta")).shape


def _roles(batch: Batch) -> Iterator[tuple[str | None, list[torch.Tensor], torch.dtype]]:
    """The lists of a batch, with the dtype that a kernel is compiled for. None: the parameters."""
    dtype = _dtype(batch.params[0])
    yield None, batch.params, dtype
    yield GRADIENT, batch.grads, dtype
    for name, xs in batch.state.items():
        yield name, xs, batch.compute or dtype


def _look(batch: Batch) -> Found:
    """First all tensors at once, by few calls; one by one only if some are not as expected."""
    params = batch.params
    dtype = _dtype(params[0])
    wide = batch.compute or dtype
    shapes = list(map(_shape, params))
    numels = list(map(_numel, params))
    every = [*params, *batch.grads]
    shapes_of_all, numels_of_all = shapes * 2, numels * 2
    state: list[torch.Tensor] = []
    for name, start in batch.rule.initial.items():
        state += batch.state[name]
        if start is ops.zeros_like or start is ops.copy:
            shapes_of_all += shapes
            numels_of_all += numels
        else:
            made = [expected_shape(start, s) for s in shapes]
            shapes_of_all += made
            numels_of_all += map(math.prod, made)
    every += state
    if not set(map(type, every)) <= PLAIN_CLASSES or list(map(_shape, every)) != shapes_of_all:
        return _look_closely(batch)
    dtypes = list(map(_dtype, every))
    of_params = dtypes.count(dtype)
    if of_params < len(every) and (
        wide is dtype or dtypes != [dtype] * 2 * len(params) + [wide] * len(state)
    ):
        return _look_closely(batch)
    same_device = (
        all(map(_is_cpu, every)) if _is_cpu(params[0]) else len(set(map(_device, every))) == 1
    )
    if not (same_device and all(map(_is_contiguous, every)) and not any(map(_is_neg, every))):
        return _look_closely(batch)
    try:
        addresses = list(map(_address, every))
        kept = list(map(_bytes, map(_storage, every)))
    except (RuntimeError, NotImplementedError):  # nothing that has memory
        return _look_closely(batch)
    if wide is dtype:
        size = dtype.itemsize
        sizes = [n * size for n in numels_of_all]
    else:
        size = max(dtype.itemsize, wide.itemsize)
        sizes = list(map(_nbytes, every))
    offsets = list(map(_offset, every))
    if any(offsets):
        needed = [n + o * d.itemsize for n, o, d in zip(sizes, offsets, dtypes, strict=True)]
    else:
        needed = sizes
    if (
        0 in addresses
        or functools.reduce(operator.or_, addresses) % size
        or not all(map(operator.ge, kept, needed))
    ):
        return _look_closely(batch)
    return Found(list(range(len(params))), addresses=addresses, sizes=sizes)


def _look_closely(batch: Batch) -> Found:
    found = Found([])
    device = batch.params[0].device
    for i, p in enumerate(batch.params):
        fits, own = True, False
        for role, xs, dtype in _roles(batch):
            x = xs[i]
            start = batch.rule.initial.get(role) if role else None
            shape = expected_shape(start, p.shape) if start else p.shape
            if x.shape != shape:
                _refuse_shape(batch, i, role, x.shape, shape)
            if x.device != device:
                _refuse(
                    batch, i, role, f"is on {x.device}, the parameter on {device}: "
                    "bring both to one device, or load the state again"
                )  # fmt: skip
            try:
                fits &= _fits(batch, i, role, x, dtype)
            except _Unlike:
                own = True
        (found.own if own else found.fits if fits else found.lists).append(i)
    return found


def _fits(batch: Batch, i: int, role: str | None, x: torch.Tensor, dtype: torch.dtype) -> bool:
    """Whether a kernel for `dtype` may take x."""
    if type(x) not in PLAIN_CLASSES or x.layout != torch.strided:
        raise _Unlike
    try:
        address, kept = x.data_ptr(), x.untyped_storage().nbytes()
    except (RuntimeError, NotImplementedError) as error:
        raise _Unlike from error
    size = x.element_size()
    last = sum((n - 1) * step for n, step in zip(x.shape, x.stride(), strict=True))
    if x.numel() and kept < (x.storage_offset() + last + 1) * size:
        _refuse(
            batch, i, role, f"has {kept} bytes of memory, too few for its shape "
            f"{tuple(x.shape)}: its storage was freed or shrunk; restore it before the step"
        )  # fmt: skip
    if role in batch.rule.initial and not (x.is_floating_point() or x.is_complex()):
        _refuse(
            batch, i, role, f"is of {x.dtype}, which holds no fractions: load the state again, "
            "or delete it to begin anew"
        )  # fmt: skip
    if role != GRADIENT and memory.repeats(x):
        _refuse(
            batch, i, role, "has several elements in one place of memory (it was expanded): "
            "give a copy, x.clone(memory_format=torch.contiguous_format)"
        )  # fmt: skip
    if x.numel() and not address:
        if x.is_meta or x._is_zerotensor() or torch._is_functional_tensor(x):
            raise _Unlike
        _refuse(batch, i, role, "has no memory: give it data before the step")
    if x.is_neg():
        raise _Unlike
    contiguous = x.is_contiguous() or role == GRADIENT  # of which a copy will do
    return x.dtype == dtype and contiguous and address % size == 0


def _keep_apart(batches: Sequence[Batch], found: Sequence[Found]) -> None:
    """Copy gradients that share memory with what is written; refuse what is written twice."""
    starts: list[int] = []
    sizes: list[int] = []
    of_gradients: tuple[list[int], list[int]] = [], []
    for batch, f in zip(batches, found, strict=True):
        if f.addresses is not None:
            n = len(batch.params)
            starts += f.addresses[:n] + f.addresses[2 * n :]
            sizes += f.sizes[:n] + f.sizes[2 * n :]
            of_gradients[0].extend(f.addresses[n : 2 * n])
            of_gradients[1].extend(f.sizes[n : 2 * n])
            continue
        for role, xs, _ in _roles(batch):
            spans = [memory.span(xs[i]) for i in (*f.fits, *f.lists)]
            to = of_gradients if role == GRADIENT else (starts, sizes)
            to[0].extend(s.start for s in spans)
            to[1].extend(s.end - s.start for s in spans)
    written = len(starts)
    both = (*starts, *of_gradients[0]), (*sizes, *of_gradients[1])
    if not memory.apart(*both, written):
        _separate(batches, found)


def _separate(batches: Sequence[Batch], found: Sequence[Found]) -> None:
    places = [
        (batch, i, role, xs[i])
        for batch, f in zip(batches, found, strict=True)
        for role, xs, _ in _roles(batch)
        for i in sorted([*f.fits, *f.lists])
    ]
    written = [place for place in places if place[2] != GRADIENT]
    pair = memory.first_shared([x for *_, x in written])
    if pair:
        (batch, i, role, _), (other, k, role_there, _) = (written[j] for j in pair)
        there = f"that of {other.name(k)}" if role_there is None else _called(other, k, role_there)
        _refuse(
            batch, i, role, f"shares memory with {there}, and a step would write both: "
            "give each its own (clone one), or list a tied parameter once"
        )  # fmt: skip
    read = [place for place in places if place[2] == GRADIENT]
    for j in memory.meeting([g for *_, g in read], [x for *_, x in written]):
        batch, i, _, g = read[j]
        batch.grads[i] = g.clone(memory_format=torch.contiguous_format)
        found[next(k for k, other in enumerate(batches) if other is batch)].addresses = None


def _called(batch: Batch, i: int, role: str | None) -> str:
    if role is None:
        return batch.name(i)
    if role == GRADIENT:
        return f"the gradient of {batch.name(i)}"
    return f"the state {batch.key(role)!r} of {batch.name(i)}"


def _refuse(batch: Batch, i: int, role: str | None, what: str) -> NoReturn:
    raise RuntimeError(f"{_called(batch, i, role)} {what}")


def _refuse_shape(
    batch: Batch, i: int, role: str | None, here: torch.Size, shape: torch.Size
) -> NoReturn:
    remedy = (
        "call zero_grad() after changing a parameter's data, then backward() again"
        if role == GRADIENT
        else "load a state of this model, or delete this parameter's entry of "
        "optimizer.state to begin anew"
    )
    _refuse(batch, i, role, f"has the shape {tuple(here)}, not {tuple(shape)}: {remedy}")
