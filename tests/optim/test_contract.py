"""What every torch optimizer does, whatever its rule: closures, hooks, copies, schedules."""

import copy
import io
import pickle

import pytest
import torch
from every import EVERY, parameters_for
from torch.optim import lr_scheduler
from twins import assert_alike, give_gradients, parameters, train

import optlab

NAMES = list(EVERY)


def make(label, params, module=optlab):
    name, settings = EVERY[label]
    return getattr(module, name)(params, **settings)


@pytest.mark.parametrize("name", NAMES)
def test_the_closure_s_loss_is_returned_and_it_may_differentiate(name):
    (p,) = parameters_for(name, shapes=[(3,)])
    optimizer = make(name, [p])
    calls = []

    def closure():
        optimizer.zero_grad()
        loss = (p**2).sum()
        loss.backward()
        calls.append(loss.item())
        return loss

    with torch.no_grad():  # the optimizer itself switches gradients on
        loss = optimizer.step(closure)
    assert [loss.item()] == calls
    assert (p**2).sum() < loss
    assert optimizer.step() is None


@pytest.mark.parametrize("name", NAMES)
def test_zero_grad(name):
    params = parameters_for(name)
    optimizer = make(name, params)
    give_gradients(params, 0)
    optimizer.zero_grad(set_to_none=False)
    assert all(not p.grad.any() for p in params)
    optimizer.zero_grad()
    assert all(p.grad is None for p in params)


def test_step_hooks_run_before_and_after_and_may_change_the_arguments():
    (p,) = parameters([(3,)])
    give_gradients([p], 0)
    seen = []
    optimizer = make("SGD", [p])
    before = p.detach().clone()

    def pre(optimizer, args, kwargs):
        seen.append(("pre", torch.equal(p, before)))
        return (optimizer, lambda: 7.0), kwargs

    optimizer.register_step_pre_hook(pre)
    optimizer.register_step_post_hook(lambda *_: seen.append(("post", torch.equal(p, before))))
    assert optimizer.step() == 7.0
    assert seen == [("pre", True), ("post", False)]


def test_state_dict_hooks():
    params = parameters()
    optimizer = make("Adam", params)
    train(optimizer, params, 2)
    order = []
    optimizer.register_state_dict_pre_hook(lambda _: order.append("pre"))
    optimizer.register_state_dict_post_hook(lambda _, sd: {**sd, "note": "kept"})
    assert optimizer.state_dict()["note"] == "kept"
    assert order == ["pre"]


def test_load_state_dict_hooks_see_and_change_what_is_loaded():
    params = parameters(dtype=torch.bfloat16)
    optimizer = make("Adam", params)
    theirs = make("Adam", params, torch.optim)
    train(theirs, params, 2)
    saved = copy.deepcopy(theirs.state_dict())
    keys = set(optimizer.param_groups[0])
    seen = {}

    def pre(_, state_dict):
        changed = copy.deepcopy(state_dict)
        changed["param_groups"][0]["lr"] = 0.5
        changed["state"][0]["exp_avg"].fill_(7)
        return changed

    def post(loaded):
        seen["state"] = loaded.state[params[0]]["exp_avg"].clone()
        seen["keys"] = set(loaded.param_groups[0])
        loaded.param_groups[0]["lr"] *= 2

    optimizer.register_load_state_dict_pre_hook(pre)
    optimizer.register_load_state_dict_post_hook(post)
    for _ in range(2):  # our own hooks are to be gone after each load
        optimizer.load_state_dict(saved)
        assert optimizer.param_groups[0]["lr"] == 1.0
        assert (seen["state"] == 7).all()
        assert seen["state"].dtype == torch.float32
        assert seen["keys"] == keys  # the user's hook comes last and finds all in order
    assert len(optimizer._optimizer_load_state_dict_pre_hooks) == 1
    assert len(optimizer._optimizer_load_state_dict_post_hooks) == 1
    assert saved["param_groups"][0]["lr"] == 0.1
    assert (saved["state"][0]["exp_avg"] != 7).all()


def same_future(optimizer, params, other, other_params):
    """Both go on from here to the same weights, and neither moves the other."""
    start = [p.detach().clone() for p in other_params]
    train(optimizer, params, range(5, 8))
    assert_alike(start, other_params, rtol=0, atol=0)
    train(other, other_params, range(5, 8))
    assert_alike(params, other_params, rtol=0, atol=0)


def through_pickle(x):
    return pickle.loads(pickle.dumps(x))  # noqa: S301 - made here


def through_torch(x):
    buffer = io.BytesIO()
    torch.save(x, buffer)
    buffer.seek(0)
    return torch.load(buffer, weights_only=False)


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("duplicate", [copy.deepcopy, through_pickle, through_torch])
def test_a_copy_of_optimizer_and_parameters_goes_on_by_itself(name, duplicate):
    params = parameters_for(name)
    optimizer = make(name, params)
    train(optimizer, params, 5)
    other_params, other = duplicate((params, optimizer))
    assert other.param_groups[0]["params"][0] is other_params[0]
    same_future(optimizer, params, other, other_params)


