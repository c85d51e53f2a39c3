"""Settings of the chapter on snapshot ensembles."""

from __future__ import annotations

from dataclasses import dataclass

from optlab.experiments.scales.task import DIGITS, FASHION, FASHION_CNN, Task, cifar10


@dataclass(frozen=True)
class Ensembles:
    """Ensembles of `snapshots` snapshots of each of N runs, for every N in `members`.

    epochs: the end of the last cycle; a snapshot is taken at the end of each of the last
    `snapshots` cycles, and for the control in the last epochs of one. T_0 in epochs. runs: how
    many are trained; ensembles of fewer are medians over those. weight_decay: L2 coefficient.
    """

    task: Task
    epochs: int
    runs: int
    members: tuple[int, ...]
    snapshots: int
    T_0: int
    T_mult: int
    eta_max: float
    momentum: float = 0.9
    weight_decay: float = 5e-4


ENSEMBLES = {
    "ci": Ensembles(DIGITS, 15, 16, (1, 3, 16), 3, 1, 2, 0.05),
    "small": Ensembles(FASHION, 30, 16, (1, 3, 16), 3, 2, 2, 0.05),
    "gpu": Ensembles(FASHION_CNN, 30, 16, (1, 3, 16), 3, 2, 2, 0.05),
    # Section 4.2 of the paper: snapshots at 30, 70 and 150 epochs.
    "paper": Ensembles(cifar10("wide_resnet", 28, 10), 150, 16, (1, 3, 16), 3, 10, 2, 0.05),
}
