"""Settings of the closing chapter, which compares all optimizers."""

from __future__ import annotations

from dataclasses import dataclass, replace

from optlab.experiments.scales.characters import Characters
from optlab.experiments.scales.task import FASHION_CNN, SIGNALS, Task, cifar10


@dataclass(frozen=True)
class Settings:
    """Three tasks, the same tuning for every optimizer.

    epochs: on each task, in the order of the tasks. validation: training examples of each that
    are set aside for tuning. points, factor: how many learning rates are tried, and how far
    apart; tuning_seeds: runs of each, by task; seeds: runs of the best, which are judged.
    """

    images: Task
    signals: Task
    letters: Characters
    epochs: tuple[int, int, int]
    validation: tuple[int, int, int]
    points: int
    factor: float
    tuning_seeds: tuple[int, int, int]
    seeds: tuple[int, int, int]


_IMAGES = Task("digits", "mlp", (32,), batch_size=32, examples=1000)
_SIGNALS = replace(SIGNALS, batch_size=32, examples=2500)
# The papers compare on tasks of their own: what stands for "paper" is ours.
SCALES = {
    "ci": Settings(
        images=_IMAGES,
        signals=_SIGNALS,
        letters=Characters(16, 2, 1, batch_size=16, examples=960, test=200, length=8),
        epochs=(8, 8, 1),
        validation=(400, 1000, 200),
        points=6,
        factor=4,
        tuning_seeds=(4, 4, 2),
        seeds=(8, 8, 6),
    ),
    "small": Settings(
        images=_IMAGES,
        signals=_SIGNALS,
        letters=Characters(24, 2, 1, batch_size=32, examples=3200, test=500, length=10),
        epochs=(15, 15, 1),
        validation=(400, 1500, 500),
        points=11,
        factor=2,
        tuning_seeds=(3, 3, 1),
        seeds=(8, 8, 6),
    ),
    "gpu": Settings(
        images=FASHION_CNN,
        signals=_SIGNALS,
        letters=Characters(64, 4, 2, batch_size=64, examples=60_000, test=4000),
        epochs=(20, 100, 5),
        validation=(10_000, 1500, 4000),
        points=11,
        factor=2,
        tuning_seeds=(5, 5, 2),
        seeds=(10, 10, 6),
    ),
    "paper": Settings(
        images=replace(cifar10("resnet26", 64), examples=45_000, augment=False),
        signals=_SIGNALS,
        letters=Characters(128, 4, 4, batch_size=128, examples=70_000, test=8000),
        epochs=(100, 200, 20),
        validation=(5000, 1500, 4000),
        points=11,
        factor=2,
        tuning_seeds=(1, 3, 1),
        seeds=(5, 10, 5),
    ),
}
