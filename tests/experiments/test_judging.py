"""Cells are chosen by some seeds and judged by others; ends, ties and budgets are said."""

from functools import partial

import pytest
import torch

from optlab.experiments import compare, digits, mean_interval, mlp, seeds_apart
from optlab.grid import train_grid
from optlab.grid.results import GridRun
from optlab.rules import adam, gradient_descent


def run_of(errors, axes, configurations=None):
    """A run with given errors: configurations × seeds."""
    from itertools import product

    rows = [dict(zip(axes, row, strict=True)) for row in product(*axes.values())]
    curve = torch.tensor(errors, dtype=torch.float64)[..., None]
    seeds = tuple(range(curve.shape[1]))
    rows = configurations or rows
    return GridRun(
        axes, rows, seeds, (5,), curve, curve, curve, curve, {}, 0, 1, "plain", lambda p, x: x
    )


LR = {"lr": [0.1, 0.2, 0.4]}


def test_the_best_is_the_lowest_mean():
    best = run_of([[3, 3], [1, 2], [2, 1.5]], LR).best()
    assert (best.configuration, best.value, best.edges, best.ties) == ({"lr": 0.2}, 1.5, (), ())
    assert str(best) == "lr=0.2"


@pytest.mark.parametrize(
    ("errors", "edges"),
    [([1, 2, 3], ("lr",)), ([3, 2, 1], ("lr",)), ([2, 1, 2], ())],
)
def test_an_end_is_reported(errors, edges):
    assert run_of([[e, e] for e in errors], LR).best().edges == edges


def test_two_values_have_no_inside_and_words_no_order():
    assert run_of([[1, 1], [2, 2]], {"lr": [0.1, 0.2]}).best().edges == ()
    words = {"schedule": ["cosine", "constant", "linear"]}
    assert run_of([[1, 1], [2, 2], [3, 3]], words).best().edges == ()


def test_each_axis_by_itself():
    axes = {"lr": [0.1, 0.2, 0.4], "weight_decay": [0, 0.1, 0.2]}
    errors = [[9, 9]] * 9
    errors[3] = [1, 1]  # lr 0.2, weight_decay 0
    assert run_of(errors, axes).best().edges == ("weight_decay",)


def test_ties_are_reported():
    best = run_of([[2, 2], [1, 3], [4, 4]], LR).best()
    assert best.configuration == {"lr": 0.1}
    assert best.ties == ({"lr": 0.2},)


def test_what_diverged_is_not_best():
    nan = float("nan")
    assert run_of([[0, nan], [2, 2], [3, 3]], LR).best().configuration == {"lr": 0.2}
    with pytest.raises(ValueError, match="each diverged"):
        run_of([[nan, nan]] * 3, LR).best()


def test_seeds_apart():
    tuning, judging = seeds_apart(7, tuning=3, judging=4)
    every = [*tuning, *(k for seeds in judging for k in seeds)]
    assert every == list(range(7, 7 + 3 + 3 * 4))
    assert list(map(len, judging)) == [4, 4, 4]


def table_train(tables, asked):
    """A `train` that looks errors up: (rule, lr) -> error of seed k is tables[rule][lr] + k."""

    def train(rule, grid, seeds):
        rows = grid if isinstance(grid, list) else [{"lr": x} for x in grid["lr"]]
        asked.append((rule, [row["lr"] for row in rows], list(seeds)))
        errors = [[tables[rule][row["lr"]] + k * k for k in seeds] for row in rows]
        return run_of(errors, {"lr": [row["lr"] for row in rows]}, rows)

    return train


TABLES = {"a": {0.1: 5.0, 0.2: 1.0, 0.4: 5.0}, "b": {0.1: 5.0, 0.2: 4.0, 0.4: 6.0}}
METHODS = {"A": ("a", LR), "B": ("b", LR)}
SEEDS = {"tuning": [0, 1], "judging": [[2, 3], [4, 5], [6, 7]]}


def test_what_is_chosen_is_judged_by_other_seeds():
    asked = []
    found = compare(METHODS, table_train(TABLES, asked), **SEEDS)
    assert asked == [
        ("a", [0.1, 0.2, 0.4], [0, 1]),
        ("a", [0.2], [2, 3, 4, 5, 6, 7]),
        ("b", [0.1, 0.2, 0.4], [0, 1]),
        ("b", [0.2], [2, 3, 4, 5, 6, 7]),
    ]
    assert found.values["A"] == [[5.0, 10.0], [17.0, 26.0], [37.0, 50.0]]
    assert [x.mean for x in found.difference("A", "B")] == [-3.0, -3.0, -3.0]
    percent = found.difference("A", "B", percent=True)[0]
    assert percent.mean == pytest.approx(-100 * (3 / 8 + 3 / 13) / 2)
    assert found.means("A")[0] == mean_interval([5.0, 10.0])
    assert found.budget == (
        "3 configurations chosen by 2 seeds, 5 updates, judged by 3 × 2 other seeds"
    )


def test_a_best_at_the_end_is_no_ground_for_a_comparison():
    tables = {**TABLES, "b": {0.1: 3.0, 0.2: 4.0, 0.4: 6.0}}
    found = compare(METHODS, table_train(tables, []), **SEEDS)
    with pytest.raises(ValueError, match=r"the best B lies at the end of lr \(lr=0.1\): widen"):
        found.difference("A", "B")
    found.means("A")
    meant = compare(METHODS, table_train(tables, []), **SEEDS, edges_meant={"B": ["lr"]})
    assert [x.mean for x in meant.difference("A", "B")] == [-2.0, -2.0, -2.0]


def test_unequal_budgets_are_refused():
    more = {"A": ("a", LR), "B": ("b", {"lr": [0.1, 0.2]})}
    with pytest.raises(ValueError, match="unequal numbers of configurations"):
        compare(more, table_train(TABLES, []), **SEEDS)
    compare(more, table_train(TABLES, []), **SEEDS, unequal="B was tuned in its paper")


@pytest.mark.parametrize(
    "seeds",
    [
        {"tuning": [0, 1], "judging": [[1, 2], [3, 4], [5, 6]]},
        {"tuning": [0, 1], "judging": [[2, 3], [3, 4], [5, 6]]},
        {"tuning": [0, 1], "judging": [[2, 3], [4, 5]]},
    ],
)
def test_seeds_that_do_not_judge_by_themselves_are_refused(seeds):
    with pytest.raises(ValueError, match="seed"):
        compare(METHODS, table_train(TABLES, []), **seeds)


def test_with_networks():
    """Adam's best rate against gradient descent's, from trained networks."""
    train = partial(_train, digits(), 30)
    tuning, judging = seeds_apart(0, tuning=2, judging=2)
    found = compare(
        {
            "GD": (gradient_descent, {"lr": [0.001, 0.1, 10.0]}),
            "Adam": (
                adam,
                {"lr": [1e-5, 0.03, 30.0], "beta1": 0.9, "beta2": 0.999, "eps": 1e-8},
            ),
        },
        train,
        tuning=tuning,
        judging=judging,
    )
    assert found.chosen["Adam"].configuration["lr"] == 0.03
    again = train(adam, [found.chosen["Adam"].configuration], judging[1])
    assert found.values["Adam"][1] == again.error[0, :, -1].tolist()


def _train(data, steps, rule, grid, seeds):
    return train_grid(
        lambda seed: mlp([64, 16, 10], seed=seed),
        data,
        rule,
        grid,
        steps=steps,
        batch_size=64,
        seeds=seeds,
    )
