"""A scheduler that follows the steps that the optimizer took, not the calls."""

import copy
import warnings

import pytest
import torch

import optlab
from optlab.schedules import LRScheduler, cosine, linear_decay, sgdr, warmup

BAD = [2, 3, 7]  # steps whose gradients are not finite
RATE = linear_decay(20)


@pytest.fixture(autouse=True)
def _no_warnings():
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        yield


def begun(make=optlab.Adam, schedule=RATE, **settings):
    w = torch.nn.Parameter(torch.ones(3, dtype=torch.float64))
    o = make([w], **{"lr": 0.5, "nonfinite": "skip", **settings})
    return w, o, LRScheduler(o, schedule, follow="steps")


def train(w, o, s, steps):
    rates = []
    for k in steps:
        rates.append(float(o.param_groups[0]["lr"]))
        w.grad = torch.full_like(w, float("nan") if k in BAD else 1.0)
        o.step()
        s.step()
    return rates


def expected(steps):
    taken = [sum(j not in BAD for j in range(k)) for k in steps]
    return [0.5 * RATE(t) for t in taken]


@pytest.mark.parametrize("make", [optlab.Adam, optlab.SGD, optlab.AdamW])
@pytest.mark.parametrize("tensor", [False, True], ids=["number", "tensor"])
def test_a_skipped_step_does_not_count(make, tensor):
    lr = torch.tensor(0.5, dtype=torch.float64) if tensor else 0.5
    w, o, s = begun(make, lr=lr)
    assert train(w, o, s, range(10)) == expected(range(10))
    assert s.last_epoch == 7
    # the calls count all ten
    w, o, _ = begun(make)
    s = LRScheduler(o, RATE)
    train(w, o, s, range(10))
    assert s.last_epoch == 10


def test_a_step_that_was_not_called_does_not_count_and_is_no_warning():
    """As a GradScaler does where it finds an infinite gradient, in the first step at that."""
    w, o, s = begun()
    s.step()
    s.step()
    assert (s.last_epoch, o.param_groups[0]["lr"]) == (0, 0.5)
    train(w, o, s, [0, 1])
    assert s.last_epoch == 2


def test_several_steps_between_two_calls_count_all():
    w, o, s = begun()
    for _ in range(3):
        w.grad = torch.ones_like(w)
        o.step()
    s.step()
    assert s.last_epoch == 3


def test_steps_before_the_scheduler_was_made_do_not_count():
    w, o, s = begun()
    train(w, o, s, range(5))
    second = LRScheduler(o, warmup(4, start=0.5), follow="steps")
    assert second.last_epoch == 0
    train(w, o, second, [0])
    assert second.last_epoch == 1
    with pytest.warns(UserWarning, match="epoch parameter"):
        second.step(0)
    train(w, o, second, [0, 1])
    assert second.last_epoch == 2


@pytest.mark.parametrize("make", [optlab.Adam, optlab.SGD])
@pytest.mark.parametrize("order", ["optimizer first", "scheduler first", "made last"])
def test_resuming_after_every_step_and_between_the_two_calls(make, order):
    w, o, s = begun(make, momentum=0.9) if make is optlab.SGD else begun(make)
    points = []
    for k in range(10):
        points.append(
            (k, None, w.detach().clone(), *copy.deepcopy((o.state_dict(), s.state_dict())))
        )
        w.grad = torch.full_like(w, float("nan") if k in BAD else 1.0)
        o.step()
        points.append((k, s, w.detach().clone(), *copy.deepcopy((o.state_dict(), s.state_dict()))))
        s.step()
    for k, between, weights, of_optimizer, of_scheduler in points:
        v = weights.clone().requires_grad_()
        p = make([v], lr=0.5, nonfinite="skip", **({"momentum": 0.9} if make is optlab.SGD else {}))
        if order == "made last":
            p.load_state_dict(of_optimizer)
        r = LRScheduler(p, RATE, follow="steps")
        if order == "scheduler first":
            r.load_state_dict(of_scheduler)
        if order != "made last":
            p.load_state_dict(of_optimizer)
        if order != "scheduler first":
            r.load_state_dict(of_scheduler)
        if between:
            r.step()
            k += 1
        assert train(v, p, r, range(k, 10)) == expected(range(k, 10))
        assert r.last_epoch == s.last_epoch == 7
        assert torch.equal(v, w)


