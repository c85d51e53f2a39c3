"""One batch size of the experiments of chapters 9 and 10, shared by several processes::

    torchrun --nproc-per-node 2 -m optlab.experiments.parallel LARS --batch-size 512

Up to rounding, the numbers are those of one process, and of `experiments.batch_scaling`.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import click
import torch
from torch import distributed, nn
from torch.distributed.device_mesh import init_device_mesh
from torch.distributed.fsdp import fully_shard

import optlab
from optlab.experiments.batch_scaling import Scaling
from optlab.experiments.run import Run
from optlab.experiments.scales import SCALES, settings
from optlab.experiments.scales.c09_lars import Settings
from optlab.experiments.scales.task import TRAINING
from optlab.experiments.shares import Share
from optlab.experiments.training import train
from optlab.learning.batches import steps_per_epoch
from optlab.schedules import LRScheduler

CHAPTERS = {
    "SGD": "09-lars",
    "LARS": "09-lars",
    "Adam": "10-lamb",
    "AdamW": "10-lamb",
    "LAMB": "10-lamb",
}
STRATEGIES = ("ddp", "fsdp2")


@click.command(context_settings={"help_option_names": ["-h", "--help"]})
@click.argument("optimizers", type=click.Choice(list(CHAPTERS)), nargs=-1, required=True)
@click.option("--batch-size", type=click.IntRange(1), required=True, help="Of all processes.")
@click.option(
    "--lr",
    type=click.FloatRange(0, min_open=True),
    help="Largest rate, at the smallest batch of the chapter. Default: each of the chapter's.",
)
@click.option(
    "--power",
    type=click.FloatRange(0, 1),
    default=0.0,
    show_default=True,
    help="How the rate grows with the batch: 1 in proportion, 0.5 as its root, 0 not at all.",
)
@click.option(
    "--warmup",
    type=click.FloatRange(0, 0.9),
    help="Share of the updates in which the rate rises. Default: the chapter's.",
)
@click.option("--strategy", type=click.Choice(STRATEGIES), default="ddp", show_default=True)
@click.option("--scale", type=click.Choice(SCALES), default="ci", show_default=True)
@click.option("--seed", type=click.IntRange(0), default=0, show_default=True)
@click.option("--device", type=click.Choice(["cpu", "cuda"]), default="cpu", show_default=True)
def main(
    optimizers: tuple[str, ...],
    batch_size: int,
    lr: float | None,
    power: float,
    warmup: float | None,
    strategy: str,
    scale: str,
    seed: int,
    device: str,
) -> None:
    """Train with OPTIMIZERS on mini-batches of one size, and print the error for each rate.

    Under torchrun, its processes share every mini-batch; otherwise one does the work.
    """
    _check(batch_size, scale, device)
    with processes(device) as (share, place):
        how = f"{share.world} processes, {strategy}" if share.world > 1 else "1 process"
        for optimizer in optimizers:
            chapter = _settings(optimizer, scale)
            task, rising = chapter.task, chapter.warmup if warmup is None else warmup
            if share.rank == 0:
                click.echo(f"{optimizer}, batches of {batch_size}, {chapter.epochs} epochs, {how}")
            for rate in chapter.rates[optimizer.lower()] if lr is None else [lr]:
                scaling = Scaling(rate, power, rising)
                found = run(chapter, optimizer, scaling, batch_size, seed, strategy, share, place)
                if share.rank == 0:
                    click.echo(
                        f"rate {scaling.rate(batch_size, task.batch_size):.4g}: training loss "
                        f"{found.loss[-1]:.8f}, test error {100 * found.error[-1]:.2f} percent"
                    )


def run(
    chapter: Settings,
    optimizer: str,
    scaling: Scaling,
    batch_size: int,
    seed: int,
    strategy: str,
    share: Share,
    place: torch.device,
) -> Run:
    """This process's part of one run."""
    task = chapter.task
    data, model = task.data(place), task.model(seed, place)
    if share.world > 1:
        model = spread(model, strategy, place)
    made = getattr(optlab, optimizer)(
        model.parameters(),
        lr=scaling.rate(batch_size, task.batch_size),
        **_hyperparameters(optimizer, chapter),
    )
    steps = chapter.epochs * steps_per_epoch(len(data.y_train), batch_size)
    return train(
        model,
        data,
        made,
        epochs=chapter.epochs,
        batch_size=batch_size,
        seed=seed,
        scheduler=LRScheduler(made, scaling.schedule(steps)),
        progress=False,
        share=share,
    )


@contextmanager
def processes(device: str) -> Iterator[tuple[Share, torch.device]]:
    """This process's share of the work, and its device, as torchrun started it; the whole of
    it where torchrun did not. gloo joins the processes on CPUs, NCCL those on GPUs."""
    place = torch.device(device)
    if "WORLD_SIZE" not in os.environ:
        yield Share(), place
        return
    if device == "cuda":
        place = torch.device(device, int(os.environ["LOCAL_RANK"]))
        torch.cuda.set_device(place)
    distributed.init_process_group("nccl" if device == "cuda" else "gloo")
    try:
        yield Share(distributed.get_rank(), distributed.get_world_size()), place
    finally:
        distributed.destroy_process_group()


def spread(model: nn.Module, strategy: str, place: torch.device) -> nn.Module:
    """The model, such that its gradients are averaged over the processes.

    "ddp": every process keeps the whole model. "fsdp2": each keeps a part of every parameter,
    of its gradient, and so of the optimizer's state; make the optimizer after it.
    """
    if strategy == "ddp":
        return nn.parallel.DistributedDataParallel(model)
    fully_shard(model, mesh=init_device_mesh(place.type, (distributed.get_world_size(),)))
    return model


def _hyperparameters(optimizer: str, chapter: Settings) -> dict[str, Any]:
    """The chapter's, as torch's arguments; what is not here is the class's default."""
    own = {"momentum": chapter.momentum} if optimizer in ("SGD", "LARS") else {"eps": 1e-6}
    decay = {} if optimizer == "Adam" else {"weight_decay": chapter.weight_decay}
    return {**own, **decay}


def _settings(optimizer: str, scale: str) -> Settings:
    found = settings(CHAPTERS[optimizer], scale)
    assert isinstance(found, Settings)
    return found


def _check(batch_size: int, scale: str, device: str) -> None:
    """Refuse in one line what cannot be run, before any work."""
    task = _settings("LARS", scale).task
    examples = task.examples or TRAINING[task.dataset]
    if batch_size > examples:
        raise click.UsageError(f"--batch-size {batch_size}: give at most {examples}, all examples")
    here = int(os.environ.get("LOCAL_WORLD_SIZE", 1))
    if device == "cuda" and torch.cuda.device_count() < here:
        raise click.UsageError(
            f"--device cuda: {here} processes need as many GPUs, and there are "
            f"{torch.cuda.device_count()}: lower --nproc-per-node, or give --device cpu"
        )


def command(main: Callable[..., Any]) -> int:
    """Run a command; what is wrong with its arguments is said once, in one line."""
    try:
        main(standalone_mode=False)
    except click.ClickException as error:
        if int(os.environ.get("RANK", 0)) == 0:
            click.echo(error.format_message(), err=True)
        return error.exit_code
    return 0


if __name__ == "__main__":
    sys.exit(command(main))
