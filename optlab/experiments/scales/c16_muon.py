"""Settings of the chapter on Muon."""

from __future__ import annotations

from dataclasses import dataclass, replace

from optlab.experiments.scales.base import powers_of_two
from optlab.experiments.scales.characters import Characters
from optlab.experiments.scales.task import Task


@dataclass(frozen=True)
class Settings:
    """A network whose inner matrices are Muon's, and the same grid for every contestant.

    inner: the sides that an inner matrix may have. steps: updates of a run. validation: training
    examples that are set aside for tuning. rates, decays, momenta: the grid; of Adam the momentum
    is β₁. tuning: seeds that choose; judging: others, in each of three sets.
    """

    task: Task | Characters
    inner: tuple[int, ...]
    steps: int
    validation: int
    rates: tuple[float, ...]
    decays: tuple[float, ...]
    momenta: tuple[float, ...]
    tuning: int
    judging: int


_SMALL = Settings(
    task=Characters(
        24, 2, 1, batch_size=32, examples=6400, test=500, length=10, precision="float32"
    ),
    inner=(24, 96),
    steps=200,
    validation=500,
    rates=powers_of_two(-7, -3),
    decays=(0.1,),
    momenta=(0.8, 0.9, 0.95),
    tuning=2,
    judging=5,
)
# The authors' own trainings are far larger: what stands for "paper" is ours.
SCALES = {
    "ci": Settings(
        task=Task("digits", "mlp", (32, 32, 32), batch_size=50, examples=1000),
        inner=(32,),
        steps=80,
        validation=400,
        rates=powers_of_two(-6, -2),
        decays=(0.0, 0.1),
        momenta=(0.0, 0.5, 0.9),
        tuning=3,
        judging=6,
    ),
    "small": _SMALL,
    "gpu": replace(
        _SMALL,
        task=Characters(64, 4, 2, batch_size=64, examples=60_000, test=4000, precision="float32"),
        inner=(64, 256),
        steps=2000,
        validation=4000,
        rates=powers_of_two(-12, -5),
    ),
    "paper": replace(
        _SMALL,
        task=Characters(128, 4, 4, batch_size=128, examples=70_000, test=8000, precision="float32"),
        inner=(128, 512),
        steps=5000,
        validation=8000,
        rates=powers_of_two(-12, -5),
    ),
}
