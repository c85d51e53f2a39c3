"""Which tensors share memory."""

from __future__ import annotations

import functools
import math
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
import torch

# How long NumPy may think about whether two strided tensors share an element. Beyond it they count
# as sharing: no tensors of a network come near.
_WORK = 10**7


# Whose elements are where `data_ptr` says.
PLAIN_CLASSES = frozenset({torch.Tensor, torch.nn.Parameter})


class Span(NamedTuple):
    """The addresses from the first to past the last byte of a tensor."""

    start: int
    end: int


def span(x: torch.Tensor) -> Span:
    """The span of a tensor; (0, 0) if it has no elements, no memory, or a class of its own."""
    if type(x) not in PLAIN_CLASSES or x.layout != torch.strided:
        return Span(0, 0)
    try:
        start = x.data_ptr()
    except RuntimeError:  # wrapped by a transformation
        return Span(0, 0)
    if not start or not x.numel():
        return Span(0, 0)
    last = sum((n - 1) * step for n, step in zip(x.shape, x.stride(), strict=True))
    return Span(start, start + (last + 1) * x.element_size())


def share(x: torch.Tensor, y: torch.Tensor) -> bool:
    """Whether two tensors have an element in common: columns side by side have none."""
    a, b = span(x), span(y)
    if a.end <= b.start or b.end <= a.start:
        return False
    if x.is_contiguous() and y.is_contiguous():
        return True
    try:
        return bool(np.shares_memory(_in_numpy(x), _in_numpy(y), max_work=_WORK))  # type: ignore[arg-type]
    except np.exceptions.TooHardError:
        return True


def first_shared(tensors: Sequence[torch.Tensor]) -> tuple[int, int] | None:
    """The first two of some tensors that share memory, by their places, or None."""
    spans = [(*span(x), i) for i, x in enumerate(tensors)]
    open_: list[tuple[int, int]] = []  # those that reach beyond the start of the next
    found: list[tuple[int, int]] = []
    for start, end, i in sorted(s for s in spans if s[1]):
        open_ = [(e, k) for e, k in open_ if e > start]
        found += [(min(i, k), max(i, k)) for _, k in open_ if share(tensors[i], tensors[k])]
        open_.append((end, i))
    return min(found, key=lambda pair: pair[::-1], default=None)


def meeting(read: Sequence[torch.Tensor], written: Sequence[torch.Tensor]) -> list[int]:
    """The places of those tensors of `read` that share memory with one of `written`."""
    spans = [span(y) for y in written]
    found = []
    for i, x in enumerate(read):
        start, end = span(x)
        near = (y for y, s in zip(written, spans, strict=True) if s.start < end and start < s.end)
        if any(share(x, y) for y in near):
            found.append(i)
    return found


@functools.lru_cache(maxsize=64)
def apart(starts: tuple[int, ...], sizes: tuple[int, ...], written: int) -> bool:
    """Whether pieces of memory that are written meet no other piece.

    starts, sizes: addresses and bytes; those with 0 bytes are nowhere.
    written: how many of them, the first ones, are written. The others are only read, and may
        meet each other.

    Addresses seldom change from step to step, so that answers are remembered.
    """
    pieces = sorted(
        (start, start + size, i < written)
        for i, (start, size) in enumerate(zip(starts, sizes, strict=True))
        if size
    )
    reached = reached_by_written = 0
    for start, end, is_written in pieces:
        if start < (reached if is_written else reached_by_written):
            return False
        reached = max(reached, end)
        if is_written:
            reached_by_written = max(reached_by_written, end)
    return True


def repeats(x: torch.Tensor) -> bool:
    """Whether a strided tensor has one memory location for several of its elements."""
    if x.is_contiguous() or x.numel() < 2:
        return False
    reached = 1
    for step, n in sorted((s, n) for n, s in zip(x.shape, x.stride(), strict=True) if n > 1):
        if step < reached:
            break
        reached += (n - 1) * step
    else:
        return False
    if x.numel() > 2**22 or 0 in x.stride():
        return True
    places = sum(
        (torch.arange(n) * s).view(-1, *(1,) * (x.dim() - k - 1))
        for k, (n, s) in enumerate(zip(x.shape, x.stride(), strict=True))
    )
    return len(torch.unique(torch.as_tensor(places))) < math.prod(x.shape)


class _Described:
    """A tensor as NumPy sees one: where its elements are, not what they are."""

    def __init__(self, x: torch.Tensor):
        size = x.element_size()
        self.__array_interface__ = {
            "shape": tuple(x.shape),
            "strides": tuple(s * size for s in x.stride()),
            "typestr": f"|V{size}",
            "data": (x.data_ptr(), False),
            "version": 3,
        }


def _in_numpy(x: torch.Tensor) -> np.ndarray:
    return np.asarray(_Described(x))
