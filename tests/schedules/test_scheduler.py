"""The LRScheduler: rates by hand, groups, tensors in place, and resuming with the same bits."""

import copy
import io
import warnings

import pytest
import torch

import optlab
from optlab import schedules
from optlab.schedules import LRScheduler

OPTIMIZERS = {
    "optlab Adam": lambda p, lr: optlab.Adam(p, lr=lr),
    "optlab SGD": lambda p, lr: optlab.SGD(p, lr=lr, momentum=0.9, weight_decay=0.1),
    "torch Adam": lambda p, lr: torch.optim.Adam(p, lr=lr),
    "torch SGD": lambda p, lr: torch.optim.SGD(p, lr=lr, momentum=0.9, weight_decay=0.1),
}
RESTARTED = schedules.warmup(3, start=0.25, then=schedules.sgdr(4, 2, eta_min=0.01))


@pytest.fixture(autouse=True)
def _no_warnings():
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        yield


def parameter():
    return torch.tensor([1.0, -2.0, 3.0], requires_grad=True)


def train(p, optimizer, scheduler, steps):
    """Steps on |p|⁴; returns the rates used."""
    lrs = []
    for _ in range(steps):
        optimizer.zero_grad()
        (p**4).sum().backward()
        lrs.append([float(group["lr"]) for group in optimizer.param_groups])
        optimizer.step()
        scheduler.step()
    return lrs


@pytest.mark.parametrize("make", OPTIMIZERS.values(), ids=OPTIMIZERS)
def test_each_update_uses_the_base_rate_times_the_schedule(make):
    p = parameter()
    optimizer = make([p], 0.01)
    scheduler = LRScheduler(optimizer, RESTARTED)
    assert scheduler.get_last_lr() == [0.01 * RESTARTED(0)]
    assert train(p, optimizer, scheduler, 20) == [[0.01 * RESTARTED(t)] for t in range(20)]
    assert scheduler.last_epoch == 20
    assert scheduler.get_last_lr() == [0.01 * RESTARTED(20)]
    assert optimizer.param_groups[0]["initial_lr"] == 0.01


def test_one_schedule_for_each_group():
    p, q = parameter(), parameter()
    optimizer = torch.optim.SGD([{"params": [p]}, {"params": [q], "lr": 0.5}], lr=1.0)
    scheduler = LRScheduler(optimizer, [schedules.cosine(3), lambda t: 1 / (t + 1)])
    lrs = []
    for _ in range(4):
        lrs += scheduler.get_last_lr()
        optimizer.step()
        scheduler.step()
    assert lrs == pytest.approx([1, 0.5, 0.75, 0.25, 0.25, 0.5 / 3, 0, 0.125], abs=1e-15)


def test_weight_decay_may_follow_a_schedule_of_its_own():
    def decay(t):
        return schedules.adamwr(2, 2)(t) * schedules.adamwr_weight_decay(2, 2)(t)

    p = parameter()
    optimizer = optlab.SGD([p], lr=0.1, weight_decay=0.5)
    scheduler = LRScheduler(optimizer, {"lr": schedules.adamwr(2, 2), "weight_decay": decay})
    (group,) = optimizer.param_groups
    values = []
    for _ in range(4):
        values.append((group["lr"], group["weight_decay"]))
        optimizer.step()
        scheduler.step()
    expected = [(0.1 * schedules.adamwr(2, 2)(t), 0.5 * decay(t)) for t in range(4)]
    assert values == expected
    assert values[2] == (0.1, 0.5 * 4**-0.5)
    assert group["initial_weight_decay"] == 0.5


def test_an_entry_without_schedule_stays():
    optimizer = torch.optim.SGD([parameter()], lr=0.1, weight_decay=0.5)
    scheduler = LRScheduler(optimizer, {"weight_decay": schedules.linear_decay(4)})
    optimizer.step()
    scheduler.step()
    assert optimizer.param_groups[0]["lr"] == 0.1
    assert optimizer.param_groups[0]["weight_decay"] == 0.375


