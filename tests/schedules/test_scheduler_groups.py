"""Groups that come, go, and are replaced while a scheduler is on."""

import pytest
import torch

import optlab
from optlab.schedules import LRScheduler, cosine, linear_decay

pytestmark = pytest.mark.filterwarnings("ignore:Detected call of")
HALVES = lambda t: 0.5**t  # noqa: E731


def weight():
    return torch.nn.Parameter(torch.ones(2))


def values(optimizer, key="lr"):
    return [float(group[key]) for group in optimizer.param_groups]


def snapshot(optimizer, scheduler):
    groups = [{k: v for k, v in g.items() if k != "params"} for g in optimizer.param_groups]
    return groups, scheduler.last_epoch, scheduler._step_count, scheduler.state_dict()


MAKE = {"torch": torch.optim.SGD, "optlab": optlab.SGD}


@pytest.mark.parametrize("make", MAKE.values(), ids=MAKE)
def test_an_added_group_is_scheduled_from_its_own_base(make):
    o = make([weight()], lr=1.0)
    s = LRScheduler(o, HALVES)
    s.step()
    o.add_param_group({"params": [weight()], "lr": 8.0})
    assert values(o) == [0.5, 8.0]
    s.step()
    assert values(o) == s.get_last_lr() == [0.25, 2.0]
    assert o.param_groups[1]["initial_lr"] == 8.0
    assert s.base_lrs == [1.0, 8.0]


def test_an_added_group_may_bring_its_base():
    o = torch.optim.SGD([weight()], lr=1.0)
    s = LRScheduler(o, HALVES)
    o.add_param_group({"params": [weight()], "lr": 3.0, "initial_lr": 4.0})
    s.step()
    assert values(o) == [0.5, 2.0]


def test_an_added_group_that_holds_the_tensor_of_the_others_has_their_base():
    o = torch.optim.SGD([weight()], lr=torch.tensor(1.0))
    s = LRScheduler(o, HALVES)
    s.step()
    o.add_param_group({"params": [weight()]})  # the default, which the schedule has filled
    assert o.param_groups[1]["lr"] is o.param_groups[0]["lr"]
    s.step()
    assert values(o) == [0.25, 0.25]


def test_a_removed_group_takes_its_base_and_schedule_with_it():
    a, b, c = weight(), weight(), weight()
    o = torch.optim.SGD([{"params": [p], "lr": lr} for p, lr in ((a, 1), (b, 10), (c, 100))])
    s = LRScheduler(o, [HALVES, lambda t: 1 - t / 4, lambda t: 1.0])
    s.step()
    assert values(o) == [0.5, 7.5, 100]
    del o.param_groups[0]
    s.step()
    assert values(o) == [5.0, 100]
    assert s.base_lrs == [10, 100]
    # one out, another in: the new one is not taken for the old
    one = LRScheduler(o, HALVES)
    o.param_groups.pop()
    o.add_param_group({"params": [weight()], "lr": 7.0})
    one.step()
    assert values(o) == [5.0, 3.5]


@pytest.mark.parametrize("key", ["lr", "weight_decay"])
def test_a_list_has_no_schedule_for_an_added_group_and_nothing_changes(key):
    o = torch.optim.SGD([weight()], lr=1.0, weight_decay=0.5)
    s = LRScheduler(o, {"lr": HALVES} | {key: [cosine(4)]})
    s.step()
    o.add_param_group({"params": [weight()], "lr": 2.0})
    before = snapshot(o, s)
    for _ in range(2):
        with pytest.raises(ValueError, match=rf"group 1 was added .* a list of schedules of {key}"):
            s.step()
        assert snapshot(o, s) == before


