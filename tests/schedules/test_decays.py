"""Constant, step drop, warm-up, linear decay and cosine: by hand, and against torch."""

import math
import pickle
import subprocess
import sys
from itertools import pairwise

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch.optim import lr_scheduler

from optlab import schedules

LONG = range(60)


def torch_lrs(make, n, lr=1.0):
    """The rates of the first n updates under one of torch's schedulers."""
    optimizer = torch.optim.SGD([torch.zeros(1, requires_grad=True)], lr=lr)
    scheduler = make(optimizer)
    lrs = []
    for _ in range(n):
        lrs.append(optimizer.param_groups[0]["lr"])
        optimizer.step()
        scheduler.step()
    return lrs


def test_by_hand():
    assert [schedules.constant()(t) for t in (0, 7)] == [1, 1]
    assert schedules.constant(0.25)(3) == 0.25
    drop = schedules.step_drop([2, 4], gamma=0.5)
    assert [drop(t) for t in range(6)] == [1, 1, 0.5, 0.5, 0.25, 0.25]
    assert [schedules.step_drop([0], gamma=0.5)(t) for t in (0, 1)] == [0.5, 0.5]
    assert schedules.step_drop([])(9) == 1
    assert [schedules.warmup(4)(t) for t in range(6)] == [0, 0.25, 0.5, 0.75, 1, 1]
    assert [schedules.warmup(2, start=0.5)(t) for t in range(4)] == [0.5, 0.75, 1, 1]
    assert [schedules.linear_decay(4)(t) for t in range(6)] == [1, 0.75, 0.5, 0.25, 0, 0]
    assert [schedules.linear_decay(2, end=0.5)(t) for t in range(4)] == [1, 0.75, 0.5, 0.5]
    cosine = [schedules.cosine(3)(t) for t in range(5)]
    assert cosine == pytest.approx([1, 0.75, 0.25, 0, 0], abs=1e-15)
    cosine = [schedules.cosine(3, eta_min=0.2)(t) for t in range(5)]
    assert cosine == pytest.approx([1, 0.8, 0.4, 0.2, 0.2], rel=1e-15)


def test_warmup_stable_decay_by_hand():
    # 3 updates rise from 1/4, 4 to the eighth are held, and the last 4 of 12 fall.
    rise, held = [0.25, 0.5, 0.75], [1] * 6
    falls = {
        "linear": [0.75, 0.5, 0.25],
        "1-sqrt": [1 / 2, 1 - 2**-0.5, 1 - 3**0.5 / 2],
        "cosine": [(1 + 2**-0.5) / 2, 1 / 2, (1 - 2**-0.5) / 2],
    }
    for shape, fall in falls.items():
        whole = schedules.warmup_stable_decay(12, 4, 3, start=0.25, shape=shape)
        expected = [*rise, *held, *fall, 0, 0, 0]
        assert [whole(t) for t in range(15)] == pytest.approx(expected, rel=1e-14, abs=1e-15)
        above = schedules.warmup_stable_decay(12, 4, 3, start=0.25, shape=shape, end=0.2)
        expected = [*rise, *held, *(0.2 + 0.8 * x for x in fall), 0.2, 0.2, 0.2]
        assert [above(t) for t in range(15)] == pytest.approx(expected, rel=1e-14)


def haegele(n_iterations, final_lr_factor, n_warmup, init_div_factor, fract_decay, decay_type):
    """`wsd_schedule` of the authors' code, epfml/schedules-and-scaling, src/optim/utils.py at
    17e78d6, with three of its shapes."""
    n_anneal_steps = int(fract_decay * n_iterations)
    n_hold = n_iterations - n_anneal_steps

    def schedule(step):
        if step < n_warmup:
            return (step / n_warmup) + (1 - step / n_warmup) / init_div_factor
        elif step < n_hold:
            return 1.0
        elif step < n_iterations:
            part = (step - n_hold) / n_anneal_steps
            if decay_type == "linear":
                return final_lr_factor + (1 - final_lr_factor) * (1 - part)
            elif decay_type == "cosine":
                wave = math.cos(math.pi * part)
                return final_lr_factor + (1 - final_lr_factor) * (1 + wave) * 0.5
            return final_lr_factor + (1 - final_lr_factor) * (1 - math.sqrt(part))
        else:
            return final_lr_factor

    return schedule


