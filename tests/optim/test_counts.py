"""Step counts: of what kind they are, and what other code may make of them."""

import numpy as np
import pytest
import torch
from every import EVERY, OF_MATRICES, make, parameters_for
from twins import assert_alike, give_gradients, parameters, train

import optlab


@pytest.fixture(autouse=True)
def _defaults_come_back():
    dtype = torch.get_default_dtype()
    yield
    torch.set_default_dtype(dtype)
    torch.set_default_device(None)


# Of those that are left out, torch keeps no counts.
COUNTED = [k for k in EVERY if not k.startswith("SGD") and k not in OF_MATRICES]


def everything(optimizer, params):
    state = [x for p in params for _, x in sorted(optimizer.state[p].items())]
    return [x.detach().clone() for x in (*params, *state)]


def steps_of(optimizer):
    return [float(optimizer.state[p]["step"]) for g in optimizer.param_groups for p in g["params"]]


@pytest.mark.parametrize("nonfinite", ["propagate", "skip"])
@pytest.mark.parametrize("default", [torch.bfloat16, torch.float16, torch.float64, "meta"], ids=str)
@pytest.mark.parametrize("label", EVERY)
def test_defaults_of_torch_change_nothing(label, default, nonfinite):
    ends = []
    for given in (None, default):
        params = parameters_for(label, torch.float32)
        optimizer = make(label, params, execution="plain", nonfinite=nonfinite)
        for step in range(3):
            give_gradients(params, step)
            estimates = [p.grad.cos() for p in params]
            if isinstance(given, torch.dtype):
                torch.set_default_dtype(given)
            elif given:
                torch.set_default_device(given)
            if isinstance(optimizer, optlab.Sophia):
                optimizer.update_hessian(estimates)
            optimizer.step()
            torch.set_default_dtype(torch.float32)
            torch.set_default_device(None)
        counts = [optimizer.state[p]["step"] for p in params]
        assert {(c.dtype, c.device.type, c.dim()) for c in counts} == {(torch.float32, "cpu", 0)}
        ends.append(everything(optimizer, params))
    assert_alike(*ends, rtol=0, atol=0)


@pytest.mark.parametrize("nonfinite", ["propagate", "skip"])
@pytest.mark.parametrize("default", [torch.bfloat16, torch.float16], ids=str)
def test_a_count_passes_what_half_precision_can_count_to(default, nonfinite):
    torch.set_default_dtype(default)
    (p,) = params = parameters([(1,)], torch.float32)
    optimizer = optlab.AdamW(params, nonfinite=nonfinite, execution="plain")
    p.grad = torch.ones(1, dtype=torch.float32)
    optimizer.step()
    optimizer.state[p]["step"].fill_(2046)
    for _ in range(4):
        optimizer.step()
    assert optimizer.state[p]["step"] == 2050


OTHER_KINDS = [
    5,
    5.0,
    np.int64(5),
    np.float32(5),
    np.array(5.0),
    torch.tensor(5),
    torch.tensor(5, dtype=torch.int16),
    torch.tensor(5.0, dtype=torch.bfloat16),
    torch.tensor(5.0, dtype=torch.float16),
    torch.tensor(5.0, dtype=torch.float64),
    torch.tensor([5.0]),
    torch.tensor([[5]]),
    torch.nn.Parameter(torch.tensor(5.0)),
]


def given_counts(label, nonfinite, count, loaded):
    """Train two parameters, then give the second another count, and go on."""
    params = parameters_for(label)[:2]
    optimizer = make(label, params, execution="plain", nonfinite=nonfinite)
    train(optimizer, params, 3)
    if loaded:
        state = optimizer.state_dict()
        state["state"][1] = {**state["state"][1], "step": count}
        optimizer.load_state_dict(state)
    else:
        optimizer.state[params[1]]["step"] = count
    train(optimizer, params, range(3, 6))
    return optimizer, params


@pytest.mark.parametrize("loaded", [False, True])
@pytest.mark.parametrize("nonfinite", ["propagate", "skip"])
@pytest.mark.parametrize("label", ["Adam", "Adafactor", "LAMB", "Sophia", "Lion"])
def test_a_count_of_another_kind_is_taken_for_what_it_says(label, nonfinite, loaded):
    expected = everything(*given_counts(label, nonfinite, torch.tensor(5.0), loaded))
    for count in OTHER_KINDS:
        optimizer, params = given_counts(label, nonfinite, count, loaded)
        assert steps_of(optimizer) == [6, 8]
        kept = optimizer.state[params[1]]["step"]
        assert (type(kept), kept.dtype, kept.shape) == (torch.Tensor, torch.float32, ())
        assert_alike(everything(optimizer, params), expected, rtol=0, atol=0)


