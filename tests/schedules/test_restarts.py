"""SGDR and AdamWR: exact at every restart, whatever the cycles; and torch's logarithm."""

import math
import warnings
from itertools import pairwise

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch.optim.lr_scheduler import CosineAnnealingWarmRestarts

from optlab import schedules

T_MULT = [1, 2, 3, 10]


def restarts(T_0, T_mult, n):
    """The first n restarts, T_0 (1 + T_mult + …), added up with integers."""
    ends, end = [], 0
    for i in range(n):
        end += T_0 * T_mult**i
        ends.append(end)
    return ends


def test_by_hand():
    # T_0 = 2, doubled: cycles [0, 2), [2, 6), [6, 14); quarters of a cosine in the second
    sgdr = [schedules.sgdr(2, 2)(t) for t in range(7)]
    r = 2**-0.5
    assert sgdr == pytest.approx([1, 0.5, 1, (1 + r) / 2, 0.5, (1 - r) / 2, 1], rel=1e-14)
    assert schedules.sgdr(2, 2, eta_min=0.2)(4) == pytest.approx(0.6, rel=1e-15)


@settings(deadline=None)
@given(
    T_0=st.integers(1, 10**6),
    T_mult=st.sampled_from(T_MULT),
    eta_min=st.floats(0, 1),
    steps_per_epoch=st.sampled_from([1, 7, 391]),
)
def test_every_restart_is_exact(T_0, T_mult, eta_min, steps_per_epoch):
    schedule = schedules.sgdr(T_0, T_mult, eta_min, steps_per_epoch)
    for begin, end in pairwise([0, *restarts(T_0 * steps_per_epoch, T_mult, 12)]):
        assert schedule(begin) == 1
        # (1 + cos(π - π/n))/2 = sin²(π/2n), for a cycle of n updates
        last = math.sin(math.pi / 2 / (end - begin)) ** 2
        assert schedule(end - 1) == pytest.approx(eta_min + (1 - eta_min) * last, abs=1e-14)


@settings(deadline=None)
@given(T_0=st.integers(1, 1000), T_mult=st.sampled_from(T_MULT), n=st.integers(1, 9))
def test_every_restart_is_exact_on_tensors(T_0, T_mult, n):
    ends = torch.tensor([0, *restarts(T_0, T_mult, n)])
    schedule = schedules.sgdr(T_0, T_mult)
    assert schedule(ends).tolist() == [1.0] * (n + 1)
    before = schedule(ends[1:] - 1)
    alone = [schedule(t) for t in (ends[1:] - 1).tolist()]
    assert before.tolist() == pytest.approx(alone, rel=1e-12, abs=1e-15)
    starts, lengths = schedules.cycle(ends, T_0, T_mult)
    assert starts.tolist() == ends.tolist()
    assert lengths.tolist() == [T_0 * T_mult**i for i in range(n + 1)]


@settings(deadline=None)
@given(t=st.integers(0, 10**18), T_0=st.integers(1, 10**6), T_mult=st.sampled_from(T_MULT))
def test_the_cycle_contains_its_update(t, T_0, T_mult):
    start, length = schedules.cycle(t, T_0, T_mult)
    assert start <= t < start + length
    assert length == T_0 + (T_mult - 1) * start  # a geometric sum, so start is one of its terms


def test_within_a_cycle_the_rate_falls():
    schedule = schedules.sgdr(10, 2)
    for begin, end in pairwise([0, 10, 30, 70, 150]):
        values = [schedule(t) for t in range(begin, end)]
        assert all(a > b for a, b in pairwise(values))


def test_the_first_cycle_of_sgdr_is_the_cosine():
    ours, cosine = schedules.sgdr(40, 2, eta_min=0.1), schedules.cosine(40, eta_min=0.1)
    assert [ours(t) for t in range(40)] == [cosine(t) for t in range(40)]


def torch_restarts(T_0, T_mult, lr=1.0, eta_min=0.0):
    optimizer = torch.optim.SGD([torch.zeros(1, requires_grad=True)], lr=lr)
    return optimizer, CosineAnnealingWarmRestarts(optimizer, T_0, T_mult, eta_min=eta_min)


