"""A look at a network before a grid trains it: how, or why not."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace

import torch
from torch import nn
from torch.nn.functional import cross_entropy

from optlab.grid import alone, engine, memory
from optlab.grid.checks import difference, stepped
from optlab.grid.engine import Kind
from optlab.grid.mlp import layers
from optlab.grid.reach import reach
from optlab.grid.serial import keeps_statistics
from optlab.grid.starts import Starts
from optlab.grid.vmapped import attempt, first_line, probe, refuse
from optlab.learning.batches import batches, fed
from optlab.learning.data import Augmentation, Examples
from optlab.learning.losses import PADDING, Loss
from optlab.learning.randomness import forked, held

# Examples of the test set that starts are evaluated on.
_FEW = 16


def describe(
    starts: Starts,
    data: Examples,
    loss: Loss,
    batch_size: int,
    drop_last: bool,
    augment: Augmentation | None,
) -> Kind:
    """How a network is trained in a grid, tried for a few steps of every seed.

    Raises ValueError in one line where its runs would not be those of runs alone.
    """
    network = starts.networks[0]
    params = {n: p.detach() for n, p in network.named_parameters() if p.requires_grad}
    _check_tensors(params, data)
    with held():
        tried = [
            _first_batches(data, batch_size, drop_last, augment, seed, i == 0)
            for i, seed in enumerate(starts.seeds)
        ]
        kind = _kind(starts, params, data, loss, batch_size, tried[0])
        _compare(kind, tried, data.x_test[:_FEW])
    return kind


def _check_tensors(params: dict[str, torch.Tensor], data: Examples) -> None:
    if not params:
        raise ValueError("the model has no parameters that require gradients")
    first = next(iter(params.values()))
    if any((p.device, p.dtype) != (first.device, first.dtype) for p in params.values()):
        raise ValueError("the model's parameters must be of one dtype and on one device")
    if first.is_complex():
        raise ValueError("the model's parameters are complex: give torch.view_as_real of them")
    for name in ("x_train", "x_test"):
        x = getattr(data, name)
        if x.device != first.device or (x.is_floating_point() and x.dtype != first.dtype):
            raise ValueError(
                f"{name} is {x.dtype} on {x.device}, the model {first.dtype} on {first.device}: "
                "make both alike"
            )


def _first_batches(
    data: Examples,
    batch_size: int,
    drop_last: bool,
    augment: Augmentation | None,
    seed: int,
    check: bool,
) -> list[alone.Batch]:
    """The first two mini-batches of a seed; with `check`, an augmentation is looked at, too, and
    the last batch of an epoch is there, if it is smaller."""
    n, generators = len(data.y_train), [torch.Generator().manual_seed(seed)]
    if check and augment is not None:
        first = next(batches(n, batch_size, 1, [seed], drop_last))[0]
        alone.check_augmentation(augment, data.x_train[first])
    order = batches(n, batch_size, 2, generators, drop_last)
    found = [(x[0], y[0]) for x, y in fed(data, order, generators, augment)]
    rest = len(data.y_train) % batch_size
    if check and rest and not drop_last:
        x, y = found[0]
        found.append((x[:rest], y[:rest]))
    return found


def _kind(
    starts: Starts,
    params: dict[str, torch.Tensor],
    data: Examples,
    loss: Loss,
    batch_size: int,
    tried: Sequence[alone.Batch],
) -> Kind:
    network, model = starts.networks[0], starts.again[0]
    complaints: list[str] = []
    few = data.x_test[:_FEW]
    habits = alone.habits(model, starts.fresh(0), loss, tried, few, complaints.append)
    separate = _reason(network) or habits.buffers or ""
    if not separate:
        refuse(network)
        x, y = tried[0]
        probe(starts.fresh(0), loss, x[:4], y[:4])
    if complaints:
        raise ValueError(complaints[0])
    if habits.draws and not separate:
        raise ValueError(
            f"{type(network).__name__} or its loss draws random numbers, which would differ from "
            "those of a run alone: take them out"
        )
    labels = all(y.dim() == 1 and bool((y != PADDING).all()) for y in (data.y_train, data.y_test))
    separate = separate or habits.own or ""
    plain = layers(network) if loss is cross_entropy and labels and not separate else None
    piece = batch_size * -(-engine._PIECE // batch_size)
    kind = Kind(starts, starts.fresh(0), params, plain, loss, piece)
    kind = replace(kind, separate=separate, kept=habits.buffers or habits.own or "")
    if plain is not None:
        # A normalization keeps as much again as the values and the slopes of its layer.
        wide = sum(layer.outputs * (1 if layer.eps is None else 2) for layer in plain)
        elements = (2 * batch_size + piece) * wide + 4 * piece * plain[-1].outputs
        size = next(iter(params.values())).element_size()
        return replace(kind, activations=elements * size)
    kept, flops = _work(model, loss, tried[0])
    return replace(kind, activations=(3 + piece // batch_size) * kept, flops=3 * flops)


def _work(model: nn.Module, loss: Loss, batch: alone.Batch) -> tuple[int, int]:
    """Bytes that are kept for the gradient of a batch, and operations of its loss."""
    from torch.utils.flop_counter import FlopCounterMode

    x, y = batch

    def forward() -> torch.Tensor:
        return loss(model(x), y)

    with forked(x.device), FlopCounterMode(display=False) as counter:
        known = [x, y, *model.parameters()]
        kept, _ = attempt(lambda: memory.saved_for_backward(forward, known))
    return kept, counter.get_total_flops()


def _reason(network: nn.Module) -> str:
    """Why runs must have networks of their own: statistics, or what torch.func leaves out."""
    if keeps_statistics(network):
        return "running statistics"
    everywhere = [x for n, x in vars(nn.modules.module).items() if n.startswith("_global_")]
    if any(hooks for hooks in everywhere if isinstance(hooks, dict)):
        return "hooks of all modules"
    for name, module in network.named_modules():
        if isinstance(module, torch.jit.ScriptModule):
            return f"{name}, which torch.jit made"
        if module._backward_hooks or module._backward_pre_hooks:
            return f"the backward hook of {name}"
    for name, p in network.named_parameters():
        if p._backward_hooks or p._post_accumulate_grad_hooks:
            return f"the hook of {name}"
    return ""


def _compare(kind: Kind, tried: Sequence[Sequence[alone.Batch]], x_test: torch.Tensor) -> None:
    """Try each seed's first steps alone and as two runs of a grid; make `kind` one of which these
    are the same. Raises ValueError if there is none."""
    starts = kind.starts
    trials = []
    for i, seed in enumerate(starts.seeds):
        network = starts.again[i] if i else starts.fresh(0)  # the first has been looked at
        trials.append(alone.train(network, seed, tried[i], kind.loss, x_test))
    starts.again.clear()
    kind.unused = trials[0].unused
    for seed, trial in zip(starts.seeds, trials, strict=True):
        if other := trial.unused ^ kind.unused:
            raise ValueError(
                f"{min(other)} is used with seed {starts.seeds[0]} or with seed {seed}, and not "
                "with both: train them in grids of their own"
            )
    # A batch is computed by one network, with the parameters and buffers of each seed.
    kind.separate = kind.separate or _constant_of_a_seed(starts)
    if not kind.separate:
        try:
            found = next(_differences(kind, trials, tried, x_test), None)
        except Exception as error:
            found = first_line(error)
        kind.model = starts.fresh(0)
        kind.separate = found or ""
        if not found:
            return
    try:
        found = next(_differences(kind, trials, tried, x_test), None)
    except Exception as error:
        raise ValueError(
            f"{type(kind.model).__name__} cannot be trained in a grid, in which each run has "
            f"another copy of it: {first_line(error)}"
        ) from error
    if found:
        raise ValueError(
            f"{found} in a grid is not that of a run alone, and may depend on what runs share, or "
            f"differ from call to call: let {type(kind.model).__name__} and its loss depend on "
            "parameters, buffers and inputs alone"
        )


def _constant_of_a_seed(starts: Starts) -> str:
    """Something that differs from seed to seed and is no parameter or buffer; empty if nothing."""
    first = starts.networks[0]
    stacked = {id(x) for x in (*first.parameters(), *first.buffers())}
    if len(set(map(id, starts.networks))) > 1:
        kept = reach(network=first)
        for other in starts.networks[1:]:
            for place in kept.changed(reach(network=other)):
                if stacked.isdisjoint(kept.held_by.get(place, ())):
                    return place.removeprefix("network.")
    return ""


def _differences(
    kind: Kind,
    trials: Sequence[alone.Trial],
    tried: Sequence[Sequence[alone.Batch]],
    x_test: torch.Tensor,
) -> Iterator[str]:
    """What differs between runs alone and in a grid, of the first seed with a difference on."""
    for i, trial in enumerate(trials):
        with torch.no_grad():
            two = kind.engine([i], 2)
            params = dict(zip(kind.params, two.params, strict=True))
            together = stepped(
                two.losses, two.copies.outputs, params, two.grads, tried[i], x_test, trial
            )
        if (found := difference(trial, together)) is not None:
            yield found
