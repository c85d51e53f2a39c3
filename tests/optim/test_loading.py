"""States that do not fit are refused whole; those that do are taken, by name where there is one."""

import copy

import pytest
import torch
from every import EVERY, NAMES, OF_MATRICES, make, parameters_for
from torch import nn
from twins import assert_alike, parameters, train

import optlab

TORCH = {
    "Adadelta": {},
    "Adafactor": {},
    "Adagrad": {},
    "Adam": {},
    "AdamW": {},
    "Adamax": {},
    "ASGD": {},
    "NAdam": {},
    "RAdam": {},
    "RMSprop": {"momentum": 0.9},
    "Rprop": {},
    "SGD": {"momentum": 0.9},
}
# Of those that are left out, torch keeps no counts.
COUNTED = [k for k in EVERY if not k.startswith("SGD") and k not in OF_MATRICES]
SHAPES = [(6, 5), (7,)]


def trained(cls, steps=2, shapes=SHAPES, dtype=torch.float64, **settings):
    params = parameters_for("Muon" if cls is optlab.Muon else "", dtype, shapes)
    optimizer = cls(params, **settings)
    train(optimizer, params, steps)
    return optimizer


def everything(optimizer):
    """All that a load could change."""
    groups = [{k: v for k, v in g.items() if k != "params"} for g in optimizer.param_groups]
    params = [p for g in optimizer.param_groups for p in g["params"]]
    state = [(k, v.clone()) for p in params for k, v in sorted(optimizer.state[p].items())]
    known = [bool(optimizer.last_step_taken), int(optimizer.steps_taken)]
    return copy.deepcopy(groups), [p.detach().clone() for p in params], state, known


def assert_refused(optimizer, state, line="."):
    """In one line, and nothing is changed; then the optimizer goes on."""
    before = everything(optimizer)
    with pytest.raises(ValueError, match=line) as caught:
        optimizer.load_state_dict(state)
    assert "\n" not in str(caught.value)
    assert len(str(caught.value)) < 300
    after = everything(optimizer)
    assert (before[0], before[3]) == (after[0], after[3])
    assert_alike(before[1], after[1], rtol=0, atol=0)
    assert [k for k, _ in before[2]] == [k for k, _ in after[2]]
    assert_alike([x for _, x in before[2]], [x for _, x in after[2]], rtol=0, atol=0)
    train(optimizer, [p for g in optimizer.param_groups for p in g["params"]], 1)


@pytest.mark.parametrize("steps", [0, 2])
@pytest.mark.parametrize("source", NAMES)
@pytest.mark.parametrize("target", NAMES)
def test_a_state_of_another_of_our_classes_is_refused(target, source, steps):
    if target == source:
        return
    state = trained(getattr(optlab, source), steps).state_dict()
    line = f"cannot load the state of {source} into {target}"
    assert_refused(trained(getattr(optlab, target)), state, line)


@pytest.mark.parametrize("steps", [0, 2])
@pytest.mark.parametrize("source", TORCH)
@pytest.mark.parametrize("target", NAMES)
def test_a_state_of_another_of_torch_s_classes_is_refused(target, source, steps):
    state = trained(getattr(torch.optim, source), steps, **TORCH[source]).state_dict()
    optimizer = trained(getattr(optlab, target))
    if source == target or (source, target) == ("Adagrad", "AdaGrad"):
        optimizer.load_state_dict(state)
        train(optimizer, optimizer.param_groups[0]["params"], 1)
    else:
        assert_refused(optimizer, state, "cannot load (the|a) state")


def from_before(state):
    """As versions saved it that did not write down the class, and distributed checkpoints do."""
    state = copy.deepcopy(state)
    for group in state["param_groups"]:
        del group["optimizer"]
    return state


@pytest.mark.parametrize("label", EVERY)
def test_a_state_that_does_not_say_its_class_is_still_loaded(label):
    params = parameters_for(label)
    optimizer = make(label, params)
    train(optimizer, params, 2)
    again = parameters_for(label)
    other = make(label, again)
    other.load_state_dict(from_before(optimizer.state_dict()))
    assert other.state_dict().keys() == {"state", "param_groups"}
    with torch.no_grad():
        for p, q in zip(params, again, strict=True):
            q.copy_(p)
    train(optimizer, params, [2])
    train(other, again, [2])
    assert_alike(params, again, rtol=0, atol=0)


