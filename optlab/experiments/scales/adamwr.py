"""Settings of the chapter on AdamW with warm restarts."""

from __future__ import annotations

from dataclasses import dataclass

from optlab.experiments.scales.task import DIGITS, FASHION, FASHION_CNN, Task, cifar10


@dataclass(frozen=True)
class AdamWR:
    """Warm restarts against one cycle, and normalized weight decay.

    epochs: of the longest run, and the end of a cycle; T_0 in epochs. sgd_lr: of SGDWR with
    momentum. norm: values of λ_norm. budgets, batch_sizes: over which the best λ and the best
    λ_norm are compared; the paper's 4 × 4 grid is not among the settings that its text gives,
    so that these are ours at every scale.
    """

    task: Task
    epochs: int
    seeds: int
    T_0: int
    T_mult: int
    lr: float
    sgd_lr: float
    norm: tuple[float, ...]
    budgets: tuple[int, ...]
    batch_sizes: tuple[int, ...]
    momentum: float = 0.9


ADAMWR = {
    "ci": AdamWR(
        task=DIGITS,
        epochs=30,
        seeds=5,
        T_0=2,
        T_mult=2,
        lr=2.0**-7,
        sgd_lr=2.0**-4,
        norm=(0.0125, 0.025, 0.05, 0.1, 0.2),
        budgets=(5, 10, 20, 40),
        batch_sizes=(32, 64, 128),
    ),
    "small": AdamWR(
        task=FASHION,
        epochs=75,
        seeds=5,
        T_0=5,
        T_mult=2,
        lr=2.0**-10,
        sgd_lr=2.0**-4,
        norm=(0.0125, 0.025, 0.05, 0.1, 0.2),
        budgets=(10, 20, 40, 80),
        batch_sizes=(32, 64, 128),
    ),
    "gpu": AdamWR(
        task=FASHION_CNN,
        epochs=75,
        seeds=5,
        T_0=5,
        T_mult=2,
        lr=2.0**-9,
        sgd_lr=2.0**-4,
        norm=(0.0125, 0.025, 0.05, 0.1, 0.2),
        budgets=(10, 20, 40, 80),
        batch_sizes=(64, 128, 256),
    ),
    # 1500 epochs with restarts at 100, 300 and 700, λ_norm of .025 to .05, and the rates of the
    # README of the authors' code.
    "paper": AdamWR(
        task=cifar10("resnet26", 96),
        epochs=1500,
        seeds=1,
        T_0=100,
        T_mult=2,
        lr=0.001,
        sgd_lr=0.05,
        norm=(0.0125, 0.025, 0.05, 0.1),
        budgets=(25, 100, 400, 1600),
        batch_sizes=(128,),
    ),
}