@pytest.mark.parametrize("make", OPTIMIZERS.values(), ids=OPTIMIZERS)
def test_a_tensor_rate_is_filled_in_place(make):
    p, lr = parameter(), torch.tensor(0.01)
    optimizer = make([p], lr)
    held = optimizer.param_groups[0]["lr"]
    scheduler = LRScheduler(optimizer, RESTARTED)
    train(p, optimizer, scheduler, 5)
    state = scheduler.state_dict()
    scheduler.load_state_dict(state)
    assert optimizer.param_groups[0]["lr"] is held
    assert held.item() == pytest.approx(0.01 * RESTARTED(5), rel=1e-6)
    # nothing that the scheduler gives out or keeps is the tensor that it fills
    last, initial = scheduler.get_last_lr()[0], optimizer.param_groups[0]["initial_lr"]
    live = scheduler.state_dict()["initial"]["lr"][0]
    for tensor in (last, initial, live, state["initial"]["lr"][0]):
        tensor.zero_()
    assert held.item() == pytest.approx(0.01 * RESTARTED(5), rel=1e-6)
    optimizer.step()
    scheduler.step()
    assert held.item() == pytest.approx(0.01 * RESTARTED(6), rel=1e-6)


def save(*things):
    """State dictionaries as they come back from a file that holds plain data only."""
    file = io.BytesIO()
    torch.save([thing.state_dict() for thing in things], file)
    file.seek(0)
    return torch.load(file, weights_only=True)


def both(optimizer, scheduler, state, order):
    """Construct and load an optimizer and a scheduler in one of the possible orders."""
    opt, sch = state
    o = optimizer()
    if order == "both, then load":
        s = scheduler(o)
        o.load_state_dict(opt)
        s.load_state_dict(sch)
    elif order == "both, then load the scheduler first":
        s = scheduler(o)
        s.load_state_dict(sch)
        o.load_state_dict(opt)
    else:
        o.load_state_dict(opt)
        s = scheduler(o)
        s.load_state_dict(sch)
    return o, s


ORDERS = ["both, then load", "both, then load the scheduler first", "load, then the scheduler"]


@pytest.mark.parametrize("order", ORDERS)
@pytest.mark.parametrize("tensor", [False, True], ids=["number", "tensor"])
@pytest.mark.parametrize("make", OPTIMIZERS.values(), ids=OPTIMIZERS)
def test_resuming_at_every_step_of_twenty_has_the_same_bits(make, tensor, order):
    def optimizer(p, lr=0.01):
        return make([p], torch.tensor(lr, dtype=torch.float64) if tensor else lr)

    def scheduler(o):
        return LRScheduler(o, RESTARTED)

    p = parameter()
    o = optimizer(p)
    s = scheduler(o)
    states, points, lrs = [], [], []
    for _ in range(20):
        states.append(save(o, s))
        points.append(p.detach().clone())
        lrs += train(p, o, s, 1)

    for k in range(20):
        q = points[k].clone().requires_grad_()
        # the new script asks for another rate; the checkpoint knows better
        o, s = both(lambda q=q: optimizer(q, lr=0.5), scheduler, states[k], order)
        assert train(q, o, s, 20 - k) == lrs[k:]
        assert torch.equal(q, p)
        assert s.last_epoch == 20


def test_the_state_of_the_scheduler_alone_brings_the_rates_back():
    p = parameter()
    o = optlab.SGD([p], lr=1.0, weight_decay=0.5)
    both_scheduled = {"lr": schedules.cosine(10), "weight_decay": schedules.linear_decay(10)}
    s = LRScheduler(o, both_scheduled)
    train(p, o, s, 3)
    fresh = optlab.SGD([parameter()], lr=7.0, weight_decay=7.0)
    resumed = LRScheduler(fresh, both_scheduled)
    resumed.load_state_dict(s.state_dict())
    (group,) = fresh.param_groups
    assert resumed.get_last_lr() == [group["lr"]] == [schedules.cosine(10)(3)]
    assert group["weight_decay"] == 0.5 * (1 - 3 / 10)
    assert resumed.base_lrs == [1.0]
    resumed.step()  # as when a run stopped between the two steps: no warning about their order
    assert group["lr"] == schedules.cosine(10)(4)