@pytest.mark.parametrize(
    ("shape", "theirs"), [("linear", "linear"), ("1-sqrt", "sqrt"), ("cosine", "cosine")]
)
def test_warmup_stable_decay_is_that_of_its_authors(shape, theirs):
    for end, T_decay, T_warmup in ((0.0, 40, 30), (0.1, 25, 75), (0.5, 100, 0)):
        ours = schedules.warmup_stable_decay(100, T_decay, T_warmup, 1 / 50, shape, end)
        authors = haegele(100, end, T_warmup, 50, T_decay / 100, theirs)
        expected = [authors(t) for t in range(120)]
        assert [ours(t) for t in range(120)] == pytest.approx(expected, rel=1e-13, abs=1e-15)


def test_runs_of_all_lengths_share_all_but_their_cool_downs():
    short, long = (schedules.warmup_stable_decay(T, T / 5, 10) for T in (50, 500))
    assert [short(t) for t in range(41)] == [long(t) for t in range(41)]
    assert short(41) < long(41)


def test_after_a_warmup_the_next_schedule_begins_at_its_own_zero():
    both = schedules.warmup(10, then=schedules.cosine(20))
    assert [both(10 + t) for t in range(30)] == [schedules.cosine(20)(t) for t in range(30)]
    assert both(5) == 0.5


def test_a_function_after_a_warmup_is_not_asked_before():
    both = schedules.warmup(4, then=lambda t: (t + 1) ** -0.5)  # divides by zero at t = -1
    assert [both(t) for t in (3, 4, 7)] == [0.75, 1, 0.5]


@pytest.mark.parametrize(
    ("ours", "theirs", "n"),
    [
        (
            schedules.linear_decay(30, end=0.25),
            lambda o: lr_scheduler.LinearLR(o, 1.0, 0.25, total_iters=30),
            60,
        ),
        (schedules.warmup(30, start=0.1), lambda o: lr_scheduler.LinearLR(o, 0.1, 1.0, 30), 60),
        (schedules.cosine(50), lambda o: lr_scheduler.CosineAnnealingLR(o, 50), 51),
        (
            schedules.cosine(50, eta_min=0.1),
            lambda o: lr_scheduler.CosineAnnealingLR(o, 50, eta_min=0.1),
            51,
        ),
        (
            schedules.step_drop(range(7, 60, 7), gamma=0.3),
            lambda o: lr_scheduler.StepLR(o, 7, gamma=0.3),
            60,
        ),
        (
            schedules.step_drop([30, 41, 42], gamma=0.3),
            lambda o: lr_scheduler.MultiStepLR(o, [30, 41, 42], gamma=0.3),
            60,
        ),
    ],
)
def test_equal_to_torch_where_torch_computes_the_same(ours, theirs, n):
    assert [ours(t) for t in range(n)] == pytest.approx(torch_lrs(theirs, n), rel=1e-12, abs=1e-15)


def test_torchs_cosine_climbs_after_its_end_and_ours_does_not():
    assert torch_lrs(lambda o: lr_scheduler.CosineAnnealingLR(o, 10), 16)[15] > 0.4
    assert schedules.cosine(10)(15) == 0


EVERY = [
    schedules.constant(0.5),
    schedules.step_drop([10, 20, 40], gamma=0.3),
    schedules.step_drop([]),
    schedules.warmup(12, start=0.1, then=schedules.cosine(30)),
    schedules.linear_decay(40, end=0.1),
    schedules.cosine(40, eta_min=0.1),
    schedules.ademamix_alpha(40),
    schedules.ademamix_beta3(40, 0.8, 0.99),
    schedules.warmup_stable_decay(50, 20, 10, start=0.1),
    schedules.warmup_stable_decay(50, 20, shape="linear", end=0.1),
    schedules.warmup_stable_decay(50, 30, 20, shape="cosine", end=0.1),
    schedules.slanted_triangular_printed(45, cut_frac=0.3),
    schedules.slanted_triangular_published(45, cut_frac=0.3),
    schedules.slanted_triangular(45, cut_frac=0.3),
    schedules.sgdr(4, 1),
    schedules.sgdr(2, 3, eta_min=0.1),
    schedules.sgdr(1, 2, steps_per_epoch=3),
    schedules.adamwr(3, 2),
    schedules.adamwr_weight_decay(3, 2, steps_per_epoch=2),
]


