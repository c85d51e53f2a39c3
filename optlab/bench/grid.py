"""How fast a grid of configurations trains as one batch, against as many runs in a loop.

The loop is what one writes without a grid: a network, torch's fused AdamW, mini-batches, K times.
Both sides take turns within one run and do the same work: the same updates, the same
evaluations, all that has to be set up included (but not the first compilation).
"""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from torch import nn
from torch.nn.functional import cross_entropy

from optlab import rules
from optlab.experiments import Data, cnn, digits, mlp
from optlab.grid import train_grid

BATCH = 128
ADAMW = {"beta1": 0.9, "beta2": 0.999, "eps": 1e-8}


@dataclass
class Row:
    """One network and number K of configurations: milliseconds of one update of all K, in the
    grid and in the loop (medians, and minima), and the ratio of the medians."""

    network: str
    configurations: int
    execution: str
    grid_ms: float
    loop_ms: float
    least_grid_ms: float
    least_loop_ms: float
    ratio: float = 0.0

    def __post_init__(self) -> None:
        self.ratio = self.loop_ms / self.grid_ms


def networks(device: str) -> dict[str, tuple[Callable[[int], nn.Module], Data, int]]:
    """By name: a function seed -> network, its data, and updates of one measurement."""
    data = digits(dtype=torch.float32, device=device)
    kind: dict[str, Any] = {"dtype": torch.float32, "device": device}
    return {
        "digits 64-64-10": (lambda seed: mlp([64, 64, 10], seed=seed, **kind), data, 200),
        "small CNN": (
            lambda seed: cnn((1, 8, 8), 10, widths=(8, 16), seed=seed, **kind),
            data.shaped(1, 8, 8),
            40,
        ),
    }


def run(
    device: str = "cpu",
    rounds: int = 5,
    configurations: tuple[int, ...] = (1, 7, 16, 49, 196),
    execution: str = "auto",
) -> Iterator[Row | dict[str, Any]]:
    """First the conditions of the run, then a Row for each network and number of configurations."""
    yield {"device": device, "threads": torch.get_num_threads(), "torch": torch.__version__}
    for name, (make, data, steps) in networks(device).items():
        for count in configurations:
            yield contest(name, make, data, steps, count, rounds, execution)


def contest(
    name: str,
    make: Callable[[int], nn.Module],
    data: Data,
    steps: int,
    count: int,
    rounds: int,
    execution: str = "auto",
) -> Row:
    """Time `count` configurations of AdamW, and as many runs of torch's fused AdamW."""
    rates = [1e-3 * (1 + k / count) for k in range(count)]
    how = ""

    def grid() -> None:
        nonlocal how
        how = train_grid(
            make,
            data,
            rules.with_decay(rules.adam),
            {"lr": rates, "weight_decay": 0.01, **ADAMW},
            steps=steps,
            batch_size=BATCH,
            record=steps,
            train_loss=False,
            execution=execution,
            progress=False,
        ).execution

    def loop() -> None:
        # All runs of the loop are the same work: one is timed, and counted `count` times.
        _alone(make(0), data, rates[0], steps)

    grid()
    loop()
    times: dict[str, list[float]] = {"grid": [], "loop": []}
    for _ in range(rounds):
        times["grid"].append(_seconds(grid))
        times["loop"].append(count * _seconds(loop))
    ms = {k: [1e3 * t / steps for t in ts] for k, ts in times.items()}
    middle = {k: statistics.median(ts) for k, ts in ms.items()}
    return Row(name, count, how, middle["grid"], middle["loop"], min(ms["grid"]), min(ms["loop"]))


def _alone(model: nn.Module, data: Data, lr: float, steps: int) -> None:
    optimizer = torch.optim.AdamW(model.parameters(), lr=lr, fused=True)
    generator = torch.Generator().manual_seed(0)
    _look(model, data)
    done = 0
    while done < steps:
        for batch in torch.randperm(len(data.y_train), generator=generator).split(BATCH):
            if done == steps:
                break
            examples = batch.to(data.x_train.device)
            optimizer.zero_grad()
            cross_entropy(model(data.x_train[examples]), data.y_train[examples]).backward()
            optimizer.step()
            done += 1
    _look(model, data)


@torch.no_grad()
def _look(model: nn.Module, data: Data) -> float:
    outputs = model(data.x_test)
    error = (outputs.argmax(1) != data.y_test).double().mean()
    return float(cross_entropy(outputs, data.y_test) + error)


def _seconds(function: Callable[[], None]) -> float:
    begin = time.perf_counter()
    function()
    if torch.cuda.is_available():
        torch.cuda.synchronize()
    return time.perf_counter() - begin


def table(row: Row) -> str:
    """A row as text."""
    return (
        f"{row.network:16} K = {row.configurations:4d}  {row.execution:9}"
        f"grid {row.grid_ms:9.3f} ms  loop {row.loop_ms:9.3f} ms  × {row.ratio:.1f}"
        f"  (of minima × {row.least_loop_ms / row.least_grid_ms:.1f})"
    )


def plot(rows: list[Row], path: Path) -> None:
    """How many times faster than a loop, against the number of configurations."""
    from matplotlib.figure import Figure

    figure = Figure(figsize=(6, 4), layout="constrained")
    ax = figure.add_subplot()
    for name in dict.fromkeys(row.network for row in rows):
        mine = [row for row in rows if row.network == name]
        ax.plot([r.configurations for r in mine], [r.ratio for r in mine], "o-", label=name)
    ax.axhline(1, color="black", linewidth=1)
    ax.set_xscale("log", base=2)
    ax.set_yscale("log", base=2)
    ax.set(xlabel="configurations K", ylabel="time of K runs in a loop / time of the grid")
    ax.legend()
    figure.savefig(path)
