"""Training every combination of hyperparameters, for every seed, as one batch."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch import nn
from torch.nn.functional import cross_entropy
from tqdm import tqdm

from optlab.grid import memory as room
from optlab.grid.curvature import Averages, Curvature
from optlab.grid.describe import describe
from optlab.grid.engine import Engine, Kind
from optlab.grid.results import GridRun
from optlab.grid.settings import (
    SCHEDULE,
    Configurations,
    configurations,
    scheduled,
    whole_number,
)
from optlab.grid.starts import Starts
from optlab.grid.update import Update
from optlab.learning.batches import batches, fed, steps_per_epoch
from optlab.learning.data import Augmentation, Examples
from optlab.learning.losses import Loss
from optlab.rules import Rule, sophia
from optlab.seeds import LIMIT

# Hyperparameters of so many steps are tabulated at a time.
_BLOCK = 256


def train_grid(
    model: nn.Module | Callable[[int], nn.Module],
    data: Examples,
    rule: Rule | Callable[[torch.Tensor], Rule],
    grid: Mapping[str, Any] | Sequence[Mapping[str, Any]],
    schedule: Any = None,
    *,
    steps: int,
    batch_size: int,
    seeds: Iterable[int] = (0,),
    loss: Loss = cross_entropy,
    hessian: str | None = None,
    hessian_every: int = 10,
    record: int | Iterable[int] | None = None,
    snapshots: Iterable[int] = (),
    train_loss: bool = True,
    drop_last: bool = False,
    augment: Augmentation | None = None,
    memory: float | None = None,
    execution: str = "auto",
    progress: bool | None = None,
) -> GridRun:
    """Train every combination of hyperparameters, for every seed, as one batch.

    Each run gives the numbers, to rounding, of a run alone with the same rule: the same start,
    the same mini-batches in the same order (those of `optlab.experiments.train`), the network in
    training for its steps and in evaluation for the curves. All configurations of one seed share
    start and batches, so that their differences are paired. A run that diverges turns to NaN and
    disturbs no other. Parameters that the loss does not depend on stay what they are, as an
    optimizer leaves them.

    Before training, every start is tried for a few steps alone and in the batch. A network that
    is more than a function of parameters, buffers and inputs, having hooks on gradients, counters,
    or running averages, is trained in copies of its own, one after another, which is as slow as
    a loop. One of which runs would still not be those alone is refused.

    Args:
        model: a function seed -> network (its dtype and device are used), or a network from
            which all seeds start. It is not changed. The function is called several times for
            each seed, and must seed all that it draws.
        data: x_train, y_train, x_test, y_test, on the network's device. Outputs are … × classes
            for targets of shape …, as examples × places for sequences; targets of -100 are
            padding, which is not evaluated and which `loss` must leave out. For other targets,
            such as numbers, the error is NaN.
        rule: of `optlab.rules`, or a function of a parameter that chooses one.
        grid: the rule's hyperparameters by name, each a list of values or one for all; all
            combinations are trained. Or a list of dictionaries, one for each configuration.
            "schedule" may be among the names, with labels:
            {"schedule": {"fixed": schedules.constant(), "cosine": schedules.cosine(T=steps)}}.
        schedule: a function t -> multiplier of the learning rate (of eta where the rule has
            one), or a dictionary {hyperparameter: function}. Update number 1 uses t = 0.
        steps: number of updates.
        batch_size: examples in a mini-batch.
        seeds: of the start, model(seed), and of the order of mini-batches.
        loss: (outputs, targets) of one run's batch -> mean loss, a number. For sequences:
            lambda z, y: cross_entropy(z.flatten(0, -2), y.flatten()).
        hessian: for `rules.sophia`, the estimate of the Hessian's diagonal that is averaged:
            "gauss-newton-bartlett" or "hutchinson", as `optlab.optim` makes them, from the
            mini-batch and before its update. The grid then takes beta2, of the average. The
            random numbers are those of `hessian_generator(seed)`.
        hessian_every: it is estimated before updates number 1, 1 + hessian_every, ….
        record: evaluate after every `record` updates, or after the numbers of updates listed;
            by default after each epoch. Before training and at the end in any case.
        snapshots: numbers of updates after which all parameters are kept.
        train_loss: whether evaluation includes the loss on the whole training set.
        drop_last: leave out the last, smaller batch of each epoch.
        augment: a function (inputs of a batch, generator) -> inputs, applied to every
            mini-batch; by default that of the data, `data.augment`, if they have one. All
            configurations of a seed get the same inputs.
        memory: bytes that may be used, by default half of what is free; where the grid needs
            more, it is trained in chunks, with the same numbers.
        execution: "plain"; "compiled", by torch.compile; or "auto", which compiles where
            the steps to come repay it. Plain multilayer networks are never compiled: they are
            few large matrix products already. On a CPU, networks with convolutions are trained
            one after another, which is faster there than torch.func.vmap, compiled or not.
            Networks with running statistics (batch normalization), or with anything else that
            a call changes, are so on every device, which is as slow as a loop, and never
            compiled. What such networks keep, and what they draw in training, are each run's
            own; their snapshots have no outputs.
        progress: show a bar; by default where a person looks on, in a terminal.

    Raises:
        ValueError, TypeError: in one line and before any training, for settings the rule does
            not have or that are no numbers, schedules that give none at some step, networks
            of which runs in a batch are not those alone, or too little memory.

    Example:
        >>> from optlab import experiments, rules, schedules
        >>> from optlab.grid import train_grid
        >>> run = train_grid(
        ...     lambda seed: experiments.mlp([64, 64, 10], seed=seed),
        ...     experiments.digits(),
        ...     rules.with_decay(rules.adam),
        ...     {"lr": [2**-k for k in range(12, 5, -1)], "weight_decay": [0, 0.01, 0.1, 1],
        ...      "beta1": 0.9, "beta2": 0.999, "eps": 1e-8},
        ...     schedules.cosine(T=110),
        ...     steps=110, batch_size=128, seeds=range(5),
        ... )
        >>> run.grid("error").shape  # lr × weight_decay × seeds
        torch.Size([7, 4, 5])
        >>> print(run.table().sorted("error"))  # means and intervals over seeds
    """
    seeds = _seeds(seeds)
    steps = whole_number("steps", steps, 1)
    batch_size = whole_number("batch_size", batch_size, 1)
    hessian_every = whole_number("hessian_every", hessian_every, 1)
    if execution not in ("auto", "plain", "compiled"):
        raise ValueError(f'execution must be "auto", "plain" or "compiled"; got {execution!r}')
    if not callable(loss):
        raise TypeError(f"loss must be a function of outputs and targets; got {loss!r:.80}")
    n = _examples(data)
    if drop_last and n < batch_size:
        raise ValueError(f"with drop_last, a batch of {batch_size} needs as many examples, not {n}")
    augment = getattr(data, "augment", None) if augment is None else augment
    starts = Starts(model, seeds)
    kind = describe(starts, data, loss, min(batch_size, n), drop_last, augment)
    rules = [_rule(rule, n, p) for n, p in kind.params.items()]
    curvature = None if hessian is None else Curvature(hessian, hessian_every)
    found = configurations(rules, grid, schedule, curvature is not None, steps)
    if curvature is not None:
        if kind.statistics:
            raise ValueError(
                "an estimate of the Hessian would change running statistics: use GroupNorm, or "
                "make batch normalization with track_running_stats=False"
            )
        if kind.separate:
            raise ValueError(
                f"an estimate of the Hessian is for networks without {kind.separate}, which is "
                "more than a function of parameters: take it out"
            )
        curvature.check(kind.model, data.x_train[:2], data.y_train[:2], loss)
    epoch = steps_per_epoch(n, batch_size, drop_last)
    at = _when(epoch if record is None else record, steps)
    kept = _updates_named("snapshots", snapshots, steps, "keep a snapshot of")

    states = [_elements_of_state(r, p) for r, p in zip(rules, kind.params.values(), strict=True)]
    activations, more = kind.activations, 0
    if curvature is not None:  # estimates, and for their sake gradients of gradients
        activations, more = 2 * activations, 3
    each = room.per_run(list(kind.params.values()), states, activations, len(kept), steps, more)
    limit = room.available(kind.device) if memory is None else _bytes(memory)
    s, k = room.fitting(limit, each, len(seeds), len(found.rows))
    compiled = kind.compiles(execution, steps, len(seeds) * len(found.rows))

    plan = _Plan(data, augment, rules, found, kind, steps, batch_size, seeds, at, kept, curvature)
    result = _empty(plan)
    chunks = list(_chunks(len(seeds), s, len(found.rows), k))
    hidden = None if progress is None else not progress
    with tqdm(total=steps * len(chunks), unit="step", disable=hidden) as bar:
        for which_seeds, which in chunks:
            _train(plan, which_seeds, which, result, train_loss, drop_last, compiled, bar.update)
    return GridRun(
        found.axes,
        found.rows,
        seeds,
        at,
        result.curves["loss"],
        result.curves["error"],
        result.curves["test_loss"],
        result.batch_loss,
        result.snapshots,
        each * s * k,
        len(chunks),
        "compiled" if compiled else "plain",
        kind.predict,
    )


@dataclass
class _Plan:
    data: Examples
    augment: Augmentation | None
    rules: list[Rule]
    found: Configurations
    kind: Kind
    steps: int
    batch_size: int
    seeds: tuple[int, ...]
    at: tuple[int, ...]
    kept: tuple[int, ...]
    curvature: Curvature | None


@dataclass
class _Result:
    curves: dict[str, torch.Tensor]
    batch_loss: torch.Tensor
    snapshots: dict[int, dict[str, torch.Tensor]]


def _seeds(seeds: Any) -> tuple[int, ...]:
    """Seeds as ints. Raises ValueError or TypeError in one line."""
    if isinstance(seeds, str | bytes) or not isinstance(seeds, Iterable):
        raise TypeError(f"seeds must be a list of whole numbers, as range(5); got {seeds!r:.80}")
    found = tuple(whole_number("a seed", seed, 0) for seed in seeds)
    if not found:
        raise ValueError("there are no seeds: give at least one")
    if max(found) >= LIMIT:
        raise ValueError(f"a seed must be less than 2**32; got {max(found)}")
    if twice := [seed for i, seed in enumerate(found) if seed in found[:i]]:
        raise ValueError(f"seed {twice[0]} is given twice: its runs would be the same ones")
    return found


def _examples(data: Examples) -> int:
    """The number of examples trained on."""
    for x, y in (("x_train", "y_train"), ("x_test", "y_test")):
        sizes = len(getattr(data, x)), len(getattr(data, y))
        if sizes[0] != sizes[1] or not sizes[0]:
            raise ValueError(
                f"{x} has {sizes[0]} examples and {y} {sizes[1]}: give one target for each, and "
                "at least one"
            )
    return len(data.y_train)


def _rule(rule: Any, name: str, p: torch.Tensor) -> Rule:
    if isinstance(rule, Rule):
        return rule
    if not callable(rule) or isinstance(rule, type):
        raise TypeError(
            f"rule must be one of optlab.rules, such as rules.adam, or a function of a "
            f"parameter that chooses one; got {rule!r:.80}"
        )
    chosen = rule(p)
    if not isinstance(chosen, Rule):
        raise TypeError(f"the function rule= must give one of optlab.rules; of {name}: {chosen!r}")
    return chosen


def _bytes(memory: Any) -> int:
    try:
        return int(memory)
    except (TypeError, ValueError, OverflowError):
        raise ValueError(f"memory must be a number of bytes; got {memory!r:.80}") from None


def _when(record: Any, steps: int) -> tuple[int, ...]:
    if not isinstance(record, Iterable):
        record = range(0, steps, whole_number("record", record, 1))
    return tuple(sorted({0, steps, *_updates_named("record", record, steps, "record after")}))


def _updates_named(name: str, given: Any, steps: int, what: str) -> tuple[int, ...]:
    """Numbers of updates, in order."""
    if isinstance(given, str | bytes) or not isinstance(given, Iterable):
        raise TypeError(f"{name} must list numbers of updates; got {given!r:.80}")
    times = {whole_number(f"a number in {name}", t, -(2**63)) for t in given}
    if outside := [t for t in times if not 0 <= t <= steps]:
        raise ValueError(f"there is no update {outside[0]} to {what}: 0 to {steps}")
    return tuple(sorted(times))


def _elements_of_state(rule: Rule, p: torch.Tensor) -> int:
    with torch.device("meta"):
        like = torch.empty_like(p, device="meta")
        return sum(make(like).numel() for make in rule.initial.values())


def _empty(plan: _Plan) -> _Result:
    k, s = len(plan.found.rows), len(plan.seeds)
    curve = torch.full((k, s, len(plan.at)), torch.nan, dtype=torch.float64)
    return _Result(
        {name: curve.clone() for name in ("loss", "error", "test_loss")},
        torch.empty(k, s, plan.steps, dtype=torch.float64),
        {
            t: {n: torch.empty(k, s, *p.shape, dtype=p.dtype) for n, p in plan.kind.params.items()}
            for t in plan.kept
        },
    )


def _chunks(seeds: int, s: int, rows: int, k: int) -> Iterator[tuple[list[int], list[int]]]:
    for a in range(0, seeds, s):
        for b in range(0, rows, k):
            yield list(range(a, min(a + s, seeds))), list(range(b, min(b + k, rows)))


@torch.no_grad()
def _train(
    plan: _Plan,
    which_seeds: list[int],
    which: list[int],
    result: _Result,
    train_loss: bool,
    drop_last: bool,
    compiled: bool,
    tick: Callable[[], Any],
) -> None:
    """Train configurations `which` of some seeds, and put what is found in its place."""
    data, steps, k = plan.data, plan.steps, len(which)
    seeds = [plan.seeds[i] for i in which_seeds]
    engine = plan.kind.engine(which_seeds, k, compiled)
    updates = _updates(plan, engine)
    averages = _averages(plan, engine, updates, seeds)
    shape = steps, len(seeds) * k
    batch_loss = torch.empty(shape, device=plan.kind.device, dtype=torch.float64)
    rows, columns = torch.tensor(which)[:, None], torch.tensor(which_seeds)

    def place(x: torch.Tensor) -> torch.Tensor:
        """runs × … as configurations × seeds × …, on the CPU."""
        return x.view(len(seeds), k, *x.shape[1:]).transpose(0, 1).cpu()

    def look(t: int) -> None:
        if t in plan.kept:
            for name, p in zip(plan.kind.params, engine.params, strict=True):
                result.snapshots[t][name][rows, columns] = place(p)
        if t in plan.at:
            j = plan.at.index(t)
            test, error = engine.evaluate(data.x_test, data.y_test)
            result.curves["test_loss"][rows, columns, j] = place(test)
            result.curves["error"][rows, columns, j] = place(error)
            if train_loss:
                whole, _ = engine.evaluate(data.x_train, data.y_train)
                result.curves["loss"][rows, columns, j] = place(whole)

    look(0)
    generators = [torch.Generator().manual_seed(seed) for seed in seeds]
    order = batches(len(data.y_train), plan.batch_size, steps, generators, drop_last)
    for t, (x, y) in enumerate(fed(data, order, generators, plan.augment)):
        if t % _BLOCK == 0:
            hyper = scheduled(plan.found, which, t, min(steps, t + _BLOCK))
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
    result.batch_loss[rows, columns] = place(batch_loss.T)


def _updates(plan: _Plan, engine: Engine) -> list[Update]:
    """One for each rule."""
    first = plan.found.rows[0]
    updates = []
    for rule in dict.fromkeys(plan.rules):
        given = {n: first[n] for n in rule.hyperparameters if n in first and n != SCHEDULE}
        flags = {n: x for n, x in given.items() if not isinstance(x, float)}
        names = [n for n in given if n not in flags]
        # An optimizer leaves alone what has no gradient: no decay, either.
        used = [n not in plan.kind.unused for n in plan.kind.params]
        of_rule = [i for i, r in enumerate(plan.rules) if r is rule and used[i]]
        if not of_rule:
            continue
        params = [engine.params[i] for i in of_rule]
        grads = [engine.grads[i] for i in of_rule]
        updates.append(Update(rule, flags, names, params, grads))
    return updates


def _averages(
    plan: _Plan, engine: Engine, updates: list[Update], seeds: list[int]
) -> Averages | None:
    if plan.curvature is None:
        return None
    found = {
        id(p): state["h"]
        for update in updates
        if update.rule is sophia
        for p, state in zip(update.params, update.states, strict=True)
    }
    averaged = [found.get(id(p)) for p in engine.params]
    return plan.curvature.averages(engine, seeds, averaged)
