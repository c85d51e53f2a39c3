"""The slanted triangular schedule: printed and published faults, and their cure (erratum k).

With T updates, t runs from 0 to T - 1.
"""

from fractions import Fraction
from itertools import pairwise

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from optlab.schedules import (
    slanted_triangular,
    slanted_triangular_printed,
    slanted_triangular_published,
)

FAITHFUL = (slanted_triangular_printed, slanted_triangular_published)


def test_where_the_cut_is_whole_all_three_are_one_formula_by_hand():
    # T = 20, cut = 2, ratio 32: p = 0, 1/2, 1, 17/18, … in (1 + 31 p)/32
    for family in (*FAITHFUL, slanted_triangular):
        schedule = family(20)
        values = [schedule(t) for t in (0, 1, 2, 3, 11, 20)]
        p = [0, 1 / 2, 1, 17 / 18, 1 / 2, 0]
        assert values == pytest.approx([(1 + 31 * x) / 32 for x in p], rel=1e-14)


def test_published_rates_go_negative_before_the_end():
    # T = 19: cut = 1, p = 1 - 17/9 = -8/9; T = 109: cut = 10, p = 1 - 98/90
    assert slanted_triangular_published(19)(18) == pytest.approx((1 - 31 * 8 / 9) / 32, rel=1e-12)
    assert slanted_triangular_published(19)(18) == pytest.approx(-0.83, abs=5e-3)
    assert slanted_triangular_published(109)(108) == pytest.approx(-0.055, abs=5e-4)


def test_as_printed_it_never_comes_down_to_the_smallest_rate():
    # T = 19: cut = 2, p = 1 - 16/18 = 1/9
    assert slanted_triangular_printed(19)(18) == pytest.approx((1 + 31 / 9) / 32, rel=1e-12)
    assert slanted_triangular_printed(19)(18) == pytest.approx(0.139, abs=5e-4)
    assert slanted_triangular_printed(19)(19) > 2 / 32
    assert slanted_triangular(19)(19) == 1 / 32


@pytest.mark.parametrize(
    ("make", "divisor"),
    [
        (lambda: slanted_triangular_published(9), "cut = 0"),
        (lambda: slanted_triangular_published(20, cut_frac=1), "1/cut_frac - 1 = 0"),
        (lambda: slanted_triangular_printed(20, cut_frac=1), "1/cut_frac - 1 = 0"),
        (lambda: slanted_triangular_published(20, cut_frac=Fraction(1)), "1/cut_frac - 1 = 0"),
    ],
)
def test_division_by_zero_is_said_clearly_when_the_schedule_is_made(make, divisor):
    with pytest.raises(ZeroDivisionError, match=f"{divisor}, .* use slanted_triangular"):
        make()


def test_tensor_parameters_divide_by_zero_as_tensors_do():
    values = slanted_triangular_published(torch.tensor([9.0, 20.0]))(torch.tensor([[3.0]]))
    assert not values[0, 0].isfinite()
    assert values[0, 1].isfinite()


def is_sound(family, T, cut_frac, ratio):
    """From 1/ratio up to 1, then down to 1/ratio at T, within these bounds all the way."""
    try:
        schedule = family(T, cut_frac, ratio)
    except ZeroDivisionError:
        return False
    values = [schedule(t) for t in range(T + 1)]
    top = values.index(max(values))
    return (
        values[0] == values[T] == 1 / ratio
        and values[top] == 1
        and 0 < top < T
        and all(a <= b for a, b in pairwise(values[: top + 1]))
        and all(a >= b for a, b in pairwise(values[top:]))
    )


@settings(deadline=None)
@given(
    T=st.integers(2, 500),
    cut_frac=st.floats(0, 1, exclude_min=True, exclude_max=True),
    ratio=st.sampled_from([2, 4, 32, 64]),
)
def test_the_safe_form_is_sound_for_every_number_of_updates(T, cut_frac, ratio):
    assert is_sound(slanted_triangular, T, cut_frac, ratio)
    assert slanted_triangular(T, cut_frac, ratio)(T + 5) == 1 / ratio


@pytest.mark.parametrize("family", FAITHFUL)
def test_the_faithful_forms_are_not(family):
    assert not any(is_sound(family, T, 0.1, 32) for T in (9, 19, 109))
    assert is_sound(family, 20, Fraction(1, 10), 32)  # the check itself lets the good case pass


def test_a_fraction_makes_the_cut_exact():
    assert slanted_triangular_published(100, cut_frac=0.29)(28) == 1  # 28.999…
    assert slanted_triangular_published(100, cut_frac=Fraction(29, 100))(29) == 1


@pytest.mark.parametrize(
    ("given", "says"),
    [
        ({"T": 1}, "T must be >= 2"),
        ({"T": 20, "cut_frac": 1}, r"cut_frac must be in \(0, 1\)"),
        ({"T": 20, "cut_frac": 0}, r"cut_frac must be in \(0, 1\)"),
        ({"T": 20, "ratio": 0.5}, "ratio must be >= 1"),
    ],
)
def test_bad_parameters_are_refused(given, says):
    with pytest.raises(ValueError, match=says):
        slanted_triangular(**given)
