"""Step counts, as in torch.optim: for each parameter a 0-dimensional tensor in float32.

They are on the CPU, where reading them waits for nothing, and in float32 whatever the default
dtype is: in bfloat16, 256 + 1 is 256. With nonfinite="skip" the device alone knows whether a
step is taken, and the counts are there.
"""

from __future__ import annotations

from typing import Any

import torch

from optlab.optim.settings import is_number


def new_count(steps: int = 0) -> torch.Tensor:
    """A count of its own."""
    return torch.tensor(float(steps), dtype=torch.float32, device="cpu")


def is_count(step: Any) -> bool:
    """Whether `step` is kept as a count is, wherever it is."""
    return (
        type(step) is torch.Tensor
        and step.dtype is torch.float32
        and step.dim() == 0
        and not (step.requires_grad or step.is_meta)
    )


def as_count(step: Any, whose: str) -> torch.Tensor:
    """What other code set or saved as a count (a number, or a tensor of one element) as our own.

    Raises:
        ValueError: it is not a whole number ≥ 0; `whose` says of which parameter.
    """
    if isinstance(step, torch.Tensor):
        step = step.full_tensor() if hasattr(step, "full_tensor") else step
        if step.numel() != 1 or step.is_meta:
            kind = f"a tensor of shape {tuple(step.shape)} on the device {step.device}"
            raise ValueError(f"{whose}, has as step count {kind}: give {_NEEDED}")
        step = step.detach().reshape(()).item()
    elif hasattr(step, "item") and getattr(step, "size", 0) == 1:  # of NumPy
        step = step.item()
    if not is_number(step):
        raise ValueError(f"{whose}, has the step count {step!r}: give {_NEEDED}")
    return new_count(checked(step, whose))


def checked(steps: Any, whose: str) -> int:
    """The value of a count, a number, as an integer.

    Raises:
        ValueError: it is not a whole number ≥ 0.
    """
    if not (0 <= steps < 2**63 and steps == int(steps)):
        raise ValueError(f"{whose}, has the step count {steps}: give {_NEEDED}")
    return int(steps)


_NEEDED = "a whole number of steps, 0 or more"


class Histories:
    """Which parameters took part in the same steps, where the device alone knows which were taken.

    A history is a number of steps that was read, or an object that those share that have gone on
    together since. It holds for the count tensor that it was made of as this class left it:
    a count that other code replaced or wrote to is read anew.
    """

    def __init__(self) -> None:
        self._of: dict[torch.Tensor, tuple[object, torch.Tensor, int]] = {}

    def find(self, p: torch.Tensor, step: torch.Tensor) -> object | None:
        """The history of p, or None if there is none for the present value of `step`."""
        history, known, version = self._of.get(p, (None, None, 0))
        return history if known is step and version == _version(step) else None

    def keep(self, p: torch.Tensor, step: torch.Tensor, history: object) -> None:
        """`history` says what `step`, the count of p, is now."""
        self._of[p] = history, step, _version(step)

    def drop(self, p: torch.Tensor) -> None:
        self._of.pop(p, None)


def _version(x: torch.Tensor) -> int:
    return -1 if x.is_inference() else x._version
