"""Erratum (k), the linear decay scheduler: the ceiling for the floor, and what either breaks.

tests/schedules/test_slanted.py has the rest, for every number of updates.
"""

import pytest

from optlab.schedules import (
    slanted_triangular,
    slanted_triangular_printed,
    slanted_triangular_published,
)


def test_only_the_floor_of_the_published_form_reaches_the_top_at_its_first_whole_update():
    # T = 25: T · cut_frac = 2.5
    assert slanted_triangular_published(25)(2) == 1
    assert slanted_triangular_printed(25)(2) < 0.7
    assert slanted_triangular_printed(25)(3) == 1


def test_the_last_rate_is_1_over_ratio_only_in_the_form_made_safe():
    T, smallest = 19, 1 / 32
    assert slanted_triangular_printed(T)(T - 1) == pytest.approx(0.139, abs=5e-4)
    assert slanted_triangular_printed(T)(T) > 2 * smallest
    assert slanted_triangular_published(T)(T - 1) == pytest.approx(-0.83, abs=5e-3)
    assert slanted_triangular(T)(T) == smallest
    assert all(slanted_triangular(T)(t) >= smallest for t in range(T))


def test_where_the_published_form_divides_by_zero():
    with pytest.raises(ZeroDivisionError):
        slanted_triangular_published(9)
    assert 0 < slanted_triangular(9)(8) < 1


def test_it_rises_before_it_decays():
    rates = [slanted_triangular(100)(t) for t in range(101)]
    assert rates.index(max(rates)) == 10