@pytest.mark.parametrize("schedule", EVERY, ids=repr)
@pytest.mark.parametrize("dtype", [torch.int64, torch.int32, torch.float64])
def test_a_tensor_of_times_gives_what_its_elements_give(schedule, dtype):
    values = schedule(torch.arange(60, dtype=dtype))
    assert values.dtype == torch.float64
    assert values.tolist() == pytest.approx([schedule(t) for t in LONG], rel=1e-13, abs=1e-15)
    assert schedule(torch.tensor(7)).item() == pytest.approx(schedule(7), rel=1e-13)


@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a CUDA device")
@pytest.mark.parametrize("schedule", EVERY, ids=repr)
def test_a_tensor_on_another_device_stays_there(schedule):
    values = schedule(torch.arange(60, device="cuda"))
    assert values.is_cuda
    assert values.tolist() == pytest.approx([schedule(t) for t in LONG], rel=1e-12, abs=1e-15)


@pytest.mark.parametrize("schedule", EVERY, ids=repr)
def test_float32_times_stay_float32(schedule):
    values = schedule(torch.arange(60.0))
    assert values.dtype == torch.float32
    assert values.tolist() == pytest.approx([schedule(t) for t in LONG], rel=1e-5, abs=1e-6)


@pytest.mark.parametrize(
    ("family", "columns"),
    [
        (schedules.constant, {"value": [0.5, 2.0]}),
        (schedules.warmup, {"T": [3, 5], "start": [0.0, 0.5]}),
        (schedules.linear_decay, {"T": [10, 50], "end": [0.0, 0.5]}),
        (schedules.cosine, {"T": [10, 50], "eta_min": [0.0, 0.5]}),
        (schedules.ademamix_alpha, {"T": [10, 50]}),
        (schedules.ademamix_beta3, {"T": [10, 50], "beta1": [0.5, 0.9], "beta3": [0.9, 0.99]}),
        (schedules.warmup_stable_decay, {"T": [10, 50], "T_decay": [5, 9], "T_warmup": [0, 3]}),
        (schedules.slanted_triangular_printed, {"T": [19, 50], "cut_frac": [0.1, 0.5]}),
        (schedules.slanted_triangular_published, {"T": [19, 50], "cut_frac": [0.1, 0.5]}),
        (schedules.slanted_triangular, {"T": [9, 50], "ratio": [32, 4]}),
        (schedules.sgdr, {"T_0": [1, 3, 7, 7], "T_mult": [2, 1, 3, 10]}),
        (schedules.adamwr_weight_decay, {"T_0": [1, 3], "steps_per_epoch": [3, 1]}),
        (schedules.adamwr_weight_decay, {"T_mult": [1, 3], "T_0": [2, 2]}),
    ],
)
def test_tensor_parameters_are_one_configuration_each(family, columns):
    many = family(**{name: torch.tensor(column) for name, column in columns.items()})
    grid = many(torch.arange(60)[:, None])
    for i, values in enumerate(zip(*columns.values(), strict=True)):
        one = family(**dict(zip(columns, values, strict=True)))
        alone = [one(t) for t in LONG]
        # of whole-numbered parameters nothing is lost to float32; fractions are given in it
        assert grid[:, i].tolist() == pytest.approx(alone, rel=1e-6, abs=1e-6)
        assert [many(t)[i].item() for t in LONG] == pytest.approx(alone, rel=1e-6, abs=1e-6)


def test_whole_numbered_tensor_parameters_are_exact():
    for T in (3, 10):
        assert schedules.linear_decay(torch.tensor([T]))(1).tolist() == [1 - 1 / T]
    decay = schedules.adamwr_weight_decay(torch.tensor([3]), 2)
    expected = [3**-0.5] * 3 + [6**-0.5]
    assert decay(torch.arange(4)).tolist() == pytest.approx(expected, rel=1e-15)
    decay = schedules.adamwr_weight_decay(3, torch.tensor([1, 2]))
    assert decay(1).tolist() == pytest.approx([3**-0.5] * 2, rel=1e-15)


