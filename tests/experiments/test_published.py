"""The deck's two tables: every row is there, and says what the deck says."""

from collections import Counter

import pytest

from optlab.experiments import ensemble_errors, parameter_count, sgdr_errors, wide_resnet


def test_every_row_of_the_table_of_networks_is_there():
    rows = sgdr_errors()
    assert Counter(row.network for row in rows) == {
        "original-ResNet": 2,
        "stoc-depth": 2,
        "pre-act-ResNet": 3,
        "WRN": 3,
        "WRN (ours)": 14,
    }
    # Sums over the columns, added up from the text of the slide.
    cifar10 = [row.cifar10 for row in rows if row.cifar10 is not None]
    cifar100 = [row.cifar100 for row in rows if row.cifar100 is not None]
    assert (len(cifar10), sum(cifar10)) == (23, pytest.approx(105.65))
    assert (len(cifar100), sum(cifar100)) == (22, pytest.approx(461.92))
    assert [row.network for row in rows if row.dropout] == ["WRN"]


def test_the_authors_rows_are_two_networks_under_seven_schedules():
    ours = [row for row in sgdr_errors() if row.network == "WRN (ours)"]
    schedules = [(row.eta_0, row.T_0, row.T_mult) for row in ours]
    assert schedules[:7] == [
        (0.1, None, None),
        (0.05, None, None),
        (None, 50, 1),
        (None, 100, 1),
        (None, 200, 1),
        (None, 1, 2),
        (None, 10, 2),
    ]
    assert schedules[7:] == schedules[:7]
    assert {(row.depth, row.k, row.statistic, row.runs) for row in ours[:7]} == {
        (28, 10, "median", 5)
    }
    assert {(row.depth, row.k, row.statistic, row.runs) for row in ours[7:]} == {
        (28, 20, "median", 2)
    }
    # the best rows on CIFAR-10 have no restart
    for network in (ours[:7], ours[7:]):
        best = min(network, key=lambda row: row.cifar10)
        assert best.T_0 == 200
    assert [min(row.cifar10 for row in network) for network in (ours[:7], ours[7:])] == [3.86, 3.66]
    assert (ours[6].cifar100, ours[13].cifar100) == (19.58, 18.70)


def test_wide_networks_in_the_table_have_the_parameters_it_gives():
    sizes = {(r.depth, r.k): r.millions for r in sgdr_errors() if r.k}
    assert set(sizes) == {(16, 8), (28, 10), (28, 20)}
    for (depth, k), millions in sizes.items():
        assert round(parameter_count(wide_resnet(depth, k, device="meta")) / 1e6, 1) == millions


def test_every_row_of_the_table_of_ensembles_is_there():
    rows = [(row.runs, row.snapshots, row.cifar10, row.cifar100) for row in ensemble_errors()]
    assert rows == [
        (1, 1, 4.03, 19.57),
        (1, 3, 3.51, 17.75),
        (3, 3, 3.25, 16.64),
        (16, 3, 3.14, 16.21),
    ]