@pytest.mark.parametrize(
    ("source", "target", "line"),
    [
        ("Adam", "Adafactor", "groups have no beta2_decay"),
        ("SGD", "Adam", "groups have no betas"),
        ("Sophia", "Adam", "parameter 0, of shape .*, has hessian, which is another optimizer's"),
        ("AMSGrad", "Adam", "has max_exp_avg_sq, which is another optimizer's"),
        ("Adam", "AMSGrad", "has no max_exp_avg_sq, which AMSGrad needs"),
        ("FullAdaGrad", "AdaGrad", "has no sum, which AdaGrad needs"),
        ("Lion", "LAMB", "has no exp_avg, which LAMB needs"),
    ],
)
def test_what_it_lacks_tells_that_it_is_another_s(source, target, line):
    state = (
        from_before(trained(getattr(optlab, source), momentum=0.9).state_dict())
        if (source == "SGD")
        else from_before(trained(getattr(optlab, source)).state_dict())
    )
    assert_refused(trained(getattr(optlab, target)), state, line)


def test_a_subclass_takes_the_state_of_its_base():
    class Mine(optlab.Adam):
        pass

    params = parameters(SHAPES)
    Mine(params).load_state_dict(trained(optlab.Adam).state_dict())
    assert_refused(trained(optlab.Adam), trained(Mine).state_dict(), "the state of Mine into Adam")


@pytest.mark.parametrize("label", EVERY)
def test_states_of_other_shapes_are_refused(label):
    params = parameters_for(label)
    optimizer = make(label, params)
    train(optimizer, params, 2)
    state = optimizer.state_dict()
    shaped = [k for k in state["state"][0] if k != "step"]
    for key in shaped:
        for change in (
            lambda x: x.flatten()[:-1],
            lambda x: torch.cat([x, x]),
            lambda x: x[None],
            lambda x: torch.zeros(()),
        ):
            entries = {**state["state"][0], key: change(state["state"][0][key])}
            changed = {**state, "state": {**state["state"], 0: entries}}
            fresh = parameters_for(label)
            other = make(label, fresh)
            train(other, fresh, 1)
            line = rf"parameter 0, of shape .*, has {key} of shape .*, where .* is needed"
            assert_refused(other, changed, line)


@pytest.mark.parametrize("label", EVERY)
def test_states_that_are_no_tensors_of_numbers_are_refused(label):
    params = parameters_for(label)
    optimizer = make(label, params)
    train(optimizer, params, 2)
    state = optimizer.state_dict()
    for key in (k for k in state["state"][0] if k != "step"):
        right = state["state"][0][key]
        for value in (
            "text",
            [1.0],
            7,
            right.long(),
            right.bool(),
            right.to(torch.complex128),
            right.to("meta"),
            right.to_sparse(),
            {"a": 1},
        ):
            entries = {**state["state"][0], key: value}
            changed = {**state, "state": {**state["state"], 0: entries}}
            fresh = parameters_for(label)
            assert_refused(make(label, fresh), changed, rf"parameter 0, of shape .*, .*{key}")


@pytest.mark.parametrize("nothing", [None, {}, KeyError])
@pytest.mark.parametrize(
    "label", [k for k in EVERY if not k.startswith("SGD") and k not in OF_MATRICES]
)
def test_a_state_that_lacks_one_of_its_parts_is_refused(label, nothing):
    params = parameters_for(label)
    optimizer = make(label, params)
    train(optimizer, params, 2)
    state = optimizer.state_dict()
    for key in state["state"][0]:
        entries = {k: v for k, v in state["state"][0].items() if k != key}
        if nothing is not KeyError:
            entries[key] = nothing
        changed = {**state, "state": {**state["state"], 0: entries}}
        line = f"has no {key}, which" if key != "step" else "has a state but no step count"
        assert_refused(make(label, parameters_for(label)), changed, line)


@pytest.mark.parametrize("nothing", [None, {}, KeyError])
def test_torch_s_sgd_counts_no_steps_and_its_buffer_was_begun(nothing):
    """The buffer of a first step is not damped; that of any later one is."""
    settings = {"lr": 0.1, "momentum": 0.9, "dampening": 0.5}
    runs = []
    for module in (torch.optim, optlab):
        params = parameters(SHAPES)
        optimizer = torch.optim.SGD(params, **settings)
        train(optimizer, params, 1)
        state = optimizer.state_dict()
        if nothing is not KeyError:
            state["state"][0]["step"] = nothing
        other = module.SGD(params, lr=1.0)
        other.load_state_dict(state)
        runs.append(train(other, params, range(1, 3)))
    assert_alike(*runs)
    assert int(other.steps_taken) == 3


