"""Random numbers that are drawn aside, so that those drawn later are the same as without them."""

from __future__ import annotations

import random
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager

import numpy as np
import torch


def forked(device: torch.device) -> AbstractContextManager[None]:
    """Put torch's global generators back as they were, when the block ends."""
    return torch.random.fork_rng(devices=[device] if device.type == "cuda" else [])


@contextmanager
def others_held() -> Iterator[None]:
    """Put the global generators of Python and NumPy back as they were, when the block ends."""
    of_python, of_numpy = random.getstate(), np.random.get_state()
    try:
        yield
    finally:
        random.setstate(of_python)
        np.random.set_state(of_numpy)


@contextmanager
def held() -> Iterator[None]:
    """Put those of Python, of NumPy, and of torch on all devices back, when the block ends."""
    with others_held(), torch.random.fork_rng(devices=range(torch.cuda.device_count())):
        yield


def generators(device: torch.device) -> list[torch.Generator]:
    """torch's global generators: of the CPU, and of a GPU."""
    on_device = [torch.cuda.default_generators[device.index]] if device.type == "cuda" else []
    return [torch.default_generator, *on_device]


def states(device: torch.device) -> list[torch.Tensor]:
    """The states of `generators`."""
    return [generator.get_state() for generator in generators(device)]