def test_an_added_group_that_cannot_be_scheduled_is_refused_and_nothing_changes():
    o = torch.optim.SGD([weight()], lr=1.0, weight_decay=0.5)
    s = LRScheduler(o, {"lr": HALVES, "weight_decay": HALVES})
    o.add_param_group({"params": [weight()], "weight_decay": None})
    before = snapshot(o, s)
    with pytest.raises(TypeError, match="group 1 has weight_decay = None"):
        s.step()
    del o.param_groups[1]["weight_decay"]
    with pytest.raises(ValueError, match="group 1 has no weight_decay"):
        s.step()
    o.param_groups[1]["weight_decay"] = None
    assert snapshot(o, s) == before


@pytest.mark.parametrize("late", ["before the states", "between the states"])
@pytest.mark.parametrize("first", ["optimizer", "scheduler"])
def test_a_group_added_on_the_way_is_resumed(first, late):
    """The script that goes on makes one group, as the first did, and adds the other."""

    def begun():
        o = torch.optim.SGD([weight()], lr=1.0, weight_decay=0.5)
        return o, LRScheduler(o, {"lr": HALVES, "weight_decay": linear_decay(8)})

    o, s = begun()
    s.step()
    o.add_param_group({"params": [weight()], "lr": 8.0})
    saved_before_a_step = o.state_dict(), s.state_dict()
    s.step()
    for states in (saved_before_a_step, (o.state_dict(), s.state_dict())):
        p, r = begun()
        pairs = [(p, states[0]), (r, states[1])]
        p.add_param_group({"params": [weight()], "lr": 99.0})
        if late == "between the states":
            r.step()  # it has met the group already, with another base
        for thing, state in pairs if first == "optimizer" else pairs[::-1]:
            thing.load_state_dict(state)
        while r.last_epoch < 4:
            r.step()
        assert values(p) == [1 / 16, 8 / 16]
        assert values(p, "weight_decay") == [0.25, 0.25]


def test_a_state_of_other_groups_changes_nothing():
    o = torch.optim.SGD([weight()], lr=1.0)
    s = LRScheduler(o, HALVES)
    state = s.state_dict()
    s.step()
    o.add_param_group({"params": [weight()]})
    before = snapshot(o, s)
    with pytest.raises(ValueError, match=r"\{'lr': 1\}, this scheduler \{'lr': 2\}"):
        s.load_state_dict(state)
    assert snapshot(o, s) == before


def test_groups_whose_parameters_are_replaced_keep_their_place():
    """As growing a set of points does; also after a state was loaded."""
    o = torch.optim.SGD([{"params": [weight()], "lr": 1}, {"params": [weight()], "lr": 10}])
    s = LRScheduler(o, [HALVES, lambda t: 1.0])
    o.param_groups[0]["params"][0] = torch.nn.Parameter(torch.ones(3))
    s.step()
    o.load_state_dict(o.state_dict())
    for group in o.param_groups:
        group["params"] = [torch.nn.Parameter(torch.ones(4))]
    s.step()
    assert values(o) == [0.25, 10]


def test_groups_that_change_places_take_their_schedules_along():
    o = torch.optim.SGD([{"params": [weight()], "lr": 1}, {"params": [weight()], "lr": 10}])
    s = LRScheduler(o, [HALVES, lambda t: 1.0])
    o.param_groups.reverse()
    o.load_state_dict(o.state_dict())  # new dictionaries, the same parameters
    s.step()
    assert values(o) == [10, 0.5]


def test_base_rates_that_are_set_are_used_as_in_torch():
    def rates(make):
        o = torch.optim.SGD([weight()], lr=1.0)
        s = make(o, HALVES)
        s.base_lrs = [4.0]
        s.step()
        return values(o)

    assert rates(LRScheduler) == rates(torch.optim.lr_scheduler.LambdaLR) == [2.0]
    o = torch.optim.SGD([weight()], lr=1.0)
    s = LRScheduler(o, HALVES)
    s.base_lrs = [1.0, 2.0]
    with pytest.raises(ValueError, match="base_lrs has 2 rates for 1 parameter groups"):
        s.step()
    assert (s.last_epoch, values(o)) == (0, [1.0])