def test_construction_on_a_loaded_optimizer_leaves_its_rate():
    p = parameter()
    o = torch.optim.SGD([p], lr=1.0)
    s = LRScheduler(o, schedules.cosine(10))
    train(p, o, s, 3)
    resumed = torch.optim.SGD([parameter()], lr=1.0)
    resumed.load_state_dict(o.state_dict())
    scheduler = LRScheduler(resumed, schedules.cosine(10))
    assert resumed.param_groups[0]["lr"] == schedules.cosine(10)(3)
    assert scheduler.get_last_lr() == [schedules.cosine(10)(3)]
    # torch's own resets it
    torch_resumed = torch.optim.SGD([parameter()], lr=1.0)
    torch_resumed.load_state_dict(o.state_dict())
    torch.optim.lr_scheduler.LambdaLR(torch_resumed, schedules.cosine(10))
    assert torch_resumed.param_groups[0]["lr"] == 1.0


def test_a_new_schedule_on_a_loaded_optimizer():
    p = parameter()
    o = torch.optim.SGD([p], lr=1.0)
    train(p, o, LRScheduler(o, schedules.cosine(10)), 3)
    resumed = torch.optim.SGD([parameter()], lr=1.0)
    resumed.load_state_dict(o.state_dict())
    for group in resumed.param_groups:
        group["lr"] = 0.5
        del group["initial_lr"]
    assert LRScheduler(resumed, schedules.warmup(4, start=0.5)).get_last_lr() == [0.25]


def test_a_second_scheduler_on_a_running_optimizer_begins_at_its_zero():
    p = parameter()
    o = torch.optim.SGD([p], lr=1e-3)
    train(p, o, LRScheduler(o, schedules.cosine(10)), 3)
    second = LRScheduler(o, schedules.warmup(4, start=0.5))
    assert second.get_last_lr() == [0.5e-3]
    assert o.param_groups[0]["lr"] == 0.5e-3


def test_last_epoch_begins_at_the_time_after_it_as_in_torch():
    group = {"params": [parameter()], "initial_lr": 1.0}
    ours = LRScheduler(torch.optim.SGD([group], lr=0.1), schedules.cosine(10), last_epoch=3)
    group = {"params": [parameter()], "initial_lr": 1.0}
    optimizer = torch.optim.SGD([group], lr=0.1)
    theirs = torch.optim.lr_scheduler.LambdaLR(optimizer, schedules.cosine(10), last_epoch=3)
    assert ours.last_epoch == theirs.last_epoch == 4
    assert ours.get_last_lr() == theirs.get_last_lr() == [schedules.cosine(10)(4)]


def test_a_live_state_dict_is_not_changed_by_further_steps():
    p = parameter()
    o = torch.optim.SGD([p], lr=1.0)
    s = LRScheduler(o, schedules.cosine(10))
    state = s.state_dict()
    before = copy.deepcopy(state)
    train(p, o, s, 2)
    assert state == before == {"last_epoch": 0, "initial": {"lr": [1.0]}}


def test_a_scheduled_run_is_the_run_with_its_rates_set_by_hand():
    p, q = parameter(), parameter()
    o = optlab.Adam([p], lr=0.01)
    train(p, o, LRScheduler(o, schedules.cosine(6)), 6)
    by_hand = optlab.Adam([q], lr=0.01)
    for t in range(6):
        by_hand.param_groups[0]["lr"] = 0.01 * schedules.cosine(6)(t)
        by_hand.zero_grad()
        (q**4).sum().backward()
        by_hand.step()
    assert torch.equal(p, q)


