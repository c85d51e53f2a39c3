"""AdamW's two parametrizations: what a schedule, and what another learning rate, does to decay."""

import copy
import re
import warnings

import pytest
import torch
from torch.optim import lr_scheduler
from twins import assert_alike, parameters, train

import optlab
from optlab import schedules
from optlab.rules import adamw

COMMON = {"betas": (0.8, 0.9), "eps": 1e-3, "weight_decay": 0.25, "decay_by": "schedule"}
HYPER = {"beta1": 0.8, "beta2": 0.9, "eps": 1e-3, "weight_decay": 0.25}
ETAS = [1.0, 0.5, 0.25, 2.0, 1.0]


def by_the_rule(lr, etas=ETAS):
    """The paper's rule, with the schedule handed to it."""
    (p,) = parameters([(4,)])
    x, s = p.detach().clone(), adamw.init(p.detach())
    for step, eta in enumerate(etas):
        train(torch.optim.SGD([p], lr=0.0), [p], [step])  # only for the gradients
        x, s = adamw(x, p.grad, s, step + 1, lr=lr, eta=eta, **HYPER)
    return [x]


def tensor(x):
    return torch.tensor(x, dtype=torch.float64)


@pytest.mark.parametrize("execution", ["plain", "foreach", "compiled"])
@pytest.mark.parametrize("number", [float, tensor])
@pytest.mark.parametrize("lr", [0.1, 0.7])
def test_a_schedule_scales_the_decay_and_another_rate_leaves_it(lr, number, execution):
    params = parameters([(4,)])
    optimizer = optlab.AdamW(params, lr=number(lr), execution=execution, **COMMON)
    scheduler = lr_scheduler.LambdaLR(optimizer, lambda t: ETAS[min(t, 4)])
    for step in range(5):
        train(optimizer, params, [step])
        scheduler.step()
    assert_alike(params, by_the_rule(lr))


def decays(decay_by, lr, factor):
    """What is taken off a weight of 1 without a gradient, before and after lr changes."""
    p = torch.nn.Parameter(torch.ones(1, dtype=torch.float64))
    optimizer = optlab.AdamW([p], lr=lr, weight_decay=0.25, decay_by=decay_by)
    lost = []
    for rate in (lr, lr * factor):
        optimizer.param_groups[0]["lr"] = rate
        before = p.item()
        p.grad = torch.zeros_like(p)
        optimizer.step()
        lost.append(1 - p.item() / before)
    return lost


def test_by_lr_the_rate_multiplies_the_decay_and_by_schedule_only_its_change_does():
    assert decays("lr", 0.1, 0.5) == pytest.approx([0.025, 0.0125])
    assert decays("lr", 0.2, 0.5) == pytest.approx([0.05, 0.025])
    assert decays("schedule", 0.1, 0.5) == pytest.approx([0.25, 0.125])
    assert decays("schedule", 0.2, 0.5) == pytest.approx([0.25, 0.125])


@pytest.mark.parametrize("duplicate", [False, True])
def test_the_first_rate_is_remembered_without_a_scheduler_and_through_checkpoints(duplicate):
    params = parameters([(4,)])
    optimizer = optlab.AdamW(params, lr=0.1, **COMMON)
    for step, eta in enumerate(ETAS):
        optimizer.param_groups[0]["lr"] = 0.1 * eta
        if step == 3 and duplicate:
            params, optimizer = copy.deepcopy((params, optimizer))
        elif step == 3:
            again = optlab.AdamW(params, lr=9.0, **COMMON)
            again.load_state_dict(optimizer.state_dict())
            again.param_groups[0]["lr"] = 0.1 * eta
            optimizer = again
        train(optimizer, params, [step])
    assert_alike(params, by_the_rule(0.1))


def test_a_state_of_torch_s_has_no_first_rate_so_its_rate_is_the_first():
    params = parameters([(4,)])
    theirs = torch.optim.AdamW(params, lr=0.5)
    train(theirs, params, 2)
    optimizer = optlab.AdamW(params, lr=0.1, **COMMON)
    state = copy.deepcopy(theirs.state_dict())
    optimizer.load_state_dict(state)
    assert optimizer.param_groups[0]["base_lr"] == 0.5
    assert optimizer.param_groups[0]["decay_by"] == "schedule"
    train(optimizer, params, [2])


def test_each_group_has_its_own_first_rate_also_when_added_later():
    p, q = parameters([(4,), (4,)])
    with torch.no_grad():
        q.copy_(p)
    optimizer = optlab.AdamW([p], lr=0.1, **COMMON)
    optimizer.add_param_group({"params": [q], "lr": 0.7})
    for step, eta in enumerate(ETAS):
        optimizer.param_groups[0]["lr"] = 0.1 * eta
        optimizer.param_groups[1]["lr"] = 0.7 * eta
        (source,) = parameters([(4,)])
        train(torch.optim.SGD([source], lr=0.0), [source], [step])
        p.grad = q.grad = source.grad
        optimizer.step()
    assert_alike([p], by_the_rule(0.1))
    assert_alike([q], by_the_rule(0.7))


@pytest.mark.parametrize("execution", ["plain", "foreach", "compiled"])
def test_a_rate_of_zero_is_no_step(execution):
    params = parameters()
    before = [p.detach().clone() for p in params]
    optimizer = optlab.AdamW(params, lr=0.0, execution=execution, **COMMON)
    train(optimizer, params, 2)
    assert_alike(params, before, rtol=0, atol=0)


def one_cycle(optimizer):
    return torch.optim.lr_scheduler.OneCycleLR(optimizer, 0.5, total_steps=6)


def test_a_schedule_that_begins_low_warns_once_that_it_multiplies_the_decay():
    params = parameters([(3,)])
    optimizer = optlab.AdamW(params, lr=0.1, decay_by="schedule")
    scheduler = one_cycle(optimizer)
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        for step in range(5):
            train(optimizer, params, [step])
            scheduler.step()
    (said,) = [str(w.message) for w in caught if "decay_by" in str(w.message)]
    assert re.search(r"lr is \d+\.\d+ times its first value", said)


@pytest.mark.filterwarnings("error")
@pytest.mark.parametrize("decay_by", ["lr", "schedule"])
def test_other_schedules_do_not_warn(decay_by):
    params = parameters([(3,)])
    optimizer = optlab.AdamW(params, lr=0.1, decay_by=decay_by)
    make = one_cycle if decay_by == "lr" else lambda o: schedules.LRScheduler(o, warm_and_down)
    scheduler = make(optimizer)
    for step in range(5):
        train(optimizer, params, [step])
        scheduler.step()


def warm_and_down(t):
    """A schedule whose top is 1, up to rounding, from the rate that the optimizer was given."""
    return min(0.1 * (t + 1) * (1 + 1e-12), 1.0)