@pytest.mark.parametrize("value", [None, {}])
def test_a_buffer_that_torch_had_not_begun_begins_here(value):
    params = parameters(SHAPES)
    state = optlab.SGD(params, momentum=0.9, dampening=0.5).state_dict()
    state["state"] = {0: {"momentum_buffer": value}, 1: {}}
    optimizer = optlab.SGD(params)
    optimizer.load_state_dict(state)
    train(optimizer, params, 2)
    again = parameters(SHAPES)
    train(optlab.SGD(again, momentum=0.9, dampening=0.5), again, 2)
    assert_alike(params, again, rtol=0, atol=0)


@pytest.mark.parametrize(
    "shape", [(4, 4, 4), (3, 1, 5), (64, 64, 3, 3), (5, 2, 7), (7, 5, 2), (2, 1, 3, 2)]
)
def test_torch_s_adafactor_averages_over_other_dimensions(shape):
    state = trained(torch.optim.Adafactor, shapes=[(3,), shape]).state_dict()
    line = r"parameter 1, .*keeps its row_var over other dimensions than torch's class does"
    assert_refused(trained(optlab.Adafactor, shapes=[(3,), shape]), state, line)


@pytest.mark.parametrize("shape", [(2, 5, 7), (1, 1, 3, 2), (2, 3, 4, 5), (5, 7), (7,)])
def test_where_they_are_the_same_it_goes_on(shape):
    params = parameters([shape])
    theirs = torch.optim.Adafactor(params, lr=0.1)
    train(theirs, params, 2)
    again = [nn.Parameter(p.detach().clone()) for p in params]
    ours = optlab.Adafactor(again)
    ours.load_state_dict(theirs.state_dict())
    train(theirs, params, range(2, 4))
    train(ours, again, range(2, 4))
    assert_alike(params, again)


@pytest.mark.parametrize(
    ("settings", "line"),
    [
        ({"lr": -1}, r"^Invalid learning rate: -1$"),
        ({"lr": float("nan")}, "Invalid learning rate: nan"),
        ({"betas": (1.5, 0.9)}, r"Invalid beta parameter at index 0: 1\.5"),
        ({"eps": "small"}, "Invalid epsilon value: small"),
        ({"maximize": 0.0}, "Invalid maximize value"),
        ({"weight_decay": torch.tensor(0.5)}, "only lr may be a tensor"),
        ({"amsgrad": True}, "cannot load a state with amsgrad=True: .*algorithm"),
    ],
    ids=str,
)
def test_impossible_settings_of_a_state_are_refused(settings, line):
    optimizer = trained(optlab.Adam)
    state = copy.deepcopy(optimizer.state_dict())
    state["param_groups"][0].update(settings)
    assert_refused(optimizer, state, line)


@pytest.mark.parametrize(
    "state",
    [
        {},
        {"model": 1, "optimizer": 2},
        {"state": {}},
        {"state": {}, "param_groups": {}},
        {"state": {}, "param_groups": [{}]},
        {"state": [], "param_groups": []},
        [],
        None,
    ],
    ids=str,
)
def test_what_is_no_state_is_refused_in_one_line(state):
    assert_refused(trained(optlab.Adam), state, "not the state of an optimizer")


def test_sizes_of_groups_are_told():
    optimizer = trained(optlab.Adam)
    one = trained(optlab.Adam, shapes=[(3,)]).state_dict()
    assert_refused(optimizer, one, "group 0 has 1 parameters, and 2 here")
    two = optlab.Adam([{"params": [p]} for p in parameters(SHAPES)]).state_dict()
    assert_refused(optimizer, two, "different number of parameter groups: 2, and here are 1")


def test_a_parameter_that_is_listed_twice_is_refused():
    optimizer = trained(optlab.Adam, shapes=[(3,), (3,)])
    state = optimizer.state_dict()
    state["param_groups"][0]["params"] = [1, 1]
    assert_refused(optimizer, state, "its groups list parameter 1 twice")


