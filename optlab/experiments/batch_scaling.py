"""Larger and larger batches for a fixed number of epochs, and rates that follow them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

import torch

from optlab import schedules
from optlab.experiments.scales.c09_lars import Settings
from optlab.grid import steps_per_epoch, train_grid
from optlab.learning.rules import Rules

GUESSING = 0.9  # the error of a run that diverged: guessing, with ten classes


@dataclass(frozen=True)
class Scaling:
    """The rate of a run as it depends on the batch: lr · (batch / base batch) ** power.

    lr: at the base batch. power: 1 for linear scaling, 1/2 for the square root, 0 for one rate
    at all batches. warmup: share of the updates in which the rate rises linearly to its full
    height; in the rest it falls linearly to 0.
    """

    lr: float
    power: float = 0.0
    warmup: float = 0.0

    def rate(self, batch_size: int, base: int) -> float:
        """The largest rate of a run with this batch size."""
        return float(self.lr * (batch_size / base) ** self.power)

    def schedule(self, steps: int) -> schedules.Schedule:
        """Multipliers for a run of so many updates. None is 0: with few updates each counts."""
        rising = round(self.warmup * steps)
        if not 0 <= rising < steps:
            raise ValueError(f"warmup must be in [0, 1), of {steps} updates; got {self.warmup}")
        falling = schedules.linear_decay(T=steps - rising)
        if rising == 0:
            return falling
        return schedules.warmup(T=rising, start=1 / (rising + 1), then=falling)


def batch_scaling(
    settings: Settings,
    rule: Rules,
    scalings: Sequence[Scaling],
    hyperparameters: Mapping[str, float],
    *,
    seeds: Iterable[int],
    device: torch.device | str = "cpu",
) -> torch.Tensor:
    """Train a network for every scaling, batch size of the settings, and seed.

    The base batch is the task's. Every run makes `settings.epochs` passes over the data, so
    that twice the batch is half the updates. hyperparameters: all of the rule's but lr.

    Returns the test errors at the end, fractions: scalings × batch sizes × seeds, on the CPU.
    A run that diverged counts as `GUESSING`. All runs of a seed start from the same weights.
    """
    task, seeds = settings.task, tuple(seeds)
    data = task.data(device)
    errors = []
    for batch_size in settings.batch_sizes:
        steps = settings.epochs * steps_per_epoch(len(data.y_train), batch_size)
        run = train_grid(
            lambda seed: task.model(seed, device),
            data,
            rule,
            [
                {
                    "lr": scaling.rate(batch_size, task.batch_size),
                    "schedule": (str(scaling), scaling.schedule(steps)),
                    **hyperparameters,
                }
                for scaling in scalings
            ],
            steps=steps,
            batch_size=batch_size,
            seeds=seeds,
            record=steps,
            train_loss=False,
        )
        errors.append(run.error[..., -1])
    return torch.stack(errors, dim=1).nan_to_num(GUESSING)


def best_at_each_batch(errors: torch.Tensor, tuning: int) -> tuple[list[int], torch.Tensor]:
    """The control: a scaling for each batch, chosen on the first `tuning` seeds alone.

    errors: as `batch_scaling` gives them. Returns the numbers of the scalings with the least
    mean error, one for each batch, and their errors on the other seeds: batch sizes × seeds.
    """
    if not 0 < tuning < errors.shape[2]:
        raise ValueError(f"tuning must be in [1, {errors.shape[2] - 1}], seeds; got {tuning}")
    chosen = errors[..., :tuning].mean(-1).argmin(0)
    return chosen.tolist(), errors[chosen, torch.arange(len(chosen)), tuning:]