@pytest.mark.parametrize("T_mult", T_MULT)
@pytest.mark.parametrize("T_0", [1, 3, 10])
def test_equal_to_torch_counting_integers(T_0, T_mult):
    optimizer, scheduler = torch_restarts(T_0, T_mult, eta_min=0.1)
    ours = schedules.sgdr(T_0, T_mult, eta_min=0.1)
    for t in range(300):
        assert ours(t) == pytest.approx(optimizer.param_groups[0]["lr"], rel=1e-13)
        optimizer.step()
        scheduler.step()


def test_torch_asked_for_an_epoch_misses_the_fifth_restart_that_ours_meets():
    # floor(log(243, 3)) is 4 in floating point
    end = restarts(1, 3, 5)[-1]
    optimizer, scheduler = torch_restarts(1, 3)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        scheduler.step(end)
    assert optimizer.param_groups[0]["lr"] < 1e-12
    assert schedules.sgdr(1, 3)(end) == 1


def test_cycle_ends_of_the_papers_settings():
    assert schedules.cycle_ends(10, 2, 200) == [10, 30, 70, 150]
    assert schedules.cycle_ends(1, 2, 200) == [1, 3, 7, 15, 31, 63, 127]
    assert schedules.cycle_ends(50, 1, 200) == [50, 100, 150, 200]
    assert schedules.cycle_ends(200, 1, 199) == []
    assert schedules.cycle_ends(100, 2, 1500) == [100, 300, 700, 1500]  # AdamWR


def test_epochs_are_steps_per_epoch_updates():
    by_epoch, by_update = schedules.sgdr(3, 2, steps_per_epoch=5), schedules.sgdr(15, 2)
    assert [by_epoch(t) for t in range(200)] == [by_update(t) for t in range(200)]
    half = schedules.sgdr(0.5, steps_per_epoch=10)
    assert [half(t) for t in (0, 5, 10)] == [1, 1, 1]
    with pytest.raises(ValueError, match="T_0, in updates, must be a whole number"):
        schedules.sgdr(0.5, steps_per_epoch=5)


def test_adamwr_is_the_cosine_from_one_to_zero_and_its_decay_follows_the_cycle():
    adamwr, decay = schedules.adamwr(100, 2), schedules.adamwr_weight_decay(100, 2, 390)
    sgdr = schedules.sgdr(100, 2)
    assert [adamwr(t) for t in range(800)] == [sgdr(t) for t in range(800)]
    ends = [100 * 390, 300 * 390, 700 * 390]
    for end, epochs in zip(ends, [100, 200, 400], strict=True):
        # b/(B T) with B/b = 390 updates an epoch, and T the length of the current cycle
        λ = schedules.normalized_weight_decay(0.05, 128, 390 * 128, epochs)
        assert 0.05 * decay(end - 1) == pytest.approx(λ, rel=1e-14)
        assert 0.05 * decay(end) == pytest.approx(λ / 2**0.5, rel=1e-14)


def test_normalized_weight_decay_of_the_paper():
    assert schedules.normalized_weight_decay(0.05, 128, 5e4, 100) == pytest.approx(
        2.53e-4, abs=5e-7
    )
    cifar, imagenet = (schedules.normalized_weight_decay(1, 128, B, 100) for B in (5e4, 1.28e6))
    assert cifar / imagenet == pytest.approx(5.06, abs=5e-3)


@pytest.mark.parametrize(
    "arguments", [{"T_0": 0}, {"T_0": 2.5}, {"T_0": 5, "T_mult": 1.5}, {"T_0": 5, "T_mult": 0}]
)
def test_bad_cycles_are_refused(arguments):
    for family in (schedules.sgdr, schedules.adamwr, schedules.adamwr_weight_decay):
        with pytest.raises(ValueError, match="must be"):
            family(**arguments)
    with pytest.raises(ValueError, match="must be a whole number"):
        schedules.cycle_ends(arguments["T_0"], arguments.get("T_mult", 1), 100)