@pytest.mark.parametrize("when", ["before", "after"])
def test_a_hook_that_fails_undoes_the_load(when):
    optimizer = trained(optlab.Adam)

    def fail(*_):
        raise ValueError("mine")

    register = {
        "before": optimizer.register_load_state_dict_pre_hook,
        "after": optimizer.register_load_state_dict_post_hook,
    }[when]
    handle = register(fail)
    assert_refused(optimizer, trained(optlab.Adam, 4, lr=0.5).state_dict(), "mine")
    handle.remove()
    optimizer.load_state_dict(trained(optlab.Adam, 4, lr=0.5).state_dict())
    assert int(optimizer.steps_taken) == 4


def test_entries_of_others_are_kept_as_they_are():
    optimizer = trained(optlab.Adam)
    mask = torch.tensor([1, 2, 3])
    state = optimizer.state_dict()
    state["state"][0]["mask"] = mask
    state["state"][0]["note"] = {"words": ["x"], "more": mask}
    state["state"]["all"] = "kept"
    optimizer.load_state_dict(state)
    entries = optimizer.state[optimizer.param_groups[0]["params"][0]]
    assert entries["mask"].dtype == torch.int64
    assert entries["mask"].data_ptr() != mask.data_ptr()
    assert entries["note"]["words"] == ["x"]
    assert optimizer.state["all"] == "kept"


def model(order=("first", "second", "third"), prefix="", name=""):
    sizes = {"first": 2, "second": 3, "third": 2}  # two of the same shape
    params = parameters_for(name, shapes=[(n,) for n in sizes.values()])
    named = dict(zip(sizes, params, strict=True))
    return [(prefix + name, named[name]) for name in order]


@pytest.mark.parametrize("prefix", ["", "module.", "_orig_mod.", "module._orig_mod."])
@pytest.mark.parametrize("name", NAMES)
def test_state_goes_to_the_parameters_of_its_names(name, prefix):
    cls = getattr(optlab, name)
    saved = model(name=name)
    optimizer = cls(saved)
    train(optimizer, [p for _, p in saved], 3)
    turned = model(("third", "first", "second"), prefix, name)
    other = cls(turned)
    other.load_state_dict(optimizer.state_dict())
    by_name = dict(saved)
    for called, p in turned:
        theirs = optimizer.state[by_name[called.removeprefix(prefix)]]
        assert_alike(other.state[p].values(), theirs.values(), rtol=0, atol=0)
    assert other.param_groups[0]["param_names"] == [called for called, _ in turned]
    train(other, [p for _, p in turned], 1)


def test_other_names_are_refused_and_the_first_is_named():
    optimizer = optlab.Adam(saved := model())
    train(optimizer, [p for _, p in saved], 1)
    state = optimizer.state_dict()
    renamed = [("first", saved[0][1]), ("zweite", saved[1][1]), ("third", saved[2][1])]
    other = optlab.Adam(renamed)
    line = "parameter 'zweite' is in group 0 here, and in the state there is none of that name"
    assert_refused(other, state, line)
    halves = [{"params": saved[:2]}, {"params": saved[2:]}]
    moved = [{"params": [saved[0], saved[2]]}, {"params": [saved[1]]}]
    state = optlab.Adam(halves).state_dict()
    line = "parameter 'third' is in group 0 here, and in the state it is in group 1"
    assert_refused(optlab.Adam(moved), state, line)


def test_without_names_on_both_sides_the_order_decides_as_in_torch():
    optimizer = optlab.Adam(saved := model())
    train(optimizer, [p for _, p in saved], 1)
    state = optimizer.state_dict()
    unnamed = optlab.Adam(params := [p for _, p in model()])
    unnamed.load_state_dict(state)
    assert unnamed.param_groups[0]["param_names"] == ["first", "second", "third"]
    assert unnamed.state[params[1]]["exp_avg"].shape == (3,)
    without = copy.deepcopy(state)
    del without["param_groups"][0]["param_names"]
    named = optlab.Adam(model(("first", "second", "third"), "net."))
    named.load_state_dict(without)
    assert named.param_groups[0]["param_names"] == ["net.first", "net.second", "net.third"]


def test_what_torch_saved_is_read_where_the_class_says_so():
    params = [p for _, p in model()]
    torch_s = torch.optim.SGD(params, 0.1)
    optimizer = optlab.Lion([p for _, p in model()])
    with pytest.raises(ValueError, match="torch has no class of this name"):
        optimizer.load_state_dict(torch_s.state_dict())

    class Adadelta(optlab.Lion):  # torch has one
        pass

    with pytest.raises(ValueError, match=r"not read the states of torch\.optim\.Adadelta"):
        Adadelta(params).load_state_dict(torch_s.state_dict())
