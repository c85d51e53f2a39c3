"""State that is saved, loaded, exchanged with torch, and resumed from."""

import copy
import io

import pytest
import torch
from every import NAMES, clones, parameters_for
from twins import SHAPES, assert_alike, parameters, train

import optlab

SETTINGS = [
    ("SGD", {"lr": 0.1}),
    ("SGD", {"lr": 0.1, "momentum": 0.9, "dampening": 0.3, "weight_decay": 0.1}),
    ("SGD", {"lr": 0.1, "momentum": 0.9, "nesterov": True, "maximize": True}),
    ("Adam", {"lr": 0.1}),
    (
        "Adam",
        {"lr": torch.tensor(0.1, dtype=torch.float64), "betas": (0.5, 0.9), "weight_decay": 0.1},
    ),
    ("AdamW", {"lr": 0.1, "weight_decay": 0.1}),
    ("AdaGrad", {"lr": 0.1, "initial_accumulator_value": 0.5, "maximize": True}),
    ("Adafactor", {"lr": 0.1, "weight_decay": 0.1, "eps": (1e-30, 1e-3)}),
]


def saved_and_loaded(state_dict):
    """Through a file, as the cautious load it."""
    file = io.BytesIO()
    torch.save(state_dict, file)
    file.seek(0)
    return torch.load(file, weights_only=True)


def of(module, name):
    return module.Adagrad if (module, name) == (torch.optim, "AdaGrad") else getattr(module, name)


@pytest.mark.parametrize(("name", "settings"), SETTINGS, ids=str)
@pytest.mark.parametrize(("source", "target"), [(optlab, torch.optim), (torch.optim, optlab)])
def test_state_goes_over_to_torch_and_back(name, settings, source, target):
    # torch's Adafactor is another one for three dimensions, and fails for none or no entries
    params = parameters([(40, 30), (7,), (3, 2)] if name == "Adafactor" else SHAPES)
    optimizer = of(source, name)(params, **settings)
    train(optimizer, params, range(3))
    taken = clones(params)
    other = of(target, name)(taken, lr=9.0)
    other.load_state_dict(saved_and_loaded(optimizer.state_dict()))
    train(optimizer, params, range(3, 7))
    train(other, taken, range(3, 7))
    assert_alike(params, taken)
    # and home again
    back = of(source, name)(home := clones(taken), lr=9.0)
    back.load_state_dict(saved_and_loaded(other.state_dict()))
    train(back, home, range(7, 9))
    train(optimizer, params, range(7, 9))
    assert_alike(params, home)


def test_the_keys_are_torch_s():
    states = []
    for module in (optlab, torch.optim):
        params = parameters()
        optimizer = module.Adam(params)
        train(optimizer, params, 2)
        states.append(optimizer.state_dict()["state"])
    assert states[0].keys() == states[1].keys()
    for ours, theirs in zip(states[0].values(), states[1].values(), strict=True):
        assert ours.keys() == theirs.keys()
        assert_alike(ours.values(), theirs.values())
        assert [(x.dtype, x.shape, x.device) for x in ours.values()] == [
            (x.dtype, x.shape, x.device) for x in theirs.values()
        ]


def test_adafactor_takes_its_own_epsilon_where_torch_leaves_it_open():
    params = parameters([(4, 3)])
    theirs = torch.optim.Adafactor(params, eps=(None, 0.01))
    train(theirs, params, 2)
    ours = optlab.Adafactor(params)
    ours.load_state_dict(theirs.state_dict())
    assert ours.param_groups[0]["eps"] == (1e-30, 0.01)
    train(ours, params, range(2, 4))


def test_groups_hold_nothing_of_torch_s_way_of_computing():
    params = parameters()
    ours, theirs = optlab.Adam(params), torch.optim.Adam(params, foreach=False)
    keys = set(ours.param_groups[0])
    ours.load_state_dict(theirs.state_dict())
    assert set(ours.param_groups[0]) == keys


@pytest.mark.parametrize("name", NAMES)
def test_settings_that_an_older_state_does_not_have_take_their_defaults(name):
    optimizer = getattr(optlab, name)(parameters_for(name, shapes=[(3,), (4, 2)]))
    state = copy.deepcopy(optimizer.state_dict())
    for key in ("maximize", "nesterov", "weight_decay", "form", "decay_by", "nonfinite"):
        state["param_groups"][0].pop(key, None)
    keys = set(optimizer.param_groups[0])
    optimizer.load_state_dict(state)
    assert set(optimizer.param_groups[0]) == keys
    train(optimizer, optimizer.param_groups[0]["params"], 1)


def test_execution_stays_as_it_is_here():
    params = parameters()
    optimizer = optlab.Adam(params, execution="plain")
    optimizer.load_state_dict(optlab.Adam(params, lr=0.5, execution="compiled").state_dict())
    assert optimizer.param_groups[0]["execution"] == "plain"
    assert optimizer.param_groups[0]["lr"] == 0.5


