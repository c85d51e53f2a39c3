"""Training every combination of hyperparameters, for every seed, as one batch."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

from torch import nn
from torch.nn.functional import cross_entropy
from tqdm import tqdm

from optlab.grid import memory as room
from optlab.grid.curvature import Curvature
from optlab.grid.describe import describe
from optlab.grid.results import GridRun
from optlab.grid.settings import configurations, whole_number
from optlab.grid.starts import Starts
from optlab.grid.training import Training
from optlab.learning.batches import steps_per_epoch
from optlab.learning.data import Augmentation, Examples
from optlab.learning.losses import Loss
from optlab.learning.rules import Rules, rule_of
from optlab.seeds import LIMIT


def train_grid(
    model: nn.Module | Callable[[int], nn.Module],
    data: Examples,
    rule: Rules,
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
        hessian: for a rule that divides by estimates of the Hessian's diagonal, as `rules.sophia`
            does, which ones are averaged: "gauss-newton-bartlett" or "hutchinson", as
            `optlab.optim` makes them, from the
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
    rules = [rule_of(rule, p, n) for n, p in kind.params.items()]
    curvature = None if hessian is None else Curvature(hessian, hessian_every)
    found = configurations(rules, grid, schedule, curvature is not None, steps)
    if curvature is not None:
        curvature.check(kind, data.x_train[:2], data.y_train[:2])
    epoch = steps_per_epoch(n, batch_size, drop_last)
    at = _when(epoch if record is None else record, steps)
    kept = _updates_named("snapshots", snapshots, steps, "keep a snapshot of")

    limit = room.available(kind.device) if memory is None else _bytes(memory)
    training = Training(
        data,
        augment,
        kind,
        rules,
        found,
        curvature,
        steps,
        batch_size,
        drop_last,
        at,
        kept,
        train_loss,
    )
    each, rows = training.bytes_of_a_run(), len(found.rows)
    s, k = room.fitting(limit, each, len(seeds), rows)
    compiled = kind.compiles(execution, steps, len(seeds) * rows)
    chunks = [
        (range(a, min(a + s, len(seeds))), range(b, min(b + k, rows)))
        for a in range(0, len(seeds), s)
        for b in range(0, rows, k)
    ]
    hidden = None if progress is None else not progress  # None: shown in a terminal
    with tqdm(total=steps * len(chunks), unit="step", disable=hidden) as bar:
        for which_seeds, which in chunks:
            training.train(which_seeds, which, compiled, bar.update)
    return training.run(each * s * k, len(chunks), compiled)


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