def schedules():
    return {
        "StepLR": lambda o: lr_scheduler.StepLR(o, 2),
        "CosineAnnealingLR": lambda o: lr_scheduler.CosineAnnealingLR(o, 8),
        "LambdaLR": lambda o: lr_scheduler.LambdaLR(o, lambda t: 1 / (t + 1)),
        "OneCycleLR": lambda o: lr_scheduler.OneCycleLR(o, 0.5, total_steps=8),
        "CyclicLR": lambda o: lr_scheduler.CyclicLR(o, 0.1, 0.5, step_size_up=3),
        "SequentialLR": lambda o: lr_scheduler.SequentialLR(
            o, [lr_scheduler.LinearLR(o), lr_scheduler.ExponentialLR(o, 0.9)], [3]
        ),
    }


@pytest.mark.filterwarnings("error")
@pytest.mark.parametrize("tensor_lr", [False, True])
@pytest.mark.parametrize("name", ["SGD", "Adam", "AdamW", "AdaGrad"])
@pytest.mark.parametrize("schedule", schedules())
def test_torch_s_schedules(schedule, name, tensor_lr):
    # OneCycleLR and CyclicLR also move momentum and beta1.
    runs = []
    for module in (optlab, torch.optim):
        params = parameters()
        lr = torch.tensor(0.1, dtype=torch.float64) if tensor_lr else 0.1
        if name == "AdaGrad" and schedule in ("OneCycleLR", "CyclicLR"):
            pytest.skip("these ask for a momentum")
        momentum = {"momentum": 0.9} if name == "SGD" else {}
        cls = torch.optim.Adagrad if (module, name) == (torch.optim, "AdaGrad") else None
        optimizer = (cls or getattr(module, name))(params, lr=lr, **momentum)
        scheduler = schedules()[schedule](optimizer)
        for step in range(7):
            train(optimizer, params, [step])
            scheduler.step()
        runs.append(params)
    assert_alike(*runs)


def test_reduce_on_plateau_moves_lr():
    params = parameters()
    optimizer = make("Adam", params)
    scheduler = lr_scheduler.ReduceLROnPlateau(optimizer, patience=0)
    for loss in (1.0, 1.0, 1.0):
        scheduler.step(loss)
    assert optimizer.param_groups[0]["lr"] < 0.1


def test_a_gradient_scaler_unscales_and_skips_overflow():
    runs = []
    for module in (optlab, torch.optim):
        (p,) = parameters([(4,)], torch.float32)
        optimizer = make("Adam", [p], module)
        scaler = torch.amp.GradScaler("cpu", init_scale=1024.0)
        for factor in (1.0, float("inf"), 2.0):
            optimizer.zero_grad()
            scaler.scale((p**2).sum() * factor).backward()
            scaler.step(optimizer)
            scaler.update()
        assert optimizer.state[p]["step"] == 2
        runs.append([p])
    assert_alike(*runs, rtol=1e-6, atol=1e-7)


def test_averaged_weights_follow_the_training():
    torch.manual_seed(0)
    model = torch.nn.Linear(3, 2)
    averaged = torch.optim.swa_utils.AveragedModel(model)
    optimizer = make("SGD", model.parameters())
    weights = []
    for _ in range(3):
        optimizer.zero_grad()
        model(torch.ones(1, 3)).square().sum().backward()
        optimizer.step()
        averaged.update_parameters(model)
        weights.append(model.weight.detach().clone())
    torch.testing.assert_close(averaged.module.weight.detach(), torch.stack(weights).mean(0))


def test_a_compiled_model_trains():
    torch.manual_seed(0)
    model = torch.nn.Linear(3, 2)
    same = copy.deepcopy(model)
    compiled = torch.compile(model, backend="aot_eager")
    for net, forward in ((model, compiled), (same, same)):
        optimizer = make("Adam", net.parameters())
        for step in range(3):
            optimizer.zero_grad()
            forward(torch.full((1, 3), float(step))).square().sum().backward()
            optimizer.step()
    assert_alike(model.parameters(), same.parameters(), rtol=1e-6, atol=1e-7)


def test_named_parameters_keep_their_names():
    model = torch.nn.Linear(3, 2)
    optimizer = make("Adam", model.named_parameters())
    state = optimizer.state_dict()
    assert state["param_groups"][0]["param_names"] == ["weight", "bias"]
    other = make("Adam", model.named_parameters())
    other.load_state_dict(state)
    assert other.param_groups[0]["param_names"] == ["weight", "bias"]


def test_the_printed_form_shows_the_settings():
    shown = repr(optlab.Adam(parameters(), lr=0.25))
    assert shown.startswith("Adam (")
    assert "lr: 0.25" in shown
