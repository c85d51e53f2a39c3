"""State that is made before the first step: then saving changes nothing."""

import copy
import io

import pytest
import torch
from every import EVERY, REAL_ONLY, groups_for, make, parameters_for
from torch import distributed, nn
from torch.distributed.checkpoint.state_dict import (
    StateDictOptions,
    get_optimizer_state_dict,
    set_optimizer_state_dict,
)
from twins import assert_alike, give_gradients, parameters, train

import optlab

COMPLEX = [k for k in EVERY if not k.startswith(REAL_ONLY)]
KINDS = [
    *((label, torch.float64) for label in EVERY),
    *((label, torch.bfloat16) for label in EVERY),
    *((label, torch.complex128) for label in COMPLEX),
]


def everything(optimizer, params):
    state = [x for p in params for _, x in sorted(optimizer.state[p].items())]
    return [x.detach().clone() for x in (*params, *state)]


@pytest.mark.parametrize("nonfinite", ["propagate", "skip"])
@pytest.mark.parametrize(("label", "dtype"), KINDS, ids=str)
def test_steps_are_the_same_with_and_without(label, dtype, nonfinite):
    ends = []
    for early in (False, True):
        params = parameters_for(label, dtype)
        optimizer = make(label, params, execution="foreach", nonfinite=nonfinite)
        if early:
            optimizer.init_state()
            optimizer.init_state()
            assert {float(s["step"]) for s in optimizer.state.values()} == {0}
        train(optimizer, params, 4)
        ends.append(everything(optimizer, params))
    assert_alike(*ends, rtol=0, atol=0)


@pytest.mark.parametrize("nonfinite", ["propagate", "skip"])
@pytest.mark.parametrize("label", EVERY)
def test_a_parameter_without_a_gradient_is_not_stepped_and_its_first_step_is_the_first(
    label, nonfinite
):
    ends = []
    for early in (False, True):
        params = parameters_for(label)
        params[2].requires_grad_(False)
        optimizer = make(label, params, execution="plain", nonfinite=nonfinite)
        if early:
            optimizer.init_state()
            assert not optimizer.state.get(params[2])
        start = params[0].detach().clone()
        for step in range(4):
            give_gradients(params, step)
            params[2].grad = None
            if step < 2:
                params[0].grad = None
                assert torch.equal(params[0], start)
            optimizer.step()
        assert optimizer.state[params[0]]["step"] == 2
        ends.append(everything(optimizer, [p for p in params if p is not params[2]]))
    assert_alike(*ends, rtol=0, atol=0)


@pytest.mark.parametrize("label", EVERY)
def test_a_state_saved_before_the_first_step_is_whole_and_goes_on_the_same(label):
    params = parameters_for(label)
    optimizer = make(label, params)
    optimizer.init_state()
    file = io.BytesIO()
    torch.save(optimizer.state_dict(), file)
    file.seek(0)
    again = parameters_for(label)
    other = make(label, again)
    other.load_state_dict(torch.load(file, weights_only=True))
    assert len(other.state) == len(params)
    train(optimizer, params, 3)
    train(other, again, 3)
    assert_alike(params, again, rtol=0, atol=0)


def test_state_that_is_there_is_kept():
    params = parameters()
    optimizer = optlab.SGD(params, lr=0.1)
    train(optimizer, params, 2)
    optimizer.param_groups[0].update(momentum=0.9, dampening=0.5)
    ends = []
    for early in (False, True):
        these, copied = copy.deepcopy((params, optimizer))
        if early:
            copied.init_state()
        ends.append(train(copied, these, range(2, 5)))
    assert_alike(*ends, rtol=0, atol=0)


def test_lazy_modules_have_no_state_yet():
    model = nn.Sequential(nn.Linear(2, 3), nn.LazyLinear(4))
    optimizer = optlab.Adam(model.parameters())
    with pytest.raises(ValueError, match=r"lazy module has no shape yet.*on a batch first"):
        optimizer.init_state()
    assert not optimizer.state
    model(torch.ones(1, 2))
    optimizer.init_state()
    assert len(optimizer.state) == 4


@pytest.fixture(scope="module")
def _one_process(tmp_path_factory):
    store = distributed.FileStore(str(tmp_path_factory.mktemp("store") / "store"), 1)
    distributed.init_process_group("gloo", store=store, rank=0, world_size=1)
    yield
    distributed.destroy_process_group()


@pytest.mark.usefixtures("_one_process")
@pytest.mark.parametrize("flat", [False, True])
@pytest.mark.parametrize("label", EVERY)
def test_a_distributed_checkpoint_before_the_first_step_changes_nothing(label, flat):
    name, settings = EVERY[label]
    options = StateDictOptions(flatten_optimizer_state_dict=flat)
    ends = []
    for saved in (False, True):
        torch.manual_seed(0)
        model = nn.Sequential(nn.Linear(3, 4), nn.Linear(4, 2)).double()
        optimizer = getattr(optlab, name)(groups_for(label, model), **settings)
        if saved:
            optimizer.init_state()
            state = get_optimizer_state_dict(model, optimizer, options=options)
            set_optimizer_state_dict(model, optimizer, copy.deepcopy(state), options=options)
        ends.append(train(optimizer, list(model.parameters()), 3))
        assert {float(s["step"]) for s in optimizer.state.values()} == {3}
    assert_alike(*ends, rtol=0, atol=0)
