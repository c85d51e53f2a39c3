"""Whether the last step was taken, and how many were."""

import copy
import pickle

import pytest
import torch
from every import EVERY, make, parameters_for
from test_nonfinite import NothingIsRead, give_bad_gradients
from twins import give_gradients, parameters, train

import optlab


def said(optimizer):
    last, steps = optimizer.last_step_taken, optimizer.steps_taken
    assert (last.dtype, last.shape, last.device) == (torch.bool, (), torch.device("cpu"))
    assert (steps.dtype, steps.shape, steps.device) == (torch.int64, (), torch.device("cpu"))
    return bool(last), int(steps)


@pytest.mark.parametrize("label", EVERY)
def test_skipped_steps_are_none_and_nothing_is_read(label):
    params = parameters_for(label)
    optimizer = make(label, params, nonfinite="skip", execution="plain")
    assert said(optimizer) == (False, 0)
    train(optimizer, params, 1)
    assert said(optimizer) == (True, 1)
    give_bad_gradients(params, 1)
    with NothingIsRead():
        optimizer.step()
        last, steps = optimizer.last_step_taken, optimizer.steps_taken
    assert said(optimizer) == (False, 1)
    train(optimizer, params, [2])
    assert said(optimizer) == (True, 2)
    assert (bool(last), int(steps)) == (False, 1)  # what was handed out does not change


@pytest.mark.parametrize("label", EVERY)
def test_steps_are_counted_also_where_nothing_is_skipped(label):
    params = parameters_for(label)
    optimizer = make(label, params, execution="plain")
    train(optimizer, params, 3)
    assert said(optimizer) == (True, 3)


def test_an_error_is_no_step():
    params = parameters()
    optimizer = optlab.Adam(params, nonfinite="raise")
    train(optimizer, params, 2)
    give_bad_gradients(params, 2)
    with pytest.raises(RuntimeError, match="not finite"):
        optimizer.step()
    assert said(optimizer) == (False, 2)
    train(optimizer, params, [2])
    assert said(optimizer) == (True, 3)

    def closure():
        raise KeyError("mine")

    with pytest.raises(KeyError, match="mine"):
        optimizer.step(closure)
    assert said(optimizer) == (False, 3)


def test_without_any_gradient_no_step_is_taken():
    params = parameters()
    optimizer = optlab.Adam(params)
    optimizer.step()
    assert said(optimizer) == (False, 0)
    give_gradients(params[:1], 0)
    optimizer.step()
    assert said(optimizer) == (True, 1)


@pytest.mark.parametrize("bad", [False, True])
def test_the_gradients_of_a_closure_are_judged(bad):
    (p,) = parameters([(3,)])
    optimizer = optlab.SGD([p], nonfinite="skip")

    def closure():
        p.grad = torch.full((3,), float("nan") if bad else 1.0, dtype=p.dtype)
        return 1.0

    p.grad = torch.full((3,), 1.0 if bad else float("nan"), dtype=p.dtype)
    optimizer.step(closure)
    assert said(optimizer) == (not bad, int(not bad))


@pytest.mark.parametrize("modes", [("skip", "propagate"), ("propagate", "skip")])
def test_one_group_that_skips_is_enough(modes):
    params = parameters([(3,), (4,)])
    pairs = zip(params, modes, strict=True)
    optimizer = optlab.SGD([{"params": [p], "nonfinite": mode} for p, mode in pairs])
    give_bad_gradients(params, 0)
    optimizer.step()
    assert said(optimizer) == (False, 0)
    # a group without gradients skips nothing, whatever another group propagates
    give_bad_gradients(params, 1)
    params[modes.index("propagate")].grad.fill_(float("inf"))
    params[modes.index("skip")].grad = None
    optimizer.step()
    assert said(optimizer) == (True, 1)


@pytest.mark.parametrize("nonfinite", ["propagate", "skip"])
@pytest.mark.parametrize("label", EVERY)
def test_after_a_load_it_goes_on_from_the_largest_count(label, nonfinite):
    params = parameters_for(label)
    optimizer = make(label, params, execution="plain", nonfinite=nonfinite)
    for step in range(5):
        give_gradients(params, step)
        params[0].grad = None if step > 2 else params[0].grad
        optimizer.step()
    again = parameters_for(label)
    other = make(label, again, execution="plain", nonfinite=nonfinite)
    train(other, again, 1)
    other.load_state_dict(optimizer.state_dict())
    assert said(other) == (False, 5)
    train(other, again, 1)
    assert said(other) == (True, 6)
    other.load_state_dict(make(label, parameters_for(label)).state_dict())
    assert said(other) == (False, 0)


@pytest.mark.parametrize("duplicate", [copy.deepcopy, lambda x: pickle.loads(pickle.dumps(x))])  # noqa: S301
@pytest.mark.parametrize("nonfinite", ["propagate", "skip"])
def test_copies_know(nonfinite, duplicate):
    params = parameters()
    optimizer = optlab.Adam(params, nonfinite=nonfinite)
    train(optimizer, params, 2)
    again, other = duplicate((params, optimizer))
    assert said(other) == (True, 2)
    train(other, again, [2])
    assert said(other) == (True, 3)
    assert said(optimizer) == (True, 2)


def test_a_gradient_scaler_that_skips_leaves_the_count():
    (p,) = parameters([(4,)], torch.float32)
    optimizer = optlab.Adam([p])
    scaler = torch.amp.GradScaler("cpu", init_scale=1024.0)
    counts = []
    for factor in (1.0, float("inf"), 2.0):
        optimizer.zero_grad()
        scaler.scale((p**2).sum() * factor).backward()
        scaler.step(optimizer)
        scaler.update()
        counts.append(int(optimizer.steps_taken))
    assert counts == [1, 1, 2]
