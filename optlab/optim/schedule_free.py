"""Schedule-free AdamW: one set of weights to train, another to use."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, ClassVar

import torch

from optlab.optim.made import MadeOptimizer
from optlab.rules import Rule, schedule_free


class AdamWScheduleFree(MadeOptimizer):
    """Schedule-free AdamW, Defazio et al. (2024): `optlab.rules.schedule_free`.

    Gradients are taken at y; to be used is x, an average of the steps that needs no falling rate.
    The parameters hold one of the two, as in the package schedulefree::

        optimizer.train()  # y: before steps of training
        optimizer.eval()   # x: before the loss is measured, or the weights are saved

    At first the two are alike, and an optimizer that is new is in train mode. The mode is part of
    the state: load it with the weights of the same moment. Batch normalization's running means
    are those of y; recompute them at x.

    Args:
        lr: learning rate, which no schedule has to lower.
        betas: the part of x in y, in (0, 1), and the decay rate of the second moment, in [0, 1).
        eps: added to the square root, outside it and after bias correction.
        weight_decay: decoupled, multiplied by lr, of y.
        warmup_steps: steps in which the rate rises to lr; they count for less in the average.
    """

    of: ClassVar[Rule] = schedule_free
    state_names: ClassVar[dict[str, str]] = {"v": "exp_avg_sq"}
    for_torch: ClassVar[dict[str, Any]] = {"train_mode": True}

    def validate(self, group: dict[str, Any]) -> None:
        super().validate(group)
        if not group["betas"][0] > 0:
            raise ValueError(
                f"Invalid beta parameter at index 0: {group['betas'][0]}; give one above 0"
            )
        if not isinstance(group["train_mode"], bool):
            raise ValueError(f"Invalid train_mode value: {group['train_mode']}; call train()")

    def step(self, closure: Callable[[], float] | None = None) -> float | None:  # type: ignore[override]
        """Take one step from y. Raises RuntimeError in eval mode."""
        if not all(group["train_mode"] for group in self.param_groups):
            raise RuntimeError(
                f"{type(self).__name__} is in eval mode, in which nothing is trained: call "
                "optimizer.train() before steps, and optimizer.eval() before the weights are used"
            )
        return super().step(closure)

    def train(self) -> None:
        """Put y into the parameters, at which gradients are to be taken."""
        self._turn(True)

    def eval(self) -> None:
        """Put x into the parameters, the weights to be used and saved."""
        self._turn(False)

    @torch.no_grad()
    def _turn(self, train: bool) -> None:
        for group in self.param_groups:
            if group["train_mode"] is train:
                continue
            beta1 = group["betas"][0]
            for p in group["params"]:
                if (z := self.state.get(p, {}).get("z")) is not None:
                    part = 1 - beta1 if train else 1 - 1 / beta1  # of z, beside x or beside y
                    p.copy_(p.to(z.dtype).lerp(z, part))
            group["train_mode"] = train
