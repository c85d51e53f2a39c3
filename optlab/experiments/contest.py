"""A fair comparison of optimizers: the same tasks, networks, mini-batches and tuning for all."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from functools import partial
from typing import Any

import torch
from torch import nn
from torch.nn.functional import cross_entropy

from optlab import rules, schedules
from optlab.experiments.data import Data
from optlab.experiments.scales import Characters, Task
from optlab.experiments.scales.c15_choosing_an_optimizer import Settings
from optlab.grid import train_grid
from optlab.learning.losses import Loss, nats_per_character
from optlab.learning.rules import Rules, elements_of_state, rule_of
from optlab.rules import Rule

LOOKS = 5  # at a run, equally far apart, after its start


@dataclass(frozen=True)
class Trial:
    """What is learned, and how it is judged.

    model: seed -> network. tuning, final: with the same training examples; the first is tested
    on validation examples, the second on test examples. tuning_seeds, seeds: how many runs of
    each rate that is tried, and of the best. curve: "error" or "test_loss".
    """

    model: Callable[[int], nn.Module]
    tuning: Data
    final: Data
    steps: int
    batch_size: int
    tuning_seeds: int
    seeds: int
    loss: Loss = cross_entropy
    curve: str = "error"


def trials(settings: Settings, device: torch.device | str = "cpu") -> dict[str, Trial]:
    """The three tasks of the settings, by name."""
    tasks: dict[str, Task | Characters] = {
        settings.images.dataset: settings.images,
        settings.signals.dataset: settings.signals,
        "surnames": settings.letters,
    }
    found = {}
    each = zip(
        tasks.items(),
        settings.epochs,
        settings.validation,
        settings.tuning_seeds,
        settings.seeds,
        strict=True,
    )
    for (name, task), epochs, n, tuning_seeds, seeds in each:
        final = task.data(device)
        k = len(final.y_train)
        more = replace(task, examples=k + n).data(device)
        spells = isinstance(task, Characters)
        found[name] = Trial(
            partial(task.model, device=device),
            replace(final, x_test=more.x_train[k:], y_test=more.y_train[k:]),
            final,
            epochs * task.steps_per_epoch,
            task.batch_size,
            tuning_seeds,
            seeds,
            nats_per_character if spells else cross_entropy,
            "test_loss" if spells else "error",
        )
    return found


@dataclass(frozen=True)
class Contestant:
    """An optimizer with all its settings but the learning rate, of which `lr` is the largest
    that is tried. hessian: the estimate of the Hessian that it needs."""

    rule: Rules
    settings: dict[str, float]
    lr: float
    hessian: str | None = None

    def state(self, shape: tuple[int, ...]) -> float:
        """Numbers kept for each weight of a parameter of this shape, besides the weight."""
        like = torch.empty(shape, device="meta")
        return elements_of_state(rule_of(self.rule, like), like) / like.numel()


@dataclass(frozen=True)
class Outcome:
    """rates: what was tried, from the lowest; validation: what each gave, mean over the tuning
    seeds, infinite where a run diverged; curves: of the best of them, seeds × (1 + LOOKS)."""

    rates: list[float]
    validation: list[float]
    curves: torch.Tensor = field(repr=False)

    @property
    def rate(self) -> float:
        """The one that was chosen."""
        return self.rates[self.validation.index(min(self.validation))]

    @property
    def at_an_end(self) -> bool:
        """Whether no lower, or no higher rate was tried than the one that was chosen."""
        return self.rate in (self.rates[0], self.rates[-1])

    @property
    def last(self) -> list[float]:
        """For each seed, what it ends with."""
        return [float(x) for x in self.curves[:, -1]]

    @property
    def anytime(self) -> list[float]:
        """For each seed, the mean of all looks after the start."""
        return [float(x) for x in self.curves[:, 1:].mean(1)]


def contestants(steps: int, norm: float = 0.05) -> dict[str, Contestant]:
    """The book's optimizers, with the settings of their papers, for a run of so many updates.

    norm: AdamW's normalized decay. Sophia has the numbers of its authors' code, where the
    largest step is the rate, so that rho divides their rates and multiplies their decay.
    """
    betas = {"beta1": 0.9, "beta2": 0.999}
    rho = 0.04
    return {
        "SGD": Contestant(rules.momentum, {"momentum": 0.9}, 1.0),
        "AdaGrad": Contestant(rules.adagrad, {"delta": 1e-10}, 1.0),
        "Adam": Contestant(rules.adam, {**betas, "eps": 1e-8}, 4**-1),
        "AdamW": Contestant(
            rules.adamw, {**betas, "eps": 1e-8, "weight_decay": norm / math.sqrt(steps)}, 4**-1
        ),
        "Adafactor": Contestant(
            _adafactor, {"beta2_decay": -0.8, "eps1": 1e-30, "eps2": 1e-3, "d": 1.0}, 4.0
        ),
        "AMSGrad": Contestant(rules.amsgrad, {**betas, "eps": 1e-8}, 4**-1),
        "LARS": Contestant(
            rules.lars, {"momentum": 0.9, "weight_decay": 5e-4, "trust_coefficient": 1e-3}, 4**4
        ),
        "LAMB": Contestant(rules.lamb, {**betas, "eps": 1e-6, "weight_decay": 0.01}, 4**-1),
        "Sophia": Contestant(
            rules.sophia,
            {"beta1": 0.965, "beta2": 0.99, "rho": rho, "eps": 1e-12, "weight_decay": 0.1 * rho},
            4**2,
            "gauss-newton-bartlett",
        ),
    }


def _adafactor(p: torch.Tensor) -> Rule:
    return rules.adafactor if p.dim() > 1 else rules.adafactor_vector


def compete(
    trial: Trial,
    contestant: Contestant,
    *,
    points: int,
    factor: float,
    seed: int,
) -> Outcome:
    """Tune the learning rate on the validation examples, then train with the best, from other
    seeds, and look at the test examples.

    points: rates that are tried, each `factor` times the one before. seed: the first; those of
    tuning come after those that are judged. Rates fall along a cosine to 0. What diverges counts
    as infinite.
    """
    last = seed + trial.seeds
    seeds, tuning_seeds = range(seed, last), range(last, last + trial.tuning_seeds)
    rates = [contestant.lr / factor**k for k in reversed(range(points))]
    ends = [0, trial.steps]
    tuned = _train(trial, contestant, rates, trial.tuning, tuning_seeds, ends).mean(1)
    validation = tuned[:, -1].nan_to_num(nan=math.inf)
    looks = [round(trial.steps * k / LOOKS) for k in range(LOOKS + 1)]
    best = rates[int(validation.argmin())]
    curves = _train(trial, contestant, [best], trial.final, seeds, looks)[0]
    return Outcome(rates, validation.tolist(), curves)


def _train(
    trial: Trial,
    contestant: Contestant,
    rates: Sequence[float],
    data: Data,
    seeds: Sequence[int],
    looks: Sequence[int],
) -> torch.Tensor:
    """What is judged: rates × seeds × looks."""
    grid: dict[str, Any] = {"lr": list(rates), **contestant.settings}
    run = train_grid(
        trial.model,
        data,
        contestant.rule,
        grid,
        schedules.cosine(T=trial.steps),
        steps=trial.steps,
        batch_size=trial.batch_size,
        seeds=seeds,
        loss=trial.loss,
        hessian=contestant.hessian,
        record=looks,
        train_loss=False,
    )
    found: torch.Tensor = getattr(run, trial.curve)
    return found


def near_share(outcome: Outcome, start: float, best: float, tolerance: float) -> float:
    """The share of the rates tried that come near: by at least 1 - tolerance of the way from
    what an untrained network has, `start`, to `best`."""
    bar = start - (1 - tolerance) * (start - best)
    return sum(v <= bar for v in outcome.validation) / len(outcome.validation)
