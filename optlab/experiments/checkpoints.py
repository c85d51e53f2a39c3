"""The file from which a broken-off training run goes on, bit by bit as it would have gone."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import torch
from torch import nn

from optlab.experiments.run import Run
from optlab.schedules import LRScheduler, Schedule
from optlab.writing import replacing


class Checkpoint:
    """Model, optimizer, scheduler, generators and results in one file.

    It is replaced as a whole, so that a crash while it is written leaves the one before.
    It is read with `weights_only=True`: no code in it is run.
    """

    def __init__(
        self,
        path: Path,
        model: nn.Module,
        optimizer: torch.optim.Optimizer,
        scheduler: LRScheduler | None,
    ):
        self.path, self.model = path, model
        self.optimizer, self.scheduler = optimizer, scheduler
        self.made = _description(optimizer, scheduler)  # before anything is loaded into it

    def save(self, made_with: dict[str, Any], generator: torch.Generator, run: Run) -> None:
        device = next(self.model.parameters()).device
        state = {
            "made_with": made_with | self.made,
            "model": self.model.state_dict(),
            "optimizer": self.optimizer.state_dict(),
            "scheduler": self.scheduler.state_dict() if self.scheduler else None,
            "generator": generator.get_state(),
            "cpu": torch.get_rng_state(),
            "cuda": torch.cuda.get_rng_state(device) if device.type == "cuda" else None,
            "loss": run.loss,
            "error": run.error,
            "predictions": run.predictions,
        }
        with replacing(self.path) as draft:
            torch.save(state, draft)

    def load(self, made_with: dict[str, Any], generator: torch.Generator, run: Run) -> int:
        """How many evaluations were done: 0 if there is no file."""
        if not self.path.exists():
            return 0
        try:
            state = torch.load(self.path, map_location="cpu", weights_only=True)
            there = state["made_with"]
        except Exception as error:
            raise ValueError(
                f"checkpoint {self.path} cannot be read ({type(error).__name__}):"
                " delete it to begin anew"
            ) from None
        for name, here in (made_with | self.made).items():
            if there.get(name) != here:
                raise ValueError(
                    f"checkpoint {self.path} is of another run ({name} {there.get(name)} there,"
                    f" {here} here): give another file, or delete it to begin anew"
                )
        self.model.load_state_dict(state["model"])
        self.optimizer.load_state_dict(state["optimizer"])
        if self.scheduler:
            self.scheduler.load_state_dict(state["scheduler"])
        generator.set_state(state["generator"])
        torch.set_rng_state(state["cpu"])
        if state["cuda"] is not None and torch.cuda.is_available():
            torch.cuda.set_rng_state(state["cuda"], next(self.model.parameters()).device)
        run.loss.extend(state["loss"])
        run.error.extend(state["error"])
        run.predictions.update(state["predictions"])
        return len(run.loss)


def _description(optimizer: torch.optim.Optimizer, scheduler: LRScheduler | None) -> dict[str, Any]:
    """What makes an optimizer and its schedule, as text that is the same in every process."""
    groups = [{k: v for k, v in g.items() if k != "params"} for g in optimizer.param_groups]
    schedules = {
        key: [
            repr(s) if isinstance(s, Schedule) else getattr(s, "__qualname__", type(s).__name__)
            for s in of_groups
        ]
        for key, of_groups in (scheduler.schedules if scheduler else {}).items()
    }
    return {
        "optimizer": f"{type(optimizer).__name__} {groups}",
        "schedules": schedules,
    }
