"""LAMB."""

from __future__ import annotations

from typing import ClassVar

from optlab.optim.made import MadeOptimizer, in_torch
from optlab.rules import Rule, lamb


class LAMB(MadeOptimizer):
    """LAMB, You et al. (2020), Algorithm 2: `optlab.rules.lamb`.

    Each parameter tensor is a layer: its step has the length lr times its norm.
    Where either norm is zero the ratio is one.

    Args:
        betas: decay rates (β1, β2) of the two moments, each in [0, 1).
        eps: added to the square root, outside it and after bias correction.
        weight_decay: added to the update whose norm is taken.
    """

    of: ClassVar[Rule] = lamb
    state_names: ClassVar[dict[str, str]] = in_torch("m", "v")
