"""The class AdamWScheduleFree: its two modes, and states that are saved in either."""

import copy
import io

import pytest
import torch
from twins import assert_alike, parameters, train

import optlab
from optlab.rules import schedule_free

SETTINGS = {
    "lr": 0.1,
    "betas": (0.8, 0.9),
    "eps": 1e-3,
    "weight_decay": 0.3,
    "warmup_steps": 3,
}
SHAPES = [(30, 4), (7,), ()]


def begun(steps=5, **more):
    params = parameters(SHAPES)
    optimizer = optlab.AdamWScheduleFree(params, **{**SETTINGS, **more})
    train(optimizer, params, steps)
    return params, optimizer


def copies(params):
    return [p.detach().clone() for p in params]


def test_eval_puts_the_average_and_train_what_was_there():
    (p,) = parameters([(30, 4)])
    optimizer = optlab.AdamWScheduleFree([p], **{**SETTINGS, "warmup_steps": 0})
    zs = []
    for t in range(5):
        p.grad = torch.cos(p.detach() + t)
        optimizer.step()
        zs.append(optimizer.state[p]["z"].clone())
    y = p.detach().clone()
    optimizer.eval()
    assert_alike([p], [torch.stack(zs).mean(0)], rtol=1e-12, atol=1e-12)
    optimizer.eval()  # nothing more
    assert_alike([p], [torch.stack(zs).mean(0)], rtol=1e-12, atol=1e-12)
    optimizer.train()
    optimizer.train()
    assert_alike([p], [y], rtol=1e-12, atol=1e-12)


@pytest.mark.parametrize("execution", ["plain", "foreach", "auto"])
def test_a_run_with_looks_on_the_way_is_the_run_without(execution):
    ours, optimizer = begun(4, execution=execution)
    theirs, other = begun(4, execution=execution)
    for t in range(4, 8):
        optimizer.eval()
        assert not torch.equal(ours[0], theirs[0])
        optimizer.train()
        train(optimizer, ours, [t])
        train(other, theirs, [t])
    assert_alike(ours, theirs, rtol=1e-12, atol=1e-12)


def test_a_step_in_eval_mode_is_refused_in_a_line_and_nothing_changes():
    params, optimizer = begun()
    optimizer.eval()
    before, state = copies(params), copy.deepcopy(optimizer.state_dict())
    with pytest.raises(RuntimeError, match=r"in eval mode, .* call optimizer.train\(\)") as error:
        train(optimizer, params, [5])
    assert "\n" not in str(error.value)
    with pytest.raises(RuntimeError, match="in eval mode"):
        optimizer.step(lambda: pytest.fail("the closure was called"))
    assert_alike(params, before, rtol=0, atol=0)
    assert_alike(
        [x for s in optimizer.state_dict()["state"].values() for x in s.values()],
        [x for s in state["state"].values() for x in s.values()],
        rtol=0,
        atol=0,
    )
    optimizer.train()
    train(optimizer, params, [5])


def test_a_group_that_is_added_in_eval_mode_does_not_let_the_others_step():
    params, optimizer = begun()
    optimizer.eval()
    (new,) = parameters([(3,)])
    optimizer.add_param_group({"params": [new]})
    with pytest.raises(RuntimeError, match="in eval mode"):
        train(optimizer, [*params, new], [5])
    optimizer.train()
    train(optimizer, [*params, new], [5])
    assert optimizer.state[new]["step"] == 1


def test_before_the_first_step_the_modes_are_alike():
    params = parameters(SHAPES)
    optimizer = optlab.AdamWScheduleFree(params, **SETTINGS)
    before = copies(params)
    optimizer.eval()
    assert_alike(params, before, rtol=0, atol=0)
    with pytest.raises(RuntimeError, match="in eval mode"):
        optimizer.step()
    optimizer.train()
    assert_alike(params, before, rtol=0, atol=0)
    optimizer.init_state()
    optimizer.eval()
    assert_alike(params, before, rtol=1e-15, atol=1e-15)


@pytest.mark.parametrize("mode", ["train", "eval"])
def test_a_state_is_saved_in_either_mode_and_comes_with_it(mode):
    params, optimizer = begun()
    getattr(optimizer, mode)()
    file = io.BytesIO()
    torch.save({"weights": copies(params), "optimizer": optimizer.state_dict()}, file)
    file.seek(0)
    saved = torch.load(file, weights_only=True)
    others = [torch.nn.Parameter(x) for x in saved["weights"]]
    resumed = optlab.AdamWScheduleFree(others)
    resumed.load_state_dict(saved["optimizer"])
    assert resumed.param_groups[0]["train_mode"] is (mode == "train")
    for made, ps in ((optimizer, params), (resumed, others)):
        made.train()
        train(made, ps, [5, 6])
        made.eval()
    assert_alike(params, others, rtol=0, atol=0)


def test_it_is_the_rule():
    (p,) = parameters([(30, 4)])
    y, s = p.detach().clone(), schedule_free.init(p.detach().clone())
    optimizer = optlab.AdamWScheduleFree([p], **SETTINGS)
    numbers = {"lr": 0.1, "beta1": 0.8, "beta2": 0.9, "eps": 1e-3, "weight_decay": 0.3}
    for t in range(1, 7):
        p.grad = torch.cos(p.detach() + t)
        y, s = schedule_free(y, p.grad, s, t, **numbers, warmup_steps=3)
        optimizer.step()
    assert_alike([p, optimizer.state[p]["z"]], [y, s.z], rtol=1e-11, atol=1e-12)


def test_weights_in_half_precision_turn_by_a_state_in_single():
    """To and fro, a weight is rounded once each way and not by more."""
    params = parameters(SHAPES, torch.bfloat16)
    optimizer = optlab.AdamWScheduleFree(params, **SETTINGS)
    train(optimizer, params, 5)
    before = copies(params)
    assert all(optimizer.state[p]["z"].dtype == torch.float32 for p in params)
    optimizer.eval()
    optimizer.train()
    assert_alike(params, before, rtol=2**-6, atol=2**-6)


@pytest.mark.parametrize(
    ("settings", "line"),
    [
        ({"betas": (0.0, 0.9)}, "Invalid beta parameter at index 0: 0.0; give one above 0"),
        ({"warmup_steps": -1}, "Invalid warmup_steps value: -1"),
    ],
    ids=str,
)
def test_impossible_settings_are_refused(settings, line):
    with pytest.raises(ValueError, match=line):
        optlab.AdamWScheduleFree(parameters([(3,)]), **settings)
