"""The two tables of Loshchilov and Hutter (2017, SGDR) that the deck shows, as data."""

from __future__ import annotations

import csv
from collections.abc import Iterator
from dataclasses import dataclass
from importlib.resources import files


@dataclass(frozen=True)
class TestError:
    """A row of the table of networks: test errors in percent, None where none was reported.

    depth and k: of a wide network, WRN-depth-k; k is None for the others.
    eta_0: initial rate of the default schedule, T_0 and T_mult: those of SGDR, in epochs; each
    for the authors' own runs alone. millions: of parameters.
    statistic: "mean", "median" or "single", over that many runs.
    """

    __test__ = False  # not what pytest takes it for

    network: str
    dropout: bool
    depth: int
    k: int | None
    eta_0: float | None
    T_0: int | None
    T_mult: int | None
    millions: float
    statistic: str
    runs: int
    cifar10: float | None
    cifar100: float | None


@dataclass(frozen=True)
class EnsembleError:
    """A row of the table of ensembles: median test errors in percent of `runs` runs of
    WRN-28-10 with `snapshots` snapshots each."""

    runs: int
    snapshots: int
    cifar10: float
    cifar100: float


def sgdr_errors() -> list[TestError]:
    """The 24 rows of the table of networks, in its order."""
    return [
        TestError(
            network=row["network"],
            dropout=row["dropout"] == "yes",
            depth=int(row["depth"]),
            k=int(row["k"]) if row["k"] else None,
            eta_0=_number(row["eta_0"]),
            T_0=int(row["T_0"]) if row["T_0"] else None,
            T_mult=int(row["T_mult"]) if row["T_mult"] else None,
            millions=float(row["millions"]),
            statistic=row["statistic"],
            runs=int(row["runs"]),
            cifar10=_number(row["cifar10"]),
            cifar100=_number(row["cifar100"]),
        )
        for row in _rows("sgdr.csv")
    ]


def ensemble_errors() -> list[EnsembleError]:
    """The 4 rows of the table of ensembles, in its order."""
    return [
        EnsembleError(
            int(row["runs"]), int(row["snapshots"]), float(row["cifar10"]), float(row["cifar100"])
        )
        for row in _rows("ensembles.csv")
    ]


def _rows(name: str) -> Iterator[dict[str, str]]:
    with (files(__name__) / name).open(encoding="utf-8") as file:
        yield from csv.DictReader(file)


def _number(text: str) -> float | None:
    return float(text) if text else None
