"""The training loop of the empirical chapters."""

from __future__ import annotations

from collections.abc import Collection, Iterator
from pathlib import Path

import torch
from torch import nn
from tqdm import tqdm

from optlab.experiments.checkpoints import Checkpoint
from optlab.experiments.run import Run
from optlab.experiments.shares import Share
from optlab.learning.batches import batches, steps_per_epoch
from optlab.learning.data import Augmentation, Data
from optlab.learning.randomness import forked
from optlab.schedules import LRScheduler
from optlab.seeds import checked

AT_ONCE = 2000  # examples in one evaluation
WHOLE = Share()


def train(
    model: nn.Module,
    data: Data,
    optimizer: torch.optim.Optimizer,
    *,
    epochs: int,
    batch_size: int,
    seed: int,
    scheduler: LRScheduler | None = None,
    augment: Augmentation | None = None,
    autocast: torch.dtype | None = None,
    predict_at: Collection[int] = (),
    checkpoint: Path | str | None = None,
    checkpoint_every: int = 1,
    progress: bool | None = None,
    share: Share = WHOLE,
) -> Run:
    """Train `model` in place on shuffled mini-batches.

    Args:
        model: trained where it is; torch's global generators are left as they were.
        data: on the model's device and in its precision.
        optimizer: of the model's parameters.
        epochs: passes over the training set.
        batch_size: examples in a mini-batch; the last of an epoch may be smaller.
        seed: of the order of the batches, of augmentation, and of what the model draws (dropout).
        scheduler: stepped after every update.
        augment: applied to the inputs of every batch; None is that of the data.
        autocast: torch.bfloat16 for mixed precision; parameters and losses keep their precision.
        predict_at: epochs after which the class probabilities of the test set are kept.
        checkpoint: a file, written every `checkpoint_every` epochs and at the end. If it exists,
            the run goes on from there, with the same bits as one that was not interrupted,
            provided that model, data and optimizer are made as they were; a longer `epochs` is a
            longer run.
        progress: a bar on stderr; None shows it in a terminal.
        share: what this process does of the work, where several train the model together. Each
            calls `train` with the same arguments, the whole data and its own share, and a model
            that averages gradients over the processes, as DistributedDataParallel and
            `fully_shard` do. The numbers are those of one process, to rounding, if the model
            draws nothing and keeps no statistics of its batches.

    Raises:
        ValueError: one line, if the seed is none, data and model differ in device or precision,
            the checkpoint is damaged or of another run, or one is asked for by several processes.
    """
    seed = checked(seed)
    augment = data.augment if augment is None else augment
    parameter = next(model.parameters())
    _check(data, parameter, autocast)
    if share.world > 1 and (checkpoint is not None or predict_at):
        raise ValueError("checkpoint and predict_at are for one process: leave them out")
    generator = torch.Generator().manual_seed(seed)
    run = Run([], [])
    kept = None if checkpoint is None else Checkpoint(Path(checkpoint), model, optimizer, scheduler)
    made_with = {
        "seed": seed,
        "batch_size": batch_size,
        "examples": len(data.y_train),
        "autocast": str(autocast),
        "augment": str(getattr(augment, "__qualname__", augment)),
        "predict_at": sorted(e for e in predict_at),
    }
    hidden = None if progress is None else not progress  # None: shown in a terminal
    was_training = model.training
    with forked(parameter.device):
        torch.manual_seed(seed)
        done = kept.load(made_with, generator, run) if kept else 0
        if done > epochs + 1:
            raise ValueError(f"{checkpoint} has {done - 1} epochs already, and {epochs} are asked")
        left, total = range(done, epochs + 1), epochs + 1
        bar = tqdm(left, disable=hidden, unit="epoch", initial=done, total=total)
        for epoch in bar:
            if epoch > 0:
                _epoch(
                    model,
                    data,
                    optimizer,
                    scheduler,
                    augment,
                    autocast,
                    batch_size,
                    generator,
                    share,
                )
            loss, error, predicted = _evaluate(model, data, autocast, epoch in predict_at, share)
            run.loss.append(loss)
            run.error.append(error)
            if predicted is not None:
                run.predictions[epoch] = predicted
            bar.set_postfix(loss=f"{loss:.4f}", error=f"{error:.4f}")
            if kept and (epoch % checkpoint_every == 0 or epoch == epochs):
                kept.save(made_with, generator, run)
    model.train(was_training)
    return run


def _check(data: Data, parameter: nn.Parameter, autocast: torch.dtype | None) -> None:
    x = data.x_train
    if x.device != parameter.device:
        raise ValueError(
            f"the data are on {x.device} and the model on {parameter.device}: give both one device"
        )
    if x.dtype != parameter.dtype:
        raise ValueError(
            f"the data are {x.dtype} and the model {parameter.dtype}: give both one dtype"
        )
    if autocast not in (None, torch.bfloat16):
        raise ValueError(f"autocast must be None or torch.bfloat16; got {autocast}")


def _epoch(
    model: nn.Module,
    data: Data,
    optimizer: torch.optim.Optimizer,
    scheduler: LRScheduler | None,
    augment: Augmentation | None,
    autocast: torch.dtype | None,
    batch_size: int,
    generator: torch.Generator,
    share: Share,
) -> None:
    model.train()
    device = data.x_train.device
    n = len(data.y_train)
    order = batches(n, batch_size, steps_per_epoch(n, batch_size), [generator])
    for (batch,) in order:
        examples = batch.to(device, non_blocking=True)
        x, y = data.x_train[examples], data.y_train[examples]
        if augment is not None:
            x = augment(x, generator)
        optimizer.zero_grad()
        with torch.autocast(device.type, dtype=autocast, enabled=autocast is not None):
            loss = share.loss(model(share.of(x)), share.of(y), len(y))
        loss.backward()
        optimizer.step()
        if scheduler is not None:
            scheduler.step()


@torch.no_grad()
def _evaluate(
    model: nn.Module, data: Data, autocast: torch.dtype | None, predict: bool, share: Share
) -> tuple[float, float, torch.Tensor | None]:
    model.eval()

    def logits(x: torch.Tensor) -> Iterator[torch.Tensor]:
        for part in x.split(AT_ONCE):  # first, so that all processes call the model as often
            with torch.autocast(x.device.type, dtype=autocast, enabled=autocast is not None):
                yield model(share.of(part)).to(x.dtype)

    train, test = data.y_train.split(AT_ONCE), data.y_test.split(AT_ONCE)
    loss = sum(
        float(share.loss(z, share.of(y), len(y))) * (len(y) / len(data.y_train))
        for z, y in zip(logits(data.x_train), train, strict=True)
    )
    z = torch.cat(list(logits(data.x_test)))
    wrong = z.argmax(1) != torch.cat([share.of(y) for y in test])
    loss, error = share.mean(loss, float(wrong.sum()) * share.world / len(data.y_test))
    return loss, error, z.softmax(1).cpu() if predict else None
