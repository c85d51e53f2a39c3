"""Erratum (p), the slides of AdamW's results: two networks, and what was said of which.

The figures are the paper's, and a test does not rerun them. It can tell the networks apart that
the slides do not, and say which epoch the first restart is.
"""

import pytest

from optlab.experiments import parameter_count, resnet26
from optlab.schedules import adamwr, cycle_ends


def millions(width):
    return parameter_count(resnet26(width, device="meta")) / 1e6


def test_only_26_2x96d_has_the_size_of_the_network_that_generalizes_better():
    assert millions(64) == pytest.approx(11.6, rel=0.01)  # what the slides name
    assert millions(96) == pytest.approx(25.6, rel=0.03)  # what the 1800 epochs were run on
    assert millions(64) != pytest.approx(25.6, rel=0.5)


def test_the_first_restart_ends_a_cycle_of_the_length_of_the_short_run():
    # AdamWR's cycles: the speed-up is that of 100 epochs, not of the whole run.
    ends = cycle_ends(100, 2, 1500)
    assert ends == [100, 300, 700, 1500]
    rate = adamwr(100, steps_per_epoch=10)
    assert rate(999) < 1e-3
    assert rate(1000) == 1
