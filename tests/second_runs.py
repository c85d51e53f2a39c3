"""The second run of each chapter: other parameters, and for tests, fewer seeds and shorter runs.

A chapter's size is chosen for what it shows. Whether it runs with other parameters, and whether
its proofs, comparisons and verdicts hold there, a smaller one tells as well. So its source is
edited for the run: `smaller` has texts of its cells and what takes their place. Each text must
occur exactly once, so that none is left behind when the chapter changes.

`pytest --whole` makes no edits; the weekly workflow runs that.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any


@dataclass(frozen=True)
class Second:
    parameters: Mapping[str, Any]
    smaller: Mapping[str, str] = field(default_factory=dict)

    def shrink(self, book: Any) -> None:
        """Edit the cells of a notebook in place. ValueError: a text is not there once."""
        for old, new in self.smaller.items():
            found = [cell for cell in book.cells if cell.cell_type == "code" and old in cell.source]
            times = sum(cell.source.count(old) for cell in found)
            if times != 1:
                raise ValueError(f"{old!r} is {times} times in the code, not once")
            found[0].source = found[0].source.replace(old, new)


def fewer(chapter: str, **values: Any) -> dict[str, str]:
    """The edit that changes settings of a chapter, by the fields of their class."""
    call = f'experiments.settings("{chapter}", scale)'
    given = ", ".join(f"{name}={value!r}" for name, value in values.items())
    return {call: f'__import__("dataclasses").replace({call}, {given})'}


def fewer_of(old: str, new: str) -> dict[str, str]:
    """The edit that changes what stands in a chapter's own table, in the row of scale ci."""
    return {f'"ci": {{{old}}}': f'"ci": {{{new}}}'}


SECOND = {
    "01-gradient-descent": Second(
        {"seed": 1, "dimension": 3, "horizon": 256, "lr_scale": 0.5},
        {"lengths = [100, 400, 1600, 6400]": "lengths = [100, 400, 1600]"},
    ),
    "02-adagrad": Second(
        {"seed": 1, "dimension": 3, "rounds": 50, "lr": 0.5},
        fewer_of(
            '"games": 50, "seeds": 6, "words": 500, "texts": 3000',
            '"games": 24, "seeds": 3, "words": 500, "texts": 1000',
        ),
    ),
    "03-adam": Second(
        {"seed": 1, "lr": 0.05, "beta1": 0.8, "beta2": 0.5, "eps": 0.01},
        fewer_of(
            '"seeds": 5, "epochs": 6, "hidden": 32, "rates": 5',
            '"seeds": 2, "epochs": 3, "hidden": 32, "rates": 5',
        ),
    ),
    "04-adafactor": Second(
        {"seed": 1, "rows": 5, "columns": 2, "beta2": 0.9, "horizon": 500},
        fewer_of('"seeds": 5, "epochs": 6, "hidden": 32', '"seeds": 2, "epochs": 3, "hidden": 32'),
    ),
    "05-amsgrad": Second(
        {"seed": 1, "spike": 5.0, "alpha": 0.2, "horizon": 20000, "half_width": 0.5},
        fewer_of(
            '"seeds": 16, "rounds": 24_000, "epochs": 20, "games": 40',
            '"seeds": 8, "rounds": 9_000, "epochs": 10, "games": 12',
        ),
    ),
    "06-weight-decay": Second(
        {
            "seed": 1,
            "lr": 0.002,
            "weight_decay": 0.3,
            "l2": 0.0005,
            "beta1": 0.8,
            "beta2": 0.99,
            "eps": 1e-10,
        },
        fewer_of(
            '"seeds": 5, "copies": 100, "epochs": 20, "hidden": 32',
            '"seeds": 2, "copies": 50, "epochs": 8, "hidden": 32',
        ),
    ),
    "07-adamw": Second(
        {"seed": 1, "eps": 1e-10},
        fewer("07-adamw", seeds=2, epochs=7, milestones=(2, 4, 5), long_seeds=2, long_epochs=20),
    ),
    "08-adamwr": Second(
        {"seed": 100, "norm": 0.02},
        {
            **fewer("08-adamwr", seeds=2, epochs=21, norm=(0.02, 0.05, 0.1, 0.2, 0.4, 0.8)),
            "TUNING = 3": "TUNING = 2",
            "FIRST, COPIES = 40, 50": "FIRST, COPIES = 40, 10",
        },
    ),
    "09-lars": Second(
        {"seed": 100, "momentum": 0.8, "trust": 0.002},
        fewer("09-lars", tuning=2, seeds=2, epochs=6),
    ),
    "10-lamb": Second(
        {"seed": 100, "weight_decay": 0.2, "layers": 2, "phi_high": 3.0},
        {
            **fewer("10-lamb", tuning=2, seeds=2, epochs=6),
            "steps=300, runs=5": "steps=100, runs=5",
        },
    ),
    "11-linear-decay": Second(
        {"seed": 100, "T": 26, "cut_frac": 0.3, "ratio": 8.0},
        fewer("11-linear-decay", seeds=3, epochs=(4, 5)),
    ),
    "12-sgdr": Second(
        {"seed": 1, "T_0": 4, "T_mult": 3, "tolerance": 0.04},
        fewer("12-sgdr", seeds=2, rate_seeds=2, rates=(2**-5, 2**-4, 2**-2)),
    ),
    "13-snapshot-ensembles": Second(
        {"seed": 1, "members": 3, "classes": 2},
        fewer("13-snapshot-ensembles", runs=48, controls=12),
    ),
    "14-sophia": Second(
        {"seed": 100, "draws": 200, "batch": 60},
        fewer("14-sophia", steps=30, tuning=1, seeds=2),
    ),
    "15-choosing-an-optimizer": Second(
        {"seed": 100, "norm": 0.025, "tolerance": 0.2},
        fewer(
            "15-choosing-an-optimizer",
            epochs=(4, 4, 1),
            points=4,
            tuning_seeds=(1, 1, 1),
            seeds=(2, 2, 2),
        ),
    ),
    "16-muon": Second(
        {"seed": 100, "momentum": 0.9, "aspect": 3},
        fewer(
            "16-muon", steps=40, rates=(2**-5, 2**-4, 2**-3), momenta=(0.5,), tuning=1, judging=5
        ),
    ),
    "99-sample": Second({"seed": 1, "lr": 0.5}),
}
