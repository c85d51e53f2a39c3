"""The training of a grid: what is to be done, and what has been found."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

import torch

from optlab.grid.curvature import Averages, Curvature
from optlab.grid.engine import Engine, Kind
from optlab.grid.memory import per_run
from optlab.grid.results import GridRun
from optlab.grid.settings import SCHEDULE, Configurations, scheduled
from optlab.grid.update import Update
from optlab.learning.batches import batches, fed
from optlab.learning.data import Augmentation, Examples
from optlab.learning.rules import elements_of_state
from optlab.rules import Rule

# Hyperparameters of so many steps are tabulated at a time.
_BLOCK = 256


@dataclass
class Training:
    """Every configuration for every seed, of which some at a time are trained as one batch.

    kind: the networks, with their seeds. rules: one for each of its parameters. found: the
    configurations. curvature: the estimates that the rules need, or None. at: numbers of updates
    after which all are evaluated, with train_loss on the training set, too. kept: those after
    which the parameters are kept.

    curves, batch_loss, snapshots: as of `GridRun`, filled by `train`.
    """

    data: Examples
    augment: Augmentation | None
    kind: Kind
    rules: list[Rule]
    found: Configurations
    curvature: Curvature | None
    steps: int
    batch_size: int
    drop_last: bool
    at: tuple[int, ...]
    kept: tuple[int, ...]
    train_loss: bool
    curves: dict[str, torch.Tensor] = field(init=False)
    batch_loss: torch.Tensor = field(init=False)
    snapshots: dict[int, dict[str, torch.Tensor]] = field(init=False)

    def __post_init__(self) -> None:
        k, s = len(self.found.rows), len(self.seeds)
        curve = torch.full((k, s, len(self.at)), torch.nan, dtype=torch.float64)
        self.curves = {name: curve.clone() for name in ("loss", "error", "test_loss")}
        self.batch_loss = torch.empty(k, s, self.steps, dtype=torch.float64)
        self.snapshots = {
            t: {n: torch.empty(k, s, *p.shape, dtype=p.dtype) for n, p in self.kind.params.items()}
            for t in self.kept
        }

    @property
    def seeds(self) -> tuple[int, ...]:
        """Of the starts, and of the order of mini-batches."""
        return self.kind.starts.seeds

    def bytes_of_a_run(self) -> int:
        """What a run takes."""
        params = list(self.kind.params.values())
        states = [elements_of_state(r, p) for r, p in zip(self.rules, params, strict=True)]
        activations, more = self.kind.activations, 0
        if self.curvature is not None:  # estimates, and for their sake gradients of gradients
            activations, more = 2 * activations, 3
        return per_run(params, states, activations, len(self.kept), self.steps, more)

    def run(self, memory: int, chunks: int, compiled: bool) -> GridRun:
        """What was found. memory, chunks: as of `GridRun`."""
        return GridRun(
            self.found.axes,
            self.found.rows,
            self.seeds,
            self.at,
            **self.curves,
            batch_loss=self.batch_loss,
            snapshots=self.snapshots,
            bytes=memory,
            chunks=chunks,
            execution="compiled" if compiled else "plain",
            _predict=self.kind.predict,
        )

    @torch.no_grad()
    def train(
        self,
        which_seeds: Sequence[int],
        which: Sequence[int],
        compiled: bool,
        tick: Callable[[], Any],
    ) -> None:
        """Train configurations `which` of some seeds, and put what is found in its place.

        which_seeds, which: places among the seeds and configurations. tick: called at each step.
        """
        data, steps, k = self.data, self.steps, len(which)
        seeds = [self.seeds[i] for i in which_seeds]
        engine = self.kind.engine(which_seeds, k, compiled)
        updates = self._updates(engine)
        averages = self._averages(engine, updates, seeds)
        batch_loss = torch.empty(
            steps, len(seeds) * k, device=self.kind.device, dtype=torch.float64
        )
        rows, columns = torch.tensor(which)[:, None], torch.tensor(which_seeds)

        def place(x: torch.Tensor) -> torch.Tensor:
            """runs × … as configurations × seeds × …, on the CPU."""
            return x.view(len(seeds), k, *x.shape[1:]).transpose(0, 1).cpu()

        def look(t: int) -> None:
            if t in self.kept:
                for name, p in zip(self.kind.params, engine.params, strict=True):
                    self.snapshots[t][name][rows, columns] = place(p)
            if t in self.at:
                j = self.at.index(t)
                test_loss, error = engine.evaluate(data.x_test, data.y_test)
                found = {"test_loss": test_loss, "error": error}
                if self.train_loss:
                    found["loss"], _ = engine.evaluate(data.x_train, data.y_train)
                for name, values in found.items():
                    self.curves[name][rows, columns, j] = place(values)

        look(0)
        generators = [torch.Generator().manual_seed(seed) for seed in seeds]
        order = batches(len(data.y_train), self.batch_size, steps, generators, self.drop_last)
        for t, (x, y) in enumerate(fed(data, order, generators, self.augment)):
            if t % _BLOCK == 0:
                hyper = scheduled(self.found, which, t, min(steps, t + _BLOCK))
                hyper = {n: x.repeat(1, len(seeds)) for n, x in hyper.items()}
                for update in updates:
                    update.prepare(t, hyper)
            if averages is not None:
                averages(t, x, y, hyper["beta2"][t % _BLOCK])
            batch_loss[t] = engine.losses(x, y)
            for update in updates:
                update()
            look(t + 1)
            tick()
        self.batch_loss[rows, columns] = place(batch_loss.T)

    def _updates(self, engine: Engine) -> list[Update]:
        """One for each rule."""
        first = self.found.rows[0]
        updates = []
        for rule in dict.fromkeys(self.rules):
            given = {n: first[n] for n in rule.hyperparameters if n in first and n != SCHEDULE}
            flags = {n: x for n, x in given.items() if not isinstance(x, float)}
            names = [n for n in given if n not in flags]
            # An optimizer leaves alone what has no gradient: no decay, either.
            used = [n not in self.kind.unused for n in self.kind.params]
            of_rule = [i for i, r in enumerate(self.rules) if r is rule and used[i]]
            if of_rule:
                params = [engine.params[i] for i in of_rule]
                grads = [engine.grads[i] for i in of_rule]
                updates.append(Update(rule, flags, names, params, grads))
        return updates

    def _averages(
        self, engine: Engine, updates: Sequence[Update], seeds: Sequence[int]
    ) -> Averages | None:
        if self.curvature is None:
            return None
        found = {
            id(p): state[update.rule.estimated]
            for update in updates
            if update.rule.estimated
            for p, state in zip(update.params, update.states, strict=True)
        }
        return self.curvature.averages(engine, seeds, [found.get(id(p)) for p in engine.params])
