"""Where tensors are, asked of torch in one call.

To ask each tensor from Python for its address, its offset and the size of its storage takes longer
than to step a small network. torch has these as functions in C, for code that was compiled apart
from it (torch/csrc/inductor/aoti_torch/c/shim.h); the loop over them is ours.
"""

from __future__ import annotations

import ctypes
import functools
from array import array
from collections.abc import Sequence
from typing import Any

import torch

from optlab.optim.native.library import load
from optlab.optim.native.toolchain import CannotCompile

_SOURCE = """#include <stdint.h>

typedef int32_t (*pointer_of)(void *, void **);
typedef int32_t (*number_of)(void *, int64_t *);

/* 0: all are where they were. 1: of those from `fixed` on, some are elsewhere, which is noted.
   2: others are, or a storage is smaller than a tensor needs. */
int step(int64_t n, int64_t fixed, uint64_t *addresses, const int64_t *offsets,
         const int64_t *needed, pointer_of address_of, number_of offset_of, number_of size_of,
         void **tensors)
{
    int moved = 0;
    for (int64_t i = 0; i < n; i++) {
        void *address, *tensor = tensors + i; /* to torch, a tensor is where its pointer is */
        int64_t offset, size;
        if (address_of(tensor, &address) || offset_of(tensor, &offset) || size_of(tensor, &size))
            return 2;
        if (offset != offsets[i] || size < needed[i])
            return 2;
        if ((uint64_t)address != addresses[i]) {
            if (i < fixed)
                return 2;
            addresses[i] = (uint64_t)address;
            moved = 1;
        }
    }
    return moved;
}
"""

_pointer = torch.Tensor._cdata.__get__  # type: ignore[attr-defined]


class Places:
    """Where tensors were, of which the last ones may move."""

    def __init__(
        self,
        function: Any,
        addresses: Sequence[int],
        offsets: Sequence[int],
        needed: Sequence[int],
        fixed: int,
    ):
        """needed: the bytes of each storage, counted from its beginning."""
        self._fixed, self._function = fixed, function
        self._addresses = array("Q", addresses)
        self._numbers = array("q", offsets), array("q", needed)
        held = [x.buffer_info()[0] for x in (self._addresses, *self._numbers)]
        self._told = len(addresses), fixed, *held, *_functions()

    def moved(self, tensors: Sequence[torch.Tensor]) -> list[int] | bool:
        """The addresses of the last ones, where these have moved; else False. True if any other
        tensor has, or a storage is too small."""
        pointers = array("Q", map(_pointer, tensors))
        found = self._function(*self._told, pointers.buffer_info()[0])
        if found == 1:
            return self._addresses[self._fixed :].tolist()
        return bool(found)


def places_of(
    addresses: Sequence[int], offsets: Sequence[int], needed: Sequence[int], fixed: int
) -> Places | None:
    """Where some tensors are; None where torch or a compiler is not as it would have to be."""
    function = _function()
    return None if function is None else Places(function, addresses, offsets, needed, fixed)


def _functions() -> list[int]:
    """Where torch's functions are. Raises AttributeError or OSError."""
    library = ctypes.CDLL(torch._C.__file__)
    names = ("get_data_ptr", "get_storage_offset", "get_storage_size")
    found = (getattr(library, f"aoti_torch_{name}") for name in names)
    return [ctypes.cast(f, ctypes.c_void_p).value or 0 for f in found]


@functools.cache
def _function() -> Any:
    """The loop, once it has said of a few tensors what they say themselves."""
    try:
        function = load(_SOURCE)
        function.argtypes = [*(ctypes.c_int64,) * 2, *(ctypes.c_void_p,) * 7]
        function.restype = ctypes.c_int
        whole = torch.zeros(12)
        known = [whole[3:], whole, whole[5:7]]
        facts = (
            [x.data_ptr() for x in known],
            [int(x.storage_offset()) for x in known],
            [x.untyped_storage().nbytes() for x in known],
        )
        here = Places(function, *facts, 1)
        if here.moved(known) is not False:
            return None
        others = [known[0], known[2], known[1]]
        if here.moved(others) is not True or here.moved(known) is not False:
            return None
    except (AttributeError, OSError, CannotCompile):
        return None
    return function
