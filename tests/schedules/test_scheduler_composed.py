"""Inside torch's SequentialLR and ChainedScheduler: as torch's LambdaLR in the same place."""

import copy
import io
import warnings

import pytest
import torch
from torch.optim import lr_scheduler as L

from optlab.schedules import LRScheduler, cosine, linear_decay, warmup


@pytest.fixture(autouse=True)
def _quiet():
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of the order of steps
        yield


A, B, C = (lambda t: 0.5), (lambda t: 0.9**t), (lambda t: 0.01 / (1 + t))
D, E = cosine(4, eta_min=0.125), warmup(2, start=0.25, then=linear_decay(5))

# What to make of an optimizer, given the class that takes (optimizer, schedule).
COMPOSED = {
    "three in sequence": lambda o, S: L.SequentialLR(o, [S(o, A), S(o, B), S(o, C)], [3, 6]),
    "of ours": lambda o, S: L.SequentialLR(o, [S(o, E), S(o, D)], [5]),
    "no first": lambda o, S: L.SequentialLR(o, [S(o, A), S(o, B), S(o, C)], [0, 4]),
    "torch before": lambda o, S: L.SequentialLR(
        o, [L.LinearLR(o, 0.1, total_iters=4), S(o, D)], [4]
    ),
    "torch after": lambda o, S: L.SequentialLR(o, [S(o, D), L.ExponentialLR(o, 0.9)], [4]),
    "torch's cosine after": lambda o, S: L.SequentialLR(
        o, [S(o, E), L.CosineAnnealingLR(o, 6)], [3]
    ),
    "chained": lambda o, S: L.ChainedScheduler([S(o, D), L.ExponentialLR(o, 0.9)], o),
    "chained last": lambda o, S: L.ChainedScheduler([L.ExponentialLR(o, 0.9), S(o, D)], o),
    "two chained": lambda o, S: L.ChainedScheduler([S(o, A), S(o, B)], o),
    "sequence in a chain": lambda o, S: L.ChainedScheduler(
        [L.SequentialLR(o, [S(o, A), S(o, B)], [3]), L.ExponentialLR(o, 0.9)], o
    ),
    "sequence in a sequence": lambda o, S: L.SequentialLR(
        o, [L.SequentialLR(o, [S(o, B), S(o, C)], [3]), S(o, A)], [6]
    ),
    "one cycle after": lambda o, S: L.SequentialLR(
        o, [S(o, A), L.OneCycleLR(o, 2.0, total_steps=20)], [3]
    ),
    "alone": lambda o, S: S(o, E),
}
STEPS = 11


def optimizer(tensor=False):
    w = torch.nn.Parameter(torch.ones(2))
    lr = torch.tensor(0.3, dtype=torch.float64) if tensor else 0.3
    return torch.optim.SGD([{"params": [w]}], lr=lr, momentum=0.9)


def run(o, s, steps):
    rates = []
    for _ in range(steps):
        rates.append(float(o.param_groups[0]["lr"]))
        o.step()
        s.step()
    return [*rates, float(o.param_groups[0]["lr"])]


def through_a_file(*things):
    file = io.BytesIO()
    torch.save([thing.state_dict() for thing in things], file)
    file.seek(0)
    return torch.load(file, weights_only=True)


def lambda_lr(o, schedule):
    return L.LambdaLR(o, schedule)


@pytest.mark.parametrize("tensor", [False, True], ids=["number", "tensor"])
@pytest.mark.parametrize("make", COMPOSED.values(), ids=COMPOSED)
def test_the_rates_are_those_of_torchs_lambda_in_the_same_place(make, tensor):
    ours, theirs = optimizer(tensor), optimizer(tensor)
    rates = run(ours, make(ours, LRScheduler), STEPS)
    assert rates == pytest.approx(run(theirs, make(theirs, lambda_lr), STEPS), rel=1e-14)


@pytest.mark.parametrize("tensor", [False, True], ids=["number", "tensor"])
@pytest.mark.parametrize("make", COMPOSED.values(), ids=COMPOSED)
def test_resuming_after_every_step_gives_the_rates_of_the_whole_run(make, tensor):
    whole = optimizer(tensor)
    s = make(whole, LRScheduler)
    expected, states = [], []
    for _ in range(STEPS):
        states.append(through_a_file(whole, s))
        expected += run(whole, s, 1)[:1]
    expected.append(float(whole.param_groups[0]["lr"]))
    for k, (of_optimizer, of_scheduler) in enumerate(states):
        for order in ("optimizer, scheduler", "scheduler, optimizer", "made last", "scheduler"):
            o = optimizer(tensor)
            if order == "made last":
                o.load_state_dict(of_optimizer)
            s = make(o, LRScheduler)
            if order == "scheduler, optimizer":
                s.load_state_dict(copy.deepcopy(of_scheduler))
            if order in ("optimizer, scheduler", "scheduler, optimizer"):
                o.load_state_dict(of_optimizer)
            if order != "scheduler, optimizer":
                s.load_state_dict(copy.deepcopy(of_scheduler))
            if order == "scheduler" and not _has_ours_in_all_places(s):
                continue  # torch's own leave the rate to the optimizer's state
            assert run(o, s, STEPS - k) == expected[k:], (k, order)


