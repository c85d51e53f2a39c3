"""What is drawn by the way is not drawn for those who come after."""

import random
import warnings
from contextlib import suppress

import numpy as np
import pytest
import torch

from optlab.learning.randomness import forked, held, others_held


def draw():
    return random.random(), float(np.random.rand()), float(torch.rand(()))


@pytest.mark.parametrize(
    ("holding", "which"),
    [
        (held, [0, 1, 2]),
        (others_held, [0, 1]),
        (lambda: forked(torch.device("cpu")), [2]),
    ],
)
def test_the_generators_go_on_as_if_nothing_had_been_drawn(holding, which):
    def seed():
        random.seed(1)
        np.random.seed(1)
        torch.manual_seed(1)

    seed()
    wanted = draw()
    seed()
    with suppress(KeyError), holding():
        draw()
        raise KeyError  # leaves no trace either
    assert [k for k, (a, b) in enumerate(zip(draw(), wanted, strict=True)) if a == b] == which


def test_several_gpus_are_held_without_a_warning(monkeypatch):
    """torch warns where it is left to find out which of many devices are meant."""
    asked = []
    monkeypatch.setattr(torch.random, "_fork_rng_warned_already", False)
    monkeypatch.setattr(torch.cuda, "device_count", lambda: 2)
    monkeypatch.setattr(torch.cuda, "get_rng_state", lambda device: asked.append(device))
    monkeypatch.setattr(torch.cuda, "set_rng_state", lambda state, device: asked.append(device))
    with warnings.catch_warnings(action="error"), held():
        pass
    assert asked == [0, 1, 0, 1]