IMPOSSIBLE = [
    -1,
    -1.0,
    2.5,
    float("nan"),
    float("inf"),
    True,
    "five",
    10**400,
    [5],
    {},
    torch.tensor(-1),
    torch.tensor(-1.0),
    torch.tensor(2.5),
    torch.tensor(float("nan")),
    torch.tensor(float("inf")),
    torch.tensor(True),
    torch.tensor([]),
    torch.tensor([5.0, 5.0]),
    torch.tensor(1j),
    torch.empty((), device="meta"),
    np.float64("nan"),
    np.array([5, 5]),
]


@pytest.mark.parametrize("nonfinite", ["propagate", "skip"])
@pytest.mark.parametrize("count", IMPOSSIBLE, ids=lambda x: repr(x)[:30])
def test_an_impossible_count_is_refused_before_anything_changes(count, nonfinite):
    (p, q) = params = parameters([(3,), (4,)])
    groups = [{"params": [("first", p)]}, {"params": [("second", q)]}]
    optimizer = optlab.Adam(groups, nonfinite=nonfinite)
    train(optimizer, params, 2)
    kept = optimizer.state[q]["step"]
    optimizer.state[q]["step"] = count
    before = [x.detach().clone() for x in (p, q, *optimizer.state[p].values())]
    with pytest.raises(ValueError, match=r"parameter 'second', of shape \(4,\), has") as caught:
        optimizer.step()
    assert "\n" not in str(caught.value)
    assert "give a whole number" in str(caught.value)
    assert_alike((p, q, *optimizer.state[p].values()), before, rtol=0, atol=0)
    optimizer.state[q]["step"] = kept
    optimizer.step()
    assert steps_of(optimizer) == [3, 3]


@pytest.mark.parametrize(
    "label", [k for k in EVERY if not k.startswith("SGD") and k not in OF_MATRICES]
)
def test_a_state_without_its_count_is_refused(label):
    params = parameters_for(label)
    optimizer = make(label, params, execution="plain")
    train(optimizer, params, 2)
    before = [p.detach().clone() for p in params]
    for missing in (None, KeyError):
        if missing is None:
            optimizer.state[params[-1]]["step"] = None
        else:
            del optimizer.state[params[-1]]["step"]
        with pytest.raises(ValueError, match="has a state but no step count"):
            optimizer.step()
    assert_alike(params, before, rtol=0, atol=0)


# What other code does to a count and to the state beside it.


def replace(state):
    state["step"] = torch.tensor(0.0)


def replace_by_one_written_to_as_often(state):
    step = torch.tensor(0.0)
    while step._version < state["step"]._version:
        step.zero_()
    state["step"] = step


def zero_in_place(state):
    state["step"].zero_()


def fill(state):
    state["step"].fill_(100.0)


def add(state):
    state["step"] += 7


def set_through_data(state):
    state["step"] = state["step"].clone().fill_(3)


def forget(state):
    state.clear()


def begin_anew(state):
    for x in state.values():
        x.zero_()


@pytest.mark.parametrize(
    "change",
    [
        replace,
        replace_by_one_written_to_as_often,
        zero_in_place,
        fill,
        add,
        set_through_data,
        forget,
        begin_anew,
    ],
)
@pytest.mark.parametrize(
    "label", ["SGD momentum", "Adam", "AdamW", "Adafactor", "LAMB", "AdaGrad dual", "Lion"]
)
@pytest.mark.parametrize("execution", ["plain", "foreach", "compiled"])
def test_counts_that_other_code_sets_hold_also_where_steps_are_skipped(label, change, execution):
    ends = []
    for nonfinite in ("propagate", "skip"):
        params = parameters_for(label)[:3]
        optimizer = make(label, params, execution=execution, nonfinite=nonfinite)
        train(optimizer, params, 3)
        change(optimizer.state[params[1]])
        train(optimizer, params, range(3, 6))
        change(optimizer.state[params[0]])
        train(optimizer, params, range(6, 8))
        ends.append(everything(optimizer, params))
    assert_alike(*ends)


def test_counts_that_are_views_of_one_tensor_are_counted_each():
    ends = []
    for nonfinite in ("propagate", "skip"):
        params = parameters([(3,), (4,), (5,)])
        optimizer = optlab.Adam(params, lr=0.1, nonfinite=nonfinite)
        train(optimizer, params, 2)
        together = torch.tensor([2.0, 0.0, 7.0])
        for i, p in enumerate(params):
            optimizer.state[p]["step"] = together[i]
        train(optimizer, params, range(2, 4))
        together[1] = 11
        train(optimizer, params, range(4, 6))
        assert steps_of(optimizer) == [6, 13, 11]
        ends.append(params)
    assert_alike(*ends)