def _has_ours_in_all_places(s):
    if hasattr(s, "_schedulers"):
        return all(map(_has_ours_in_all_places, s._schedulers))
    return isinstance(s, LRScheduler)


def test_a_state_of_the_first_format_resumes_in_a_sequence_too():
    """Without "values": of all that were on the last sets the rate."""
    o = optimizer()
    s = COMPOSED["three in sequence"](o, LRScheduler)
    for k in range(9):
        state = s.state_dict()
        for child in state["_schedulers"]:
            child.pop("values", None)
        p = optimizer()
        r = COMPOSED["three in sequence"](p, LRScheduler)
        p.load_state_dict(o.state_dict())
        r.load_state_dict(state)
        assert run(p, r, 3)[0] == float(o.param_groups[0]["lr"]), k
        run(o, s, 1)


def both(o):
    return [
        LRScheduler(o, {"lr": A, "weight_decay": lambda t: 0.5}),
        LRScheduler(o, {"lr": B, "weight_decay": lambda t: 0.25**t}),
    ]


def test_all_entries_change_at_a_milestone():
    o = torch.optim.SGD([torch.nn.Parameter(torch.ones(2))], lr=0.1, weight_decay=0.1)
    s = L.SequentialLR(o, both(o), [2])
    group = o.param_groups[0]
    seen = []
    for _ in range(5):
        seen.append((group["lr"], group["weight_decay"]))
        o.step()
        s.step()
    expected = [(0.05, 0.05)] * 2 + [(0.1 * 0.9**t, 0.1 * 0.25**t) for t in range(3)]
    assert seen == [pytest.approx(pair) for pair in expected]


def test_an_entry_that_the_first_does_not_schedule_has_its_base_until_the_other_begins():
    """SequentialLR takes back the first step of the later schedulers, but of lr alone."""
    o = torch.optim.SGD([torch.nn.Parameter(torch.ones(2))], lr=0.1, weight_decay=torch.tensor(0.5))
    later = LRScheduler(o, {"lr": B, "weight_decay": warmup(4)})
    s = L.SequentialLR(o, [LRScheduler(o, A), later], [2])
    decays = []
    for _ in range(5):
        decays.append(float(o.param_groups[0]["weight_decay"]))
        s.step()
    assert decays == [0.5, 0.5, 0.0, 0.125, 0.25]


@pytest.mark.parametrize("k", range(6))
def test_mappings_resume_in_a_sequence(k):
    def begun():
        w = torch.nn.Parameter(torch.ones(2))
        o = torch.optim.SGD([w], lr=0.1, weight_decay=0.1)
        return o, L.SequentialLR(o, both(o), [3])

    def go(o, s, steps):
        seen = []
        for _ in range(steps):
            seen.append((o.param_groups[0]["lr"], o.param_groups[0]["weight_decay"]))
            s.step()
        return seen

    o, s = begun()
    go(o, s, k)
    states = through_a_file(o, s)
    expected = go(o, s, 5)
    for load in ("both", "the scheduler"):
        p, r = begun()
        if load == "both":
            p.load_state_dict(states[0])
        r.load_state_dict(copy.deepcopy(states[1]))
        assert go(p, r, 5) == expected


def test_two_schedulers_on_one_optimizer_each_have_their_entry():
    def begun():
        o = torch.optim.SGD([torch.nn.Parameter(torch.ones(2))], lr=1.0, weight_decay=0.5)
        return o, LRScheduler(o, D), LRScheduler(o, {"weight_decay": linear_decay(8)})

    o, s, d = begun()
    for t in range(4):
        assert o.param_groups[0]["lr"] == D(t)
        assert o.param_groups[0]["weight_decay"] == 0.5 * (1 - t / 8)
        assert s.get_last_lr() == [D(t)]
        s.step()
        d.step()
    p, s2, d2 = begun()
    s2.load_state_dict(s.state_dict())
    d2.load_state_dict(d.state_dict())
    assert (p.param_groups[0]["lr"], p.param_groups[0]["weight_decay"]) == (D(4), 0.25)
    # of the same entry, the one that steps last has its way, and is so resumed
    p, s, d = o, LRScheduler(o, A), LRScheduler(o, B)
    s.step(), d.step()
    assert p.param_groups[0]["lr"] == 0.9
    saved = s.state_dict(), d.state_dict()
    p.param_groups[0]["lr"] = 7.0
    s.load_state_dict(saved[0]), d.load_state_dict(saved[1])
    assert p.param_groups[0]["lr"] == 0.9


def test_a_rate_set_by_hand_lasts_until_the_next_step_and_is_saved():
    o = optimizer()
    s = LRScheduler(o, B)
    s.step()
    o.param_groups[0]["lr"] = 7.0
    state = s.state_dict()
    p = optimizer()
    r = LRScheduler(p, B)
    r.load_state_dict(state)
    assert r.get_last_lr() == [p.param_groups[0]["lr"]] == [7.0]
    for scheduler, of in ((s, o), (r, p)):
        scheduler.step()
        assert of.param_groups[0]["lr"] == 0.3 * 0.9**2
