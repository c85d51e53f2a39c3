"""How much memory a run of a grid takes, and how many fit."""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from typing import Any

import torch

from optlab.optim import native


def per_run(
    params: Sequence[torch.Tensor],
    states: Sequence[int],
    activations: int,
    snapshots: int,
    steps: int,
    copies: int = 0,
) -> int:
    """Bytes of one run: parameters, gradients, state (`states` elements for each parameter
    tensor), what an update needs besides, activations, curves, snapshots, and so many more
    copies of the parameters."""
    tensors = sum(p.numel() * p.element_size() for p in params)
    # State is kept in the parameter's dtype, but in float32 for half precision.
    kept = sum(n * max(p.element_size(), 4) for n, p in zip(states, params, strict=True))
    in_place = native.serves(params[0].device, params[0].dtype)
    updating = 0 if in_place else 6 * max(p.nbytes for p in params)
    return (2 + snapshots + copies) * tensors + kept + updating + activations + 8 * steps


def saved_for_backward(
    function: Callable[[], torch.Tensor], known: Sequence[torch.Tensor]
) -> tuple[int, torch.Tensor]:
    """Bytes that autograd keeps of one call, apart from the tensors `known`, and its result."""
    seen = {x.untyped_storage().data_ptr() for x in known}
    total = 0

    def keep(x: torch.Tensor) -> torch.Tensor:
        nonlocal total
        storage = x.untyped_storage()
        if storage.data_ptr() not in seen:
            seen.add(storage.data_ptr())
            total += storage.nbytes()
            alive.append(x)  # an address in use is not given again
        return x

    alive: list[Any] = []
    with torch.autograd.graph.saved_tensors_hooks(keep, lambda x: x), torch.enable_grad():
        result = function()
    return total, result.detach()


def available(device: torch.device) -> int:
    """Half of the bytes that are free on a device."""
    if device.type == "cuda":
        return int(torch.cuda.mem_get_info(device)[0]) // 2
    try:
        return os.sysconf("SC_AVPHYS_PAGES") * os.sysconf("SC_PAGE_SIZE") // 2
    except (ValueError, OSError):  # not Linux
        return 4 * 2**30


def fitting(limit: int, each: int, seeds: int, configurations: int) -> tuple[int, int]:
    """How many seeds and how many configurations of each are trained at a time.

    Raises ValueError where the limit is too little for a single run.
    """
    runs = limit // each
    if runs < 1:
        raise ValueError(
            f"one run needs {each / 1e6:.3g} MB and the limit is {limit / 1e6:.3g} MB: "
            "raise memory=, or take a smaller batch or model"
        )
    if runs >= configurations:
        return min(seeds, runs // configurations), configurations
    # As even as can be: all chunks have one size or two.
    chunks = -(-configurations // runs)
    return 1, -(-configurations // chunks)
