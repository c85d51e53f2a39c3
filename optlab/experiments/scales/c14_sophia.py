"""Settings of the chapter on Sophia."""

from __future__ import annotations

from dataclasses import dataclass

from optlab.experiments.scales.base import powers_of_two
from optlab.experiments.scales.characters import Characters


@dataclass(frozen=True)
class Settings:
    """Adam, AdamW and Sophia on the same language task, each tuned on a grid of one size.

    steps: updates of a run, of which Sophia estimates the Hessian before every `every`-th.
    tuning: seeds that choose the configuration; seeds: others, that judge it.
    Adam's grid is adam_lr × adam_beta2; AdamW's adam_lr × weight_decay, with a value of
    adam_beta2 for each pair, and Sophia's longest × rho, with one of three around beta2,
    `longest` being the longest step of a weight, lr · rho. beta2: of the average of estimates.
    """

    task: Characters
    steps: int
    tuning: int
    seeds: int
    adam_lr: tuple[float, ...]
    adam_beta2: tuple[float, ...]
    weight_decay: tuple[float, ...]
    longest: tuple[float, ...]
    rho: tuple[float, ...]
    beta1: float = 0.9
    beta2: float = 0.8
    every: int = 10


_BETA2 = (0.95, 0.99, 0.999)
_DECAY = (0.01, 0.1, 0.3)
_RHO = (0.1, 0.3, 1.0)
SCALES = {
    "ci": Settings(
        Characters(16, 2, 1, batch_size=16, examples=4000, test=300, length=10),
        steps=100,
        tuning=2,
        seeds=5,
        adam_lr=powers_of_two(-7, -5),
        adam_beta2=_BETA2,
        weight_decay=_DECAY,
        longest=powers_of_two(-8, -6),
        rho=_RHO,
    ),
    "small": Settings(
        Characters(
            32, 2, 1, batch_size=32, examples=40_000, test=1000, length=12, precision="float32"
        ),
        steps=300,
        tuning=2,
        seeds=5,
        adam_lr=powers_of_two(-8, -6),
        adam_beta2=_BETA2,
        weight_decay=_DECAY,
        longest=powers_of_two(-9, -7),
        rho=_RHO,
    ),
    "gpu": Settings(
        Characters(
            128, 4, 4, batch_size=128, examples=80_000, test=3900, length=14, precision="float32"
        ),
        steps=4000,
        tuning=2,
        seeds=5,
        adam_lr=powers_of_two(-11, -8),
        adam_beta2=_BETA2,
        weight_decay=_DECAY,
        longest=powers_of_two(-12, -9),
        rho=_RHO,
        beta2=0.9,
    ),
    # The text of the paper, OpenWebText, is not here, so this is its smallest network, GPT-2 with
    # 125 M weights, its batch of 480 and its 100,000 steps on our names. In the middle of Sophia's
    # grid are the settings of the authors' code, but for the decay.
    "paper": Settings(
        Characters(
            768, 12, 12, batch_size=480, examples=80_000, test=3900, length=14, precision="float32"
        ),
        steps=100_000,
        tuning=1,
        seeds=5,
        adam_lr=(3e-4, 6e-4, 1.2e-3),
        adam_beta2=_BETA2,
        weight_decay=_DECAY,
        longest=(3e-4, 6e-4, 1.2e-3),
        rho=(0.025, 0.05, 0.1),
        beta1=0.965,
        beta2=0.99,
    ),
}
