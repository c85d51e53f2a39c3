"""Intervals over seeds, against SciPy's."""

import pytest
from scipy import stats

from optlab.experiments import mean_interval


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