@pytest.mark.parametrize("execution", ["plain", "foreach", "compiled"])
def test_loading_copies(execution):
    params = parameters()
    first = optlab.Adam(params, execution=execution)
    train(first, params, 2)
    taken = clones(params)
    second = optlab.Adam(taken, execution=execution)
    state = first.state_dict()
    before = copy.deepcopy(state)
    second.load_state_dict(state)
    train(second, taken, range(2, 4))
    for i in range(len(params)):
        for key, value in before["state"][i].items():
            source = state["state"][i][key]
            assert torch.equal(source, value)
            if source.numel():
                assert second.state[taken[i]][key].data_ptr() != source.data_ptr()


@pytest.mark.parametrize("execution", ["plain", "foreach", "compiled"])
def test_state_dict_is_all_live_as_torch_s_is(execution):
    # A mixture, say a new step number beside old averages, would be a broken checkpoint.
    params = parameters()
    optimizer = optlab.Adam(params, execution=execution)
    train(optimizer, params, 2)
    before = {i: dict(state) for i, state in optimizer.state_dict()["state"].items()}
    train(optimizer, params, range(2, 4))
    now = optimizer.state_dict()["state"]
    for i, state in before.items():
        for key, value in state.items():
            assert value is now[i][key]
            assert value.data_ptr() == now[i][key].data_ptr()


@pytest.mark.parametrize("dtype", [torch.bfloat16, torch.float16])
def test_half_precision_parameters_keep_single_precision_state(dtype):
    params = parameters(dtype=dtype)
    optimizer = optlab.Adam(params, betas=(0.9, 0.999))
    train(optimizer, params, 3)
    again = optlab.Adam(resumed := clones(params))
    again.load_state_dict(saved_and_loaded(optimizer.state_dict()))
    for p, q in zip(params, resumed, strict=True):
        for key in ("exp_avg", "exp_avg_sq"):
            assert optimizer.state[p][key].dtype == again.state[q][key].dtype == torch.float32
            assert torch.equal(optimizer.state[p][key], again.state[q][key])
    train(optimizer, params, range(3, 6))
    train(again, resumed, range(3, 6))
    assert_alike(params, resumed, rtol=0, atol=0)


@pytest.mark.parametrize("execution", ["plain", "foreach", "compiled"])
def test_half_precision_state_of_torch_is_loaded_in_single_precision(execution):
    params = parameters(dtype=torch.bfloat16)
    theirs = torch.optim.Adam(params, lr=0.01)
    train(theirs, params, 2)
    ours = optlab.Adam(params, execution=execution)
    ours.load_state_dict(theirs.state_dict())
    train(ours, params, range(2, 4))
    assert {ours.state[p][k].dtype for p in params for k in ("exp_avg", "exp_avg_sq")} == {
        torch.float32
    }


def test_state_of_another_precision_takes_the_parameters_one():
    params = parameters(dtype=torch.float64)
    first = optlab.Adam(params)
    train(first, params, 2)
    single = [torch.nn.Parameter(p.detach().float()) for p in params]
    second = optlab.Adam(single)
    second.load_state_dict(first.state_dict())
    assert {second.state[p]["exp_avg"].dtype for p in single} == {torch.float32}
    train(second, single, range(2, 4))


@pytest.mark.parametrize("option", ["amsgrad", "decoupled_weight_decay"])
def test_the_state_of_another_algorithm_is_refused_whole(option):
    params = parameters()
    theirs = torch.optim.Adam(params, lr=0.5, weight_decay=0.1, **{option: True})
    train(theirs, params, 2)
    ours = optlab.Adam(params, lr=0.25)
    with pytest.raises(ValueError, match=f"cannot load a state with {option}=True: .*algorithm"):
        ours.load_state_dict(theirs.state_dict())
    assert ours.param_groups[0]["lr"] == 0.25
    assert not ours.state
    plain = torch.optim.Adam(params, lr=0.5)
    ours.load_state_dict(plain.state_dict())
    assert ours.param_groups[0]["lr"] == 0.5


def test_a_state_of_other_parameters_is_refused_as_torch_does():
    state = optlab.Adam(parameters([(3,), (4,)])).state_dict()
    with pytest.raises(ValueError, match="doesn't match the size of optimizer's group"):
        optlab.Adam(parameters([(3,)])).load_state_dict(state)


def test_a_step_number_from_elsewhere_is_kept_on_the_cpu_in_single_precision():
    (p,) = parameters([(3,)])
    theirs = torch.optim.Adam([p])
    train(theirs, [p], 2)
    for step in (2, 2.0, torch.tensor(2), torch.tensor(2.0, dtype=torch.float64)):
        state = copy.deepcopy(theirs.state_dict())
        state["state"][0]["step"] = step
        ours = optlab.Adam([p])
        ours.load_state_dict(state)
        train(ours, [p], [2])
        assert ours.state[p]["step"].item() == 3
        assert ours.state[p]["step"].dtype == torch.float32
