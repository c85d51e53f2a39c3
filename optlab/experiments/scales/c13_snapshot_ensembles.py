"""Settings of the chapter on snapshot ensembles."""

from __future__ import annotations

from dataclasses import dataclass

from optlab.experiments.scales.task import (
    FASHION_CNN,
    NORMALIZED_DIGITS,
    NORMALIZED_FASHION,
    Task,
    cifar10,
)


@dataclass(frozen=True)
class Settings:
    """Ensembles of `snapshots` snapshots of each of N runs, for every N in `members`.

    epochs: the end of the last cycle; a snapshot is taken at the end of each of the last
    `snapshots` cycles, and for the control in the last epochs of the last one. T_0 in epochs.
    runs: how many are trained with restarts; ensembles are of disjoint groups of those.
    controls: how many are trained without restarts; of a third of the epochs, three times as
    many. weight_decay: L2 coefficient.
    """

    task: Task
    epochs: int
    runs: int
    controls: int
    members: tuple[int, ...]
    snapshots: int
    T_0: int
    T_mult: int
    eta_max: float
    weight_decay: float
    momentum: float = 0.9


# The networks are normalized, as the paper's, so that the decay of the weights sets how far a
# restart moves them. The coefficient is such that η_max · λ · (updates in the first cycle) is
# about 0.1, as it is in the paper.
SCALES = {
    "ci": Settings(
        task=NORMALIZED_DIGITS,
        epochs=75,
        runs=80,
        controls=30,
        members=(1, 3, 16),
        snapshots=3,
        T_0=5,
        T_mult=2,
        eta_max=0.1,
        weight_decay=0.032,
    ),
    "small": Settings(
        task=NORMALIZED_FASHION,
        epochs=150,
        runs=80,
        controls=15,
        members=(1, 3, 16),
        snapshots=3,
        T_0=10,
        T_mult=2,
        eta_max=0.1,
        weight_decay=0.005,
    ),
    "gpu": Settings(
        task=FASHION_CNN,
        epochs=30,
        runs=80,
        controls=15,
        members=(1, 3, 16),
        snapshots=3,
        T_0=2,
        T_mult=2,
        eta_max=0.1,
        weight_decay=0.0032,
    ),
    # Section 4.2 of the paper: snapshots at 30, 70 and 150 epochs. The controls are ours.
    "paper": Settings(
        task=cifar10("wide_resnet", 28, 10),
        epochs=150,
        runs=16,
        controls=5,
        members=(1, 3, 16),
        snapshots=3,
        T_0=10,
        T_mult=2,
        eta_max=0.05,
        weight_decay=5e-4,
    ),
}
