"""Intervals over seeds, against SciPy's."""

import pytest
import torch
from scipy import stats

from optlab.experiments import difference_interval, mean_interval
from optlab.learning.intervals import half_width


def test_mean_interval_is_students():
    samples = [1.0, 2.0, 4.0, 8.0]
    interval = mean_interval(samples, level=0.9)
    oracle = stats.ttest_1samp(samples, 0.0).confidence_interval(0.9)
    assert interval.mean == 3.75
    assert (interval.low, interval.high) == pytest.approx((oracle.low, oracle.high))
    assert f"{interval:.1f}" == f"3.8 [{oracle.low:.1f}, {oracle.high:.1f}]"


def test_mean_interval_needs_two_samples():
    with pytest.raises(ValueError, match="two samples or more, not 1: add seeds"):
        mean_interval([1.0])


def test_the_interval_of_a_difference_is_welch_s():
    first, second = [1.0, 2.0, 4.0, 7.0], [3.0, 3.5, 3.0]
    found = difference_interval(first, second, level=0.9)
    theirs = stats.ttest_ind(first, second, equal_var=False).confidence_interval(0.9)
    assert found.mean == 3.5 - 9.5 / 3
    assert (found.low, found.high) == pytest.approx((theirs.low, theirs.high), rel=1e-12)


@pytest.mark.parametrize(("first", "second"), [([1.0], [1.0, 2.0]), ([2.0, 2.0], [1.0, 1.0])])
def test_a_difference_without_spread_has_no_interval(first, second):
    with pytest.raises(ValueError, match=r"add seeds|neither side varies"):
        difference_interval(first, second)


def test_the_half_width_of_rows_is_that_of_each_sample():
    rows = torch.tensor([[1.0, 2.0, 4.0, 8.0], [3.0, 3.0, 5.0, 4.0]], dtype=torch.float64)
    for row, half in zip(rows, half_width(rows, 0.9), strict=True):
        interval = mean_interval(row.tolist(), level=0.9)
        assert float(half) == pytest.approx((interval.high - interval.low) / 2, rel=1e-12)
    assert half_width(rows[:, :1], 0.9).isnan().all()
