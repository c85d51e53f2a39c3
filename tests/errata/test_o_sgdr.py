"""Erratum (o), the slides on SGDR: the formula is right, and three statements need their context.

What the paper says of other data sets cannot be tested; what the deck's own table says can.
"""

import pytest
import sympy

from optlab.experiments.published import ensemble_errors, sgdr_errors
from optlab.schedules import cycle_ends, sgdr

EPOCHS = 200
NETWORKS = (10, 20)  # WRN-28-k


def rows(k):
    """The rows of the deck's table that are SGDR's, by (T_0, T_mult)."""
    return {(row.T_0, row.T_mult): row for row in sgdr_errors() if row.k == k and row.T_0}


def restarts(cycle):
    """Restarts inside the run: ends of cycles before its last epoch."""
    return sum(end < EPOCHS for end in cycle_ends(*cycle, EPOCHS))


def test_the_formula_falls_from_the_largest_rate_to_the_smallest_in_each_cycle():
    rate = sgdr(10, T_mult=2, eta_min=0.1, steps_per_epoch=1000)
    for start, end in ((0, 10), (10, 30), (30, 70), (70, 150)):
        assert rate(1000 * start) == 1
        assert rate(500 * (start + end)) == pytest.approx(0.55, rel=1e-12)
        assert rate(1000 * end - 1) == pytest.approx(0.1, abs=1e-6)


def test_the_ends_of_the_cycles():
    assert cycle_ends(10, 2, EPOCHS) == [10, 30, 70, 150]
    assert cycle_ends(1, 2, EPOCHS) == [1, 3, 7, 15, 31, 63, 127]
    assert [restarts(cycle) for cycle in rows(10)] == [3, 1, 0, 7, 4]


@pytest.mark.parametrize("k", NETWORKS)
def test_more_restarts_are_not_better_on_cifar_10_where_the_best_row_has_none(k):
    errors = {cycle: row.cifar10 for cycle, row in rows(k).items()}
    assert restarts(min(errors, key=errors.get)) == 0
    by_restarts = sorted(((50, 1), (100, 1), (200, 1)), key=restarts)
    assert [errors[c] for c in by_restarts] == sorted(errors[c] for c in by_restarts)


@pytest.mark.parametrize("k", NETWORKS)
def test_on_cifar_100_the_best_row_has_restarts(k):
    errors = {cycle: row.cifar100 for cycle, row in rows(k).items()}
    assert restarts(min(errors, key=errors.get)) == 4


def test_more_snapshots_are_better_in_the_table_of_ensembles():
    one, three = (row for row in ensemble_errors() if row.runs == 1)
    assert (one.snapshots, three.snapshots) == (1, 3)
    assert three.cifar10 < one.cifar10
    assert three.cifar100 < one.cifar100


def test_symbolically_the_formula_is_the_printed_one():
    t = sympy.Symbol("t", nonnegative=True)
    current = sympy.Rational(7, 2)
    printed = (1 + sympy.cos(sympy.pi * current / 10)) / 2
    assert sympy.simplify(sgdr(10)(t).subs(t, 10 + current) - printed) == 0
