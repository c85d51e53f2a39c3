"""How long a step of each of our optimizers takes beside the others.

`steps` has one contest for each algorithm, one after another; here all take turns, so that
their times can be divided by each other.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch

import optlab
from optlab.bench import saving, steps

UNIT = "SGD"


@dataclass
class Row:
    """ratio: the time of a step, divided by that of SGD with momentum."""

    algorithm: str
    ms: float
    ratio: float


def run(device: str, rounds: int) -> Iterator[Row | dict[str, Any]]:
    """First the conditions of the run, then a Row for each algorithm."""
    place, shapes = torch.device(device), steps.transformer()
    yield {
        "device": torch.cuda.get_device_name() if place.type == "cuda" else device,
        "threads": torch.get_num_threads(),
        "torch": torch.__version__,
        "optlab": optlab.__version__,
        "parameters": sum(torch.Size(shape).numel() for shape in shapes),
        "dtype": "float32",
        "execution": "compiled",
        "rounds": rounds,
    }
    ours = {
        name: steps.our_step(contest, shapes, place, "compiled")
        for name, contest in steps.CONTESTS.items()
    }
    seconds = steps.medians(ours, rounds, place)
    for name, s in seconds.items():
        yield Row(name, 1e3 * s, s / seconds[UNIT])


def recorded() -> tuple[dict[str, float], dict[str, Any]] | None:
    """The ratio of each algorithm and the conditions of the run that the book shows, or None:
    of those recorded on a CPU the newest."""
    for bench in saving.recorded("together"):
        if bench.conditions["device"] == "cpu":
            return {row.algorithm: row.ratio for row in bench.rows}, bench.conditions
    return None


def table(row: Row) -> str:
    """A row as text."""
    return f"{row.algorithm:10}{row.ms:9.3f} ms  × {row.ratio:.2f} of {UNIT}"


def plot(rows: list[Row], path: Path) -> None:
    """A bar for each algorithm."""
    from matplotlib.figure import Figure

    figure = Figure(figsize=(6, 4), layout="constrained")
    ax = figure.add_subplot()
    ax.barh([row.algorithm for row in rows], [row.ratio for row in rows])
    ax.axvline(1, color="black", linewidth=1)
    ax.set(xlabel=f"time of a step / {UNIT}'s")
    figure.savefig(path)
