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
    """

    fits: list[int]
    lists: list[int] = field(default_factory=list)
    own: list[int] = field(default_factory=list)


class _Unlike(Exception):
    """A tensor of a kind of its own, of which nothing here can be said."""


# As functions of the class, which are called in half the time of a method of each tensor.
_shape = torch.Tensor.shape.__get__  # type: ignore[attr-defined]
_dtype = torch.Tensor.dtype.__get__  # type: ignore[attr-defined]
_device = torch.Tensor.device.__get__
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
    params = batch.params
    if set(map(type, params)) <= PLAIN_CLASSES:
        shapes = list(map(_shape, params))
        numels = list(map(math.prod, shapes))
        for role, xs, dtype in _roles(batch):
            if role in batch.rule.initial:
                start = batch.rule.initial[role]
                if start is not ops.zeros_like and start is not ops.copy:
                    shapes_here = [expected_shape(start, s) for s in shapes]
                    if not _all_fit(
                        xs, shapes_here, list(map(math.prod, shapes_here)), dtype, params[0]
                    ):
                        break
                    continue
            if not _all_fit(xs, shapes, numels, dtype, params[0]):
                break
        else:
            return Found(list(range(len(params))))
    return _look_closely(batch)


def _all_fit(
    xs: list[torch.Tensor],
    shapes: list[torch.Size],
    numels: list[int],
    dtype: torch.dtype,
    like: torch.Tensor,
) -> bool:
    """Whether all of `xs` are what a kernel for `dtype` and the device of `like` may take."""
    if not (set(map(type, xs)) <= PLAIN_CLASSES and list(map(_shape, xs)) == shapes):
        return False
    try:
        addresses = list(map(_address, xs))
        kept = list(map(_bytes, map(_storage, xs)))
    except (RuntimeError, NotImplementedError):  # nothing that has memory
        return False
    size = dtype.itemsize
    offsets = list(map(_offset, xs))
    needed = [(o + n) * size for o, n in zip(offsets, numels, strict=True)]
    return (
        set(map(_dtype, xs)) == {dtype}
        and set(map(_device, xs)) == {_device(like)}
        and all(map(_is_contiguous, xs))
        and not any(map(_is_neg, xs))
        and all(map(operator.ge, kept, needed))
        and 0 not in addresses
        and functools.reduce(operator.or_, addresses) % size == 0
    )


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
    written: list[torch.Tensor] = []
    read: list[torch.Tensor] = []
    easy = True
    for batch, f in zip(batches, found, strict=True):
        if not f.own:
            lists = [batch.params, *batch.state.values()], batch.grads
        else:
            those = [*f.fits, *f.lists]
            rows = [[xs[i] for i in those] for xs in (batch.params, *batch.state.values())]
            lists = rows, [batch.grads[i] for i in those]
        for xs in lists[0]:
            written += xs
        read += lists[1]
        easy &= not f.lists and all(map(_is_contiguous, lists[1]))
    both = written + read
    if easy:
        starts: list[int] = list(map(_address, both))
        sizes: list[int] = list(map(_nbytes, both))
    else:
        spans = [memory.span(x) for x in both]
        starts, sizes = [s.start for s in spans], [s.end - s.start for s in spans]
    if not memory.apart(tuple(starts), tuple(sizes), len(written)):
        _separate(batches, found)


_nbytes = torch.Tensor.nbytes.__get__  # type: ignore[attr-defined]


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
