"""All or nothing: what a scheduler cannot do is said in one line, and nothing has changed."""

import copy
import io
import math
import pickle
import warnings
from fractions import Fraction

import numpy as np
import pytest
import sympy
import torch
from torch.optim import lr_scheduler as L

import optlab
from optlab.schedules import LRScheduler, cosine, sgdr, step_drop, warmup

pytestmark = pytest.mark.filterwarnings("ignore:Detected call of")


def weight():
    return torch.nn.Parameter(torch.ones(2))


def sgd(**settings):
    groups = [{"params": [weight()]}, {"params": [weight()], "lr": 2.0}]
    return torch.optim.SGD(groups, **{"lr": 1.0, "weight_decay": 0.5, **settings})


def snapshot(o, s=None):
    groups = [{k: v for k, v in g.items() if k != "params"} for g in o.param_groups]
    of_scheduler = s and (s.last_epoch, s._step_count, s.get_last_lr(), s.base_lrs, s.state_dict())
    return copy.deepcopy((groups, of_scheduler))


def raises(t):
    raise RuntimeError("of the schedule itself")


# What a schedule may give for a multiplier: torch's LambdaLR times 0.5 is the reference.
TAKEN = {
    "int": (2, 2.0),
    "bool": (True, 1.0),
    "negative, as torch": (-0.5, -0.5),
    "fraction": (Fraction(1, 4), 0.25),
    "numpy float64": (np.float64(0.25), 0.25),
    "numpy float32": (np.float32(0.25), 0.25),
    "numpy int64": (np.int64(2), 2.0),
    "numpy bool": (np.False_, 0.0),
    "numpy array of one": (np.array([0.25]), 0.25),
    "tensor": (torch.tensor(0.25), 0.25),
    "tensor of one, with a gradient": (torch.tensor([0.25], requires_grad=True), 0.25),
    "integer tensor": (torch.tensor(2), 2.0),
    "sympy": (sympy.Rational(1, 4), 0.25),
    "zero": (0, 0.0),
}
REFUSED = {
    "nan": (math.nan, ValueError, "gave nan at t = 2; it must give a finite number"),
    "inf": (math.inf, ValueError, "gave inf"),
    "numpy nan": (np.float32("nan"), ValueError, "finite"),
    "tensor inf": (torch.tensor(math.inf), ValueError, "finite"),
    "overflow": (1.5e308, ValueError, "would be inf at t = 2"),
    "huge int": (10**400, ValueError, "finite"),
    "complex": (1j, TypeError, "gave 1j at t = 2; it must give one real number"),
    "numpy complex": (np.complex64(1), TypeError, "one real number"),
    "complex tensor": (torch.tensor(1j), TypeError, "one real number"),
    "None": (None, TypeError, "gave None"),
    "text": ("0.5", TypeError, "gave '0.5'"),
    "list": ([0.5], TypeError, "one real number"),
    "two": (torch.ones(2), TypeError, r"gave a tensor of shape \(2,\)"),
    "numpy of two": (np.ones(2), TypeError, "one real number"),
    "meta tensor": (torch.ones((), device="meta"), TypeError, "one real number"),
    "symbol": (sympy.Symbol("t"), TypeError, "gave t at t = 2"),
    "function": (cosine(3), TypeError, "one real number"),
}


@pytest.mark.parametrize("tensor", [False, True], ids=["number", "tensor"])
@pytest.mark.parametrize(("given", "means"), TAKEN.values(), ids=TAKEN)
def test_any_real_multiplier_is_taken_and_leaves_plain_data(given, means, tensor):
    o = torch.optim.SGD([weight()], lr=torch.tensor(2.0) if tensor else 2.0, weight_decay=0.5)
    s = LRScheduler(o, {"lr": lambda t: given, "weight_decay": lambda t: given})
    s.step()
    group = o.param_groups[0]
    assert (float(group["lr"]), group["weight_decay"]) == (2 * means, 0.5 * means)
    assert type(group["weight_decay"]) is float
    assert type(group["lr"]) is (torch.Tensor if tensor else float)
    loaded(o, s)


def loaded(*things):
    file = io.BytesIO()
    torch.save([thing.state_dict() for thing in things], file)
    file.seek(0)
    return torch.load(file, weights_only=True)