def test_adamwr_is_adamw_with_two_schedules():
    α, λ_norm, start = 0.1, 0.5, 2.0
    p = torch.tensor([start], dtype=torch.float64, requires_grad=True)
    o = optlab.AdamW([p], lr=α, eps=0, weight_decay=λ_norm, decay_by="schedule")
    cycles = {"T_0": 1, "T_mult": 3, "steps_per_epoch": 2}
    s = LRScheduler(
        o,
        {"lr": schedules.adamwr(**cycles), "weight_decay": schedules.adamwr_weight_decay(**cycles)},
    )
    # η_t over cycles of 2 and 6 updates; the gradient is 1 throughout, so Adam's step is α
    etas = [1, 1 / 2, 1, (2 + 3**0.5) / 4, 3 / 4]
    lengths = [2, 2, 6, 6, 6]
    expected = start
    for η, length in zip(etas, lengths, strict=True):
        expected -= η * (α + λ_norm / length**0.5 * expected)
        p.grad = torch.ones_like(p)
        o.step()
        s.step()
        assert p.item() == pytest.approx(expected, rel=1e-12)


@pytest.mark.parametrize("order", ORDERS)
def test_a_scheduled_weight_decay_resumes_too(order):
    def optimizer():
        return optlab.SGD([q], lr=0.01, weight_decay=0.5)

    def scheduler(o):
        return LRScheduler(o, {"lr": RESTARTED, "weight_decay": schedules.linear_decay(20)})

    q = p = parameter()
    o = optimizer()
    s = scheduler(o)
    train(p, o, s, 7)
    state, q = save(o, s), p.detach().clone().requires_grad_()
    lrs = train(p, o, s, 5)
    o, s = both(optimizer, scheduler, state, order)
    assert o.param_groups[0]["weight_decay"] == 0.5 * (1 - 7 / 20)
    assert train(q, o, s, 5) == lrs
    assert torch.equal(p, q)


@pytest.mark.parametrize(
    ("schedule", "error", "says"),
    [
        (0.5, TypeError, "the schedule of lr must be a function t -> multiplier"),
        ([0.5], TypeError, "the schedule of lr must be a function t -> multiplier"),
        ([schedules.cosine(3)] * 2, ValueError, "2 schedules of lr for 1 parameter groups"),
        ({"decay": schedules.cosine(3)}, ValueError, "parameter group 0 has no decay to schedule"),
    ],
)
def test_bad_schedules_are_refused_before_anything_changes(schedule, error, says):
    optimizer = torch.optim.SGD([parameter()], lr=1.0)
    keys = set(optimizer.param_groups[0])
    with pytest.raises(error, match=says):
        LRScheduler(optimizer, schedule)
    assert set(optimizer.param_groups[0]) == keys


def test_an_optimizer_is_needed():
    with pytest.raises(TypeError, match="int is not an Optimizer"):
        LRScheduler(3, schedules.cosine(3))


def test_groups_that_share_a_tensor_cannot_be_scheduled_apart():
    groups = [{"params": [parameter()]}, {"params": [parameter()]}]
    optimizer = torch.optim.SGD(groups, lr=torch.tensor(1.0))
    with pytest.raises(ValueError, match="share one lr tensor"):
        LRScheduler(optimizer, [schedules.constant(), schedules.cosine(3)])
    LRScheduler(optimizer, schedules.cosine(3))  # the same for all is fine


def test_a_state_of_other_groups_is_refused():
    one = LRScheduler(torch.optim.SGD([parameter()], lr=1.0), schedules.cosine(3))
    groups = [{"params": [parameter()]}, {"params": [parameter()]}]
    two = LRScheduler(torch.optim.SGD(groups, lr=1.0), schedules.cosine(3))
    with pytest.raises(ValueError, match=r"\{'lr': 1\}, this scheduler \{'lr': 2\}"):
        two.load_state_dict(one.state_dict())