def test_a_copy_follows_its_own_optimizer():
    w, o, s = begun()
    train(w, o, s, range(4))
    twin = copy.deepcopy(s)
    twin.optimizer.load_state_dict(o.state_dict())
    (v,) = twin.optimizer.param_groups[0]["params"]
    train(v, twin.optimizer, twin, [4, 5])
    assert (twin.last_epoch, s.last_epoch) == (4, 2)


def test_a_schedule_that_raises_is_tried_again_at_the_same_time():
    trouble = [True]

    def schedule(t):
        if t == 2 and trouble[0]:
            raise RuntimeError("of the schedule itself")
        return RATE(t)

    w, o, s = begun(schedule=schedule)
    train(w, o, s, [0])
    with pytest.raises(RuntimeError, match="itself"):
        train(w, o, s, [1])
    assert s.last_epoch == 1
    trouble[0] = False
    s.step()
    assert (s.last_epoch, o.param_groups[0]["lr"]) == (2, 0.5 * RATE(2))


def test_what_cannot_be_followed_is_refused_in_one_line():
    w = torch.nn.Parameter(torch.ones(2))
    o = torch.optim.SGD([w], lr=0.1)
    keys = list(o.param_groups[0])
    with pytest.raises(TypeError, match="SGD has no steps_taken to follow: take an optimizer of"):
        LRScheduler(o, RATE, follow="steps")
    with pytest.raises(ValueError, match="follow must be one of calls, steps; got 'epochs'"):
        LRScheduler(o, RATE, follow="epochs")
    assert list(o.param_groups[0]) == keys


class Elsewhere(torch.Tensor):
    """A number on a device that must not be waited for: reading it fails."""

    waited = False

    @classmethod
    def __torch_function__(cls, func, types, args=(), kwargs=None):
        names = ("item", "__bool__", "__int__", "__float__", "__index__", "tolist", "cpu")
        if func.__name__ in names and not cls.waited:
            raise AssertionError(f"waited for the device: {func.__name__}")
        if func.__name__ == "__get__":  # the device
            name = getattr(func.__self__, "__name__", "")
            if name == "device":
                return torch.device("cuda")
        return super().__torch_function__(func, types, args, kwargs or {})


@pytest.mark.parametrize("schedule", [RATE, cosine(9), warmup(3, then=cosine(6))])
def test_where_the_rate_is_a_tensor_nothing_waits_for_the_device(monkeypatch, schedule):
    lr = torch.tensor(0.5, dtype=torch.float64)
    _, o, s = begun(schedule=schedule, lr=lr)
    counted = torch.tensor(0).as_subclass(Elsewhere)
    monkeypatch.setattr(type(o), "steps_taken", property(lambda self: counted))
    s._steps_seen = counted.clone()
    for t in range(1, 8):
        counted = counted + 1
        s.step()
        seen = float(lr.as_subclass(torch.Tensor))
        assert seen == pytest.approx(0.5 * float(schedule(t)), abs=1e-15)
    monkeypatch.setattr(Elsewhere, "waited", True)
    assert s.last_epoch == 7
    assert s.state_dict()["last_epoch"] == 7


@pytest.mark.parametrize("schedule", [sgdr(3), lambda t: 0.5**t], ids=["restarts", "function"])
def test_otherwise_it_waits(schedule):
    assert not begun(schedule=schedule, lr=torch.tensor(0.5))[2]._on_device()
    assert not begun(lr=0.5)[2]._on_device()