@pytest.mark.parametrize("key", ["lr", "weight_decay"])
@pytest.mark.parametrize(("given", "error", "says"), REFUSED.values(), ids=REFUSED)
def test_any_other_multiplier_is_refused_and_nothing_changes(given, error, says, key):
    def schedule(t):
        return 0.5 if t < 2 else given

    o = sgd(weight_decay=2.0)
    other = "weight_decay" if key == "lr" else "lr"
    s = LRScheduler(o, {other: lambda t: 0.5**t, key: [lambda t: 0.5**t, schedule]})
    s.step()
    before = snapshot(o, s)
    for _ in range(2):
        with pytest.raises(error, match=says) as caught:
            s.step()
        assert "\n" not in str(caught.value)
        assert key in str(caught.value)
        assert snapshot(o, s) == before


def test_a_schedule_that_raises_half_way_changes_nothing_and_may_go_on():
    trouble = [True]

    def sometimes(t):
        if t == 2 and trouble[0]:
            raise RuntimeError("of the schedule itself")
        return 0.5**t

    o = sgd()
    s = LRScheduler(o, {"lr": lambda t: 0.5**t, "weight_decay": sometimes})
    s.step()
    before = snapshot(o, s)
    with pytest.raises(RuntimeError, match="of the schedule itself"):
        s.step()
    assert snapshot(o, s) == before
    trouble[0] = False
    s.step()
    assert [g["lr"] for g in o.param_groups] == [0.25, 0.5]
    assert [g["weight_decay"] for g in o.param_groups] == [0.125, 0.125]


@pytest.mark.parametrize("schedule", [raises, lambda t: math.nan], ids=["raises", "nan"])
@pytest.mark.parametrize("key", ["lr", "weight_decay"])
def test_a_schedule_that_fails_at_once_leaves_the_optimizer_as_it_was(schedule, key):
    o = sgd()
    before, step = snapshot(o), vars(o).get("step")
    with pytest.raises((RuntimeError, ValueError)):
        LRScheduler(o, {"lr": lambda t: 0.5, key: [lambda t: 0.5, schedule]})
    assert snapshot(o) == before
    assert vars(o).get("step") is step
    assert LRScheduler(o, lambda t: 0.5).get_last_lr() == [0.5, 1.0]


@pytest.mark.parametrize("epoch", [-1, 2.5, "3", math.nan, math.inf, 1j, [1], True])
def test_a_time_that_is_none_is_refused(epoch):
    o = sgd()
    s = LRScheduler(o, lambda t: 0.5**t)
    s.step()
    before = snapshot(o, s)
    with pytest.raises(ValueError, match="epoch, the number of updates made, must be"):
        s.step(epoch)
    assert snapshot(o, s) == before


@pytest.mark.parametrize("epoch", [3, 3.0, np.int64(3), torch.tensor(3)])
@pytest.mark.filterwarnings("ignore:The epoch parameter")
def test_a_time_may_be_given_as_in_torch(epoch):
    o = sgd()
    s = LRScheduler(o, lambda t: 0.5**t)
    s.step(epoch)
    assert (s.last_epoch, s.get_last_lr()) == (3, [0.125, 0.25])
    assert type(s.last_epoch) is int
    s.step(0)
    assert s.get_last_lr() == [1.0, 2.0]


def test_a_warning_that_is_an_error_changes_nothing():
    o = sgd()
    s = LRScheduler(o, lambda t: 0.5**t)
    before = snapshot(o, s)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        with pytest.raises(UserWarning, match=r"before `optimizer.step\(\)`"):
            s.step()
        o.step()
        with pytest.raises(UserWarning, match="epoch parameter"):
            s.step(5)
    assert snapshot(o, s) == before


@pytest.mark.parametrize("last_epoch", [None, 2.5, -2, "3", True, math.nan])
def test_a_first_time_that_is_none_is_refused(last_epoch):
    o = sgd()
    before = snapshot(o)
    with pytest.raises(ValueError, match="last_epoch must be"):
        LRScheduler(o, cosine(3), last_epoch=last_epoch)
    assert snapshot(o) == before


@pytest.mark.parametrize("schedule", [cosine(3), {"weight_decay": cosine(3)}])
def test_going_on_without_a_base_is_torchs_error(schedule):
    o = sgd()
    before = snapshot(o)
    says = r"param 'initial_lr' is not specified in param_groups\[0\] when resuming"
    with pytest.raises(KeyError, match=says):
        LRScheduler(o, schedule, last_epoch=3)
    with pytest.raises(KeyError, match=says):
        L.LambdaLR(sgd(), cosine(3), last_epoch=3)
    for group in o.param_groups:
        group["initial_lr"] = 1.0
    with pytest.raises(KeyError, match="param 'initial_weight_decay' is not"):
        LRScheduler(o, {"weight_decay": cosine(3)}, last_epoch=3)
    for group in o.param_groups:
        del group["initial_lr"]
    assert snapshot(o) == before


