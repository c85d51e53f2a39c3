"""Comparing methods: cells are chosen with some seeds and judged with others, at equal budgets."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from optlab.grid.results import Best, GridRun
from optlab.learning.intervals import Interval, mean_interval
from optlab.rules import Rule

SETS = 3  # of seeds that judge, each by itself

Grid = Mapping[str, Any] | Sequence[Mapping[str, Any]]


def seeds_apart(seed: int, *, tuning: int, judging: int) -> tuple[range, list[range]]:
    """Seeds to choose with, and three sets to judge with, none of them twice.

    Args:
        seed: the first; a chapter's parameter.
        tuning: how many choose.
        judging: how many are in each of the three sets.
    """
    first = seed + tuning
    sets = [range(first + k * judging, first + (k + 1) * judging) for k in range(SETS)]
    return range(seed, first), sets


@dataclass(frozen=True)
class Comparison:
    """What `compare` found.

    Attributes:
        chosen: by method, the best configuration of the tuning seeds.
        values: by method, for each set of judging seeds one number a seed.
        budget: what every method was given, in words.
        edges_meant: the axes, by method, whose end may be best.
    """

    chosen: dict[str, Best]
    values: dict[str, list[list[float]]]
    budget: str
    edges_meant: Mapping[str, Sequence[str]]

    def difference(self, a: str, b: str, *, percent: bool = False) -> list[Interval]:
        """a less b, paired by seed: mean and interval of each set of seeds.

        Args:
            percent: of what b has, seed by seed.

        Raises:
            ValueError: the best configuration of a or b lies at the end of an axis, so that the
                best may lie outside, and `edges_meant` does not name it.
        """
        self._inside(a, b)
        found = []
        for xs, ys in zip(self.values[a], self.values[b], strict=True):
            pairs = zip(xs, ys, strict=True)
            found.append(mean_interval([100 * (x - y) / y if percent else x - y for x, y in pairs]))
        return found

    def means(self, a: str) -> list[Interval]:
        """Mean and interval of each set of seeds. ValueError as `difference`."""
        self._inside(a)
        return [mean_interval(xs) for xs in self.values[a]]

    def _inside(self, *names: str) -> None:
        for name in names:
            if outside := set(self.chosen[name].edges) - set(self.edges_meant.get(name, ())):
                axes = ", ".join(sorted(outside))
                raise ValueError(
                    f"the best {name} lies at the end of {axes} ({self.chosen[name]}): widen the "
                    f"grid, or say that the end is meant with edges_meant={{{name!r}: [{axes!r}]}}"
                )


def compare(
    methods: Mapping[str, tuple[Rule, Grid]],
    train: Callable[[Rule, Grid, Sequence[int]], GridRun],
    *,
    tuning: Iterable[int],
    judging: Sequence[Iterable[int]],
    curve: str = "error",
    at: int | str = -1,
    edges_meant: Mapping[str, Sequence[str]] | None = None,
    unequal: str = "",
) -> Comparison:
    """Choose each method's best configuration, then train it again from seeds that chose nothing.

    Args:
        methods: by name, a rule and the grid to choose from.
        train: `(rule, grid, seeds)` -> the run: a `train_grid` with task, schedule and length.
        tuning, judging: seeds, such as `seeds_apart` gives; judging in three sets.
        curve, at: what is compared, as `GridRun.grid` takes it; the lowest mean is best.
        edges_meant: by method, the axes whose end may be best, such as a decay of 0.
        unequal: why methods may try different numbers of configurations, if they do.

    Raises:
        ValueError: seeds that choose and judge, or judge twice; other than three sets; methods
            with different numbers of configurations, updates or seeds.
    """
    tuning, sets = list(tuning), [list(seeds) for seeds in judging]
    every = [*tuning, *(k for seeds in sets for k in seeds)]
    if len(set(every)) < len(every):
        raise ValueError("a seed may choose or judge, and only once: see seeds_apart")
    if len(sets) != SETS:
        raise ValueError(f"{SETS} sets of seeds judge, not {len(sets)}")
    chosen: dict[str, Best] = {}
    values: dict[str, list[list[float]]] = {}
    tried: dict[str, int] = {}
    stops: dict[str, tuple[int, ...]] = {}
    for name, (rule, grid) in methods.items():
        run = train(rule, grid, tuning)
        chosen[name] = run.best(curve, at)
        tried[name], stops[name] = len(run.configurations), run.at
        again = train(rule, [chosen[name].configuration], [k for seeds in sets for k in seeds])
        flat = again.grid(curve, at).flatten().tolist()
        values[name], start = [], 0
        for seeds in sets:
            values[name].append(flat[start : start + len(seeds)])
            start += len(seeds)
    if len(set(tried.values())) > 1 and not unequal:
        raise ValueError(f"unequal numbers of configurations: {tried}; say why, with unequal=")
    if len(set(stops.values())) > 1:
        raise ValueError(f"methods were stopped at different updates: {stops}")
    counts = ", ".join(map(str, sorted(set(tried.values()))))
    [end] = {stop[-1] for stop in stops.values()}
    budget = (
        f"{counts} configurations chosen by {len(tuning)} seeds, {end} updates, "
        f"judged by {SETS} × {len(sets[0])} other seeds"
    )
    return Comparison(chosen, values, budget, edges_meant or {})
