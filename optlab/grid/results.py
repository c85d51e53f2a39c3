"""What a grid leaves behind: curves and snapshots of every run, and tables over seeds."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any

import torch

from optlab.learning.intervals import half_width

CURVES = ("loss", "error", "test_loss", "batch_loss")


@dataclass(frozen=True)
class Table:
    """Columns of one length, by name."""

    columns: dict[str, list[Any]]

    def __len__(self) -> int:
        return len(next(iter(self.columns.values())))

    def __getitem__(self, name: str) -> list[Any]:
        return self.columns[name]

    def rows(self) -> Iterator[dict[str, Any]]:
        """One dictionary for each row."""
        for values in zip(*self.columns.values(), strict=True):
            yield dict(zip(self.columns, values, strict=True))

    def sorted(self, by: str) -> Table:
        """The rows from the lowest of a column to the highest, NaN last."""
        values = self.columns[by]
        order = sorted(range(len(self)), key=lambda i: (values[i] != values[i], values[i]))
        return Table({name: [xs[i] for i in order] for name, xs in self.columns.items()})

    def __str__(self) -> str:
        text = {name: [name, *map(_cell, xs)] for name, xs in self.columns.items()}
        wide = {name: max(map(len, cells)) for name, cells in text.items()}
        lines = zip(*([c.rjust(wide[n]) for c in cells] for n, cells in text.items()), strict=True)
        return "\n".join("  ".join(line) for line in lines)


def _cell(x: Any) -> str:
    return f"{x:.4g}" if isinstance(x, float) else str(x)


@dataclass(frozen=True)
class Best:
    """The configuration with the lowest mean over seeds.

    Attributes:
        configuration: its values.
        value: the mean.
        edges: the axes of three values or more of whose numbers it has the least or the greatest:
            the best may lie beyond.
        ties: the other configurations with the same mean.
    """

    configuration: dict[str, Any]
    value: float
    edges: tuple[str, ...]
    ties: tuple[dict[str, Any], ...]

    def __str__(self) -> str:
        return ", ".join(f"{name}={_cell(x)}" for name, x in self.configuration.items())


@dataclass(frozen=True)
class GridRun:
    """Every run of a grid: K configurations times S seeds.

    Attributes:
        axes: the names that vary and their values, in the order of the grid; of schedules, labels.
        configurations: the K combinations, the last axis fastest.
        seeds: the S seeds.
        at: the numbers of updates at which curves were recorded, R of them.
        loss, error, test_loss: K × S × R on the CPU, float64: the loss on the whole training set
            (NaN where it was not asked for), and on the test set the fraction of targets
            misclassified (NaN where targets are no classes) and the loss. A run that diverges is
            NaN from there on.
        batch_loss: K × S × steps: the loss on mini-batch 1, 2, …, before its update.
        snapshots: by number of updates, the parameters by name, each K × S × shape, on the CPU.
        bytes, chunks: memory predicted for the largest chunk, and how many there were.
        execution: what was run, "plain" or "compiled".
    """

    axes: dict[str, list[Any]]
    configurations: list[dict[str, Any]]
    seeds: tuple[int, ...]
    at: tuple[int, ...]
    loss: torch.Tensor
    error: torch.Tensor
    test_loss: torch.Tensor
    batch_loss: torch.Tensor
    snapshots: dict[int, dict[str, torch.Tensor]]
    bytes: int
    chunks: int
    execution: str
    _predict: Callable[[dict[str, torch.Tensor], torch.Tensor], torch.Tensor] = field(repr=False)

    def grid(self, curve: str = "error", at: int | str = -1) -> torch.Tensor:
        """One number for each run, in the shape of the grid: (length of each axis) × S.

        Args:
            curve: "loss", "error", "test_loss" or "batch_loss".
            at: the place in the curve, -1 the last; "best" the lowest of the curve, NaN if the
                run diverged; or "mean" of the curve.
        """
        if curve not in CURVES:
            raise ValueError(f"there is no curve {curve!r}; choose from {', '.join(CURVES)}")
        values: torch.Tensor = getattr(self, curve)
        if at == "best":
            chosen = values.amin(-1)
        elif at == "mean":
            chosen = values.mean(-1)
        elif isinstance(at, int):
            chosen = values[..., at]
        else:
            raise ValueError(f'at must be a place in the curve, "best" or "mean"; got {at!r}')
        return chosen.view(*map(len, self.axes.values()), len(self.seeds))

    def table(self, at: int | str = -1, level: float = 0.95) -> Table:
        """One row for each configuration: what varies, and mean and interval over seeds.

        The columns of a curve c are c, c_low, c_high: Student's t interval at `level`, NaN for
        a single seed; all three are NaN if a seed diverged, and `diverged` says how many did.
        """
        names = list(self.axes)
        if names == ["configuration"]:
            names = list(dict.fromkeys(n for row in self.configurations for n in row))
        columns: dict[str, list[Any]] = {
            name: [row.get(name) for row in self.configurations] for name in names
        }
        for curve in ("loss", "error", "test_loss"):
            values = self.grid(curve, at).view(len(self.configurations), -1)
            mean, half = values.mean(-1), half_width(values, level)
            columns[curve] = mean.tolist()
            columns[f"{curve}_low"] = (mean - half).tolist()
            columns[f"{curve}_high"] = (mean + half).tolist()
        columns["diverged"] = self.test_loss[..., -1].isnan().sum(-1).tolist()
        return Table(columns)

    def best(self, curve: str = "error", at: int | str = -1) -> Best:
        """The configuration with the lowest mean over seeds, of those of which no seed diverged.

        Of several with the same mean it is the first; `ties` has the others.

        Raises:
            ValueError: of each configuration some seed diverged, or the curve was not recorded.
        """
        means = self.grid(curve, at).reshape(len(self.configurations), -1).mean(-1)
        if bool(means.isnan().all()):
            raise ValueError(
                f"no configuration has a {curve}: each diverged, or it is not recorded"
            )
        lowest = means[~means.isnan()].min()
        first, *others = (means == lowest).nonzero().flatten().tolist()
        chosen = self.configurations[first]
        return Best(
            chosen,
            float(lowest),
            tuple(name for name in chosen if self._at_end(name, chosen[name])),
            tuple(self.configurations[k] for k in others),
        )

    def _at_end(self, name: str, value: Any) -> bool:
        tried = {row[name] for row in self.configurations if name in row}
        numbers = {x for x in tried if isinstance(x, int | float) and not isinstance(x, bool)}
        return len(numbers) > 2 and value in (min(numbers), max(numbers))

    def runs(self, at: int | str = -1) -> Table:
        """One row for each run: what varies, seed, loss, error, test_loss."""
        names = [n for n in self.axes if n != "configuration"] or list(self.configurations[0])
        rows = [(row, seed) for row in self.configurations for seed in self.seeds]
        columns = {name: [row.get(name) for row, _ in rows] for name in names}
        columns["seed"] = [seed for _, seed in rows]
        for curve in ("loss", "error", "test_loss"):
            columns[curve] = self.grid(curve, at).flatten().tolist()
        return Table(columns)

    def outputs(self, x: torch.Tensor, at: int) -> torch.Tensor:
        """Outputs of every run's snapshot after `at` updates on examples x: K × S × n × …."""
        if at not in self.snapshots:
            known = ", ".join(map(str, self.snapshots)) or "none"
            raise ValueError(f"there is no snapshot at {at}; name it in snapshots= (here: {known})")
        params = {n: p.flatten(0, 1) for n, p in self.snapshots[at].items()}
        k, s = len(self.configurations), len(self.seeds)
        outputs = self._predict(params, x)
        return outputs.view(k, s, *outputs.shape[1:])

    def state_dict(self, configuration: int, seed: int, at: int) -> dict[str, torch.Tensor]:
        """The parameters of one run's snapshot, for `model.load_state_dict`."""
        s = self.seeds.index(seed)
        return {n: p[configuration, s].clone() for n, p in self.snapshots[at].items()}