def mapped(o):
    return LRScheduler(o, {"lr": lambda t: 0.5**t, "weight_decay": cosine(5)})


BAD_STATES = {
    "of torch": lambda s: L.LambdaLR(sgd(), cosine(3)).state_dict(),
    "of torch's cosine": lambda s: L.CosineAnnealingLR(sgd(), 3).state_dict(),
    "of torch's sequence": lambda s: L.SequentialLR(
        o := sgd(), [LRScheduler(o, cosine(3)), LRScheduler(o, cosine(3))], [2]
    ).state_dict(),
    "empty": lambda s: {},
    "None": lambda s: None,
    "list": lambda s: [1, 2],
    "no time": lambda s: {"initial": s["initial"]},
    "no base": lambda s: {"last_epoch": 2},
    "time None": lambda s: {**s, "last_epoch": None},
    "time 2.5": lambda s: {**s, "last_epoch": 2.5},
    "time nan": lambda s: {**s, "last_epoch": math.nan},
    "time text": lambda s: {**s, "last_epoch": "2"},
    "base None": lambda s: {**s, "initial": None},
    "bases None": lambda s: {**s, "initial": {**s["initial"], "weight_decay": None}},
    "base of None": lambda s: {**s, "initial": {**s["initial"], "weight_decay": [None, None]}},
    "base nan": lambda s: {**s, "initial": {**s["initial"], "lr": [1.0, math.nan]}},
    "base text": lambda s: {**s, "initial": {**s["initial"], "lr": ["1", "2"]}},
    "base of three": lambda s: {**s, "initial": {**s["initial"], "lr": [torch.ones(3)] * 2}},
    "an entry less": lambda s: {**s, "initial": {"lr": s["initial"]["lr"]}},
    "another entry": lambda s: {**s, "initial": {**s["initial"], "momentum": [0.9, 0.9]}},
    "a group less": lambda s: {**s, "initial": {k: v[:1] for k, v in s["initial"].items()}},
    "values of one": lambda s: {**s, "values": {"lr": [1.0]}},
    "values of None": lambda s: {**s, "values": {k: [None] * 2 for k in s["initial"]}},
    "values None": lambda s: {**s, "values": None},
}


@pytest.mark.parametrize("change", BAD_STATES.values(), ids=BAD_STATES)
def test_a_bad_state_is_refused_in_one_line_and_nothing_changes(change):
    o = sgd()
    s = mapped(o)
    s.step(), s.step()
    state = change(s.state_dict())
    kept = copy.deepcopy(state)
    s.step()
    before = snapshot(o, s)
    with pytest.raises((ValueError, TypeError)) as caught:
        s.load_state_dict(state)
    assert "state" in str(caught.value)
    assert "\n" not in str(caught.value)
    assert snapshot(o, s) == before
    if isinstance(state, dict):
        assert repr(state) == repr(kept)


def test_a_state_at_whose_time_the_schedule_fails_changes_nothing():
    o = sgd()
    s = mapped(o)
    s.step(), s.step()
    state = s.state_dict()
    p = sgd()
    r = LRScheduler(p, {"lr": cosine(4), "weight_decay": lambda t: 1 / (2 - t)})
    before = snapshot(p, r)
    with pytest.raises(ZeroDivisionError):
        r.load_state_dict(state)
    assert snapshot(p, r) == before


ENTRIES = {
    "betas": ("betas", TypeError, "betas = \\(0.9, 0.999\\); a schedule needs one real number"),
    "maximize": ("maximize", TypeError, "maximize = False; a schedule needs one real number"),
    "params": ("params", TypeError, "params = "),
    "unknown": ("momentum", ValueError, "group 0 has no momentum to schedule"),
}


@pytest.mark.parametrize("make", [torch.optim.Adam, optlab.Adam])
@pytest.mark.parametrize(("key", "error", "says"), ENTRIES.values(), ids=ENTRIES)
def test_entries_that_are_no_numbers_are_refused(key, error, says, make):
    o = make([weight()], lr=0.1)
    before = list(o.param_groups[0])
    with pytest.raises(error, match=says) as caught:
        LRScheduler(o, {"lr": cosine(3), key: cosine(3)})
    assert "\n" not in str(caught.value)
    assert list(o.param_groups[0]) == before
    assert not hasattr(o.step, "_wrapped_by_lr_sched")


TENSORS = {
    "float32": torch.tensor(2.0),
    "of one": torch.tensor([2.0], dtype=torch.float64),
    "parameter": torch.nn.Parameter(torch.tensor(2.0)),
    "float16": torch.tensor(2.0, dtype=torch.float16),
    "of a graph": torch.tensor(1.0, requires_grad=True) * 2,
}