@settings(deadline=None)
@given(T=st.integers(1, 1000), eta_min=st.floats(0, 1))
def test_cosine_falls_from_one_to_eta_min_and_is_half_on_average(T, eta_min):
    values = [schedules.cosine(T, eta_min)(t) for t in range(T + 1)]
    assert values[0] == 1
    assert values[-1] == eta_min
    assert all(a >= b for a, b in pairwise(values))
    mean = (math.fsum(values) - (values[0] + values[-1]) / 2) / T
    assert mean == pytest.approx((1 + eta_min) / 2, rel=1e-12)


@settings(deadline=None)
@given(T=st.integers(1, 1000), end=st.floats(0, 1))
def test_linear_decay_falls_and_its_sum_is_that_of_a_trapezoid(T, end):
    values = [schedules.linear_decay(T, end)(t) for t in range(T + 1)]
    assert values[0] == 1
    assert values[-1] == end
    assert all(a >= b for a, b in pairwise(values))
    assert math.fsum(values) == pytest.approx((T + 1) * (1 + end) / 2, rel=1e-12)


@pytest.mark.parametrize(
    ("make", "says"),
    [
        (lambda: schedules.cosine(0), "cosine: T must be > 0; got 0"),
        (lambda: schedules.cosine("a"), "cosine: T must be > 0; got 'a'"),
        (lambda: schedules.cosine(math.nan), "cosine: T must be > 0; got nan"),
        (lambda: schedules.cosine(math.inf), "cosine: T must be > 0; got inf"),
        (lambda: schedules.cosine(5, eta_min=2), r"eta_min must be in \[0, 1\]; got 2"),
        (lambda: schedules.cosine(torch.tensor([5, 0])), "T must be > 0"),
        (lambda: schedules.constant(math.nan), "value must be finite"),
        (lambda: schedules.linear_decay(5, end=-0.1), "end must be in"),
        (
            lambda: schedules.warmup_stable_decay(9, 6, 4),
            "warmup_stable_decay: T - T_decay - T_warmup must be >= 0; got -1",
        ),
        (
            lambda: schedules.warmup_stable_decay(9, 6, shape="sqrt"),
            "shape must be linear, 1-sqrt or cosine; got 'sqrt'",
        ),
        (lambda: schedules.warmup_stable_decay(9, 0), "T_decay must be > 0"),
        (
            lambda: schedules.warmup_stable_decay(torch.tensor([9, 5]), 6),
            "T - T_decay - T_warmup must be >= 0",
        ),
        (lambda: schedules.step_drop([3, 2]), "milestones must be ascending"),
        (lambda: schedules.step_drop([-1]), "milestones must be ascending"),
        (lambda: schedules.step_drop(3), "milestones must be ascending"),
        (lambda: schedules.step_drop([3], gamma=-1), "gamma must be >= 0"),
        (lambda: schedules.warmup(5, then=3), "then must be a function"),
        (lambda: schedules.warmup(5, start=3), "start must be in"),
        (lambda: schedules.cosine(5)(-1), "updates made, must be >= 0; got -1"),
        (lambda: schedules.cosine(5)("x"), "updates made, must be >= 0; got 'x'"),
        (lambda: schedules.cosine(5)(math.nan), "updates made, must be >= 0; got nan"),
    ],
)
def test_bad_parameters_are_refused_in_one_line(make, says):
    with pytest.raises(ValueError, match=says) as refusal:
        make()
    assert "\n" not in str(refusal.value)


def test_a_schedule_shows_its_parameters_and_survives_pickling():
    schedule = schedules.warmup(4, then=schedules.sgdr(3, T_mult=2))
    assert repr(schedules.cosine(5)) == "cosine(T=5, eta_min=0)"
    copy = pickle.loads(pickle.dumps(schedule))  # noqa: S301 - made here
    assert repr(copy) == repr(schedule)
    assert [copy(t) for t in LONG] == [schedule(t) for t in LONG]


def test_sympy_is_not_imported_unless_it_is_used():
    code = (
        "import sys; from optlab import schedules as s; s.sgdr(3, 2)(5); s.slanted_triangular(9)(2)"
        "; print('sympy' in sys.modules)"
    )
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert run.stdout.strip() == "False", run.stderr