@pytest.mark.parametrize("lr", TENSORS.values(), ids=TENSORS)
def test_a_floating_tensor_of_any_kind_is_filled(lr):
    lr = lr.detach().clone().requires_grad_(lr.requires_grad)
    o = torch.optim.SGD([weight()], lr=lr)
    s = LRScheduler(o, lambda t: 0.5**t)
    s.step()
    assert o.param_groups[0]["lr"] is lr
    assert float(lr.detach()) == 1.0
    state = loaded(s)[0]
    s.step()
    s.load_state_dict(state)
    assert float(lr.detach()) == float(s.get_last_lr()[0]) == 1.0
    assert not s.get_last_lr()[0].requires_grad


def test_a_tensor_on_meta_is_scheduled_without_being_read():
    o = torch.optim.SGD([weight()], lr=0.1)
    o.param_groups[0]["lr"] = torch.tensor(1.0, device="meta")
    s = LRScheduler(o, lambda t: 0.5**t)
    s.step()
    s.load_state_dict(s.state_dict())
    assert s.last_epoch == 1
    assert o.param_groups[0]["lr"].is_meta


@pytest.mark.parametrize("dtype", [torch.int64, torch.int32, torch.bool, torch.complex64])
def test_a_tensor_that_cannot_hold_a_rate_is_refused(dtype):
    o = torch.optim.SGD([weight()], lr=1.0, weight_decay=0.5)
    o.param_groups[0]["weight_decay"] = torch.ones((), dtype=dtype)
    before = snapshot(o)
    with pytest.raises(ValueError, match=rf"group 0 has a tensor of {dtype} as weight_decay"):
        LRScheduler(o, {"lr": cosine(3), "weight_decay": cosine(3)})
    assert snapshot(o) == before


def test_an_integer_rate_does_not_become_zero():
    """Filled with 0.5 it would, in silence."""
    o = torch.optim.SGD([weight()], lr=torch.tensor(1))
    with pytest.raises(ValueError, match=r"torch.int64 as lr, which cannot hold"):
        LRScheduler(o, cosine(3))
    assert float(o.param_groups[0]["lr"]) == 1


def test_numpy_numbers_leave_checkpoints_that_torch_reads():
    families = [
        warmup(np.int64(5), then=cosine(np.int8(9), eta_min=np.float64(0.25))),
        sgdr(np.int32(3), np.int64(2), eta_min=np.float64(0.5), steps_per_epoch=np.int64(2)),
        step_drop([np.int64(2), np.int64(4)], gamma=np.float64(0.5)),
        step_drop(np.array([2, 4]), gamma=np.array(0.5)),
    ]
    plain = [
        warmup(5, then=cosine(9, eta_min=0.25)),
        sgdr(3, 2, eta_min=0.5, steps_per_epoch=2),
        step_drop([2, 4], gamma=0.5),
        step_drop([2, 4], gamma=0.5),
    ]
    for made, same in zip(families, plain, strict=True):
        o = torch.optim.SGD([weight()], lr=np.float64(0.5), weight_decay=np.float32(0.25))
        s = LRScheduler(o, {"lr": made, "weight_decay": lambda t: np.float32(0.5) ** t})
        for t in range(1, 8):
            s.step()
            of_optimizer, of_scheduler = loaded(o, s)
            assert of_optimizer["param_groups"][0]["lr"] == 0.5 * same(t)
        assert of_scheduler == {
            "last_epoch": 7,
            "initial": {"lr": [0.5], "weight_decay": [0.25]},
        }
    assert [repr(made) for made in families[:3]] == [repr(same) for same in plain[:3]]


def halving(t):
    return 0.5**t


def pickled(x):
    return pickle.loads(pickle.dumps(x))  # noqa: S301


@pytest.mark.parametrize("copied", [copy.deepcopy, pickled])
@pytest.mark.parametrize("steps", [0, 1, 3])
def test_a_copy_goes_on_by_itself(copied, steps):
    w = weight()
    o = torch.optim.SGD([{"params": [w]}, {"params": [weight()], "lr": torch.tensor(2.0)}], lr=1.0)
    s = LRScheduler(o, {"lr": [halving, cosine(8)], "weight_decay": halving})
    for _ in range(steps):
        o.step()
        s.step()
    before = snapshot(o, s)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        twin = copied(s)
        p = twin.optimizer
        assert p is not o
        p.step()
        twin.step()
        del p.param_groups[0]  # it knows its own groups
        p.step()
        twin.step()
    assert float(p.param_groups[0]["lr"]) == pytest.approx(2 * cosine(8)(steps + 2))
    assert snapshot(o, s) == before
