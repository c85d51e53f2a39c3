"""Gradients with NaN or infinite entries: propagated, skipped without waiting, or an error."""

import copy

import pytest
import torch
from every import EVERY, EXECUTED, NAMES, make, parameters_for
from torch.utils._python_dispatch import TorchDispatchMode
from twins import assert_alike, give_gradients, parameters, train

import optlab
from optlab.optim.nonfinite import all_finite

BAD = [float("nan"), float("inf"), -float("inf")]


def everything(optimizer, params):
    """Bits of the parameters and of the state, step counts included."""
    state = [x for p in params for _, x in sorted(optimizer.state[p].items())]
    return [x.detach().clone() for x in (*params, *state)]


def give_bad_gradients(params, step, value=float("nan")):
    give_gradients(params, step)
    params[-1].grad.view(-1)[-1] = value


@pytest.mark.parametrize("value", BAD)
@pytest.mark.parametrize(("label", "execution"), EXECUTED)
def test_a_skipped_step_changes_no_bit_and_is_not_counted(label, execution, value):
    params, undisturbed = parameters_for(label), parameters_for(label)
    optimizer = make(label, params, execution=execution, nonfinite="skip")
    reference = make(label, undisturbed, execution=execution)
    for step in range(4):
        train(optimizer, params, [step])
        train(reference, undisturbed, [step])
        before = everything(optimizer, params)
        give_bad_gradients(params, step, value)
        optimizer.step()
        assert_alike(everything(optimizer, params), before, rtol=0, atol=0)
    assert_alike(everything(optimizer, params), everything(reference, undisturbed))


@pytest.mark.parametrize("value", BAD)
def test_a_matrix_that_cannot_be_decomposed_is_skipped_too(value):
    params = parameters([(3,), (2, 2)])
    before = [p.detach().clone() for p in params]
    optimizer = optlab.FullAdaGrad(params, nonfinite="skip")
    for _ in range(2):
        give_bad_gradients(params, 0, value)
        optimizer.step()
    assert_alike(params, before, rtol=0, atol=0)


@pytest.mark.parametrize("label", EVERY)
def test_a_first_step_that_is_skipped_leaves_the_next_one_the_first(label):
    params, undisturbed = parameters_for(label), parameters_for(label)
    optimizer = make(label, params, nonfinite="skip")
    give_bad_gradients(params, 0)
    optimizer.step()
    assert_alike(params, undisturbed, rtol=0, atol=0)
    assert all(optimizer.state[p]["step"] == 0 for p in params)
    train(optimizer, params, 3)
    train(make(label, undisturbed), undisturbed, 3)
    assert_alike(params, undisturbed)


@pytest.mark.parametrize("execution", ["plain", "foreach", "compiled"])
def test_counts_part_where_gradients_are_missing_and_steps_are_skipped(execution):
    runs = []
    for nonfinite in ("skip", "propagate"):
        params = parameters([(40,), (50,), (60,), (3,)])
        optimizer = optlab.Adam(params, lr=0.1, execution=execution, nonfinite=nonfinite)
        for step in range(6):
            bad = step in (1, 4)
            give_gradients(params, step)
            # the first has no gradient in a skipped step, the second in one that is taken
            params[0].grad = None if step == 1 else params[0].grad
            params[1].grad = None if step == 2 else params[1].grad
            if bad:
                params[3].grad[0] = torch.nan
            if not bad or nonfinite == "skip":
                optimizer.step()
        runs.append((params, [int(optimizer.state[p]["step"]) for p in params]))
    assert runs[0][1] == runs[1][1] == [4, 3, 4, 4]
    assert_alike(runs[0][0], runs[1][0])


class NothingIsRead(TorchDispatchMode):
    """Fails where a value of a tensor is read, which on a device would be waited for."""

    def __torch_dispatch__(self, function, types, args=(), kwargs=None):
        reads = ("_local_scalar_dense", "is_nonzero", "equal", "nonzero", "masked_select")
        assert function.overloadpacket.__name__ not in reads, function
        return function(*args, **(kwargs or {}))


def test_reading_is_noticed():
    for read in (bool, float, torch.Tensor.item, torch.Tensor.nonzero):
        with pytest.raises(AssertionError), NothingIsRead():
            read(torch.ones(()))


@pytest.mark.parametrize(("label", "execution"), EXECUTED)
def test_skipping_reads_nothing(label, execution):
    params = parameters_for(label)
    optimizer = make(label, params, execution=execution, nonfinite="skip")
    train(optimizer, params, 1)  # the first step after a load reads the counts, on the CPU
    give_gradients(params, 1)
    with NothingIsRead():
        optimizer.step()
    give_bad_gradients(params, 2)
    with NothingIsRead():
        optimizer.step()
    assert all(optimizer.state[p]["step"] == 2 for p in params)


@pytest.mark.parametrize(("label", "execution"), [x for x in EXECUTED if x[1] != "compiled"])
def test_half_precision_skips_too(label, execution):
    params = parameters_for(label, torch.bfloat16)
    optimizer = make(label, params, execution=execution, nonfinite="skip")
    train(optimizer, params, 2)
    before = everything(optimizer, params)
    give_bad_gradients(params, 2)
    optimizer.step()
    assert_alike(everything(optimizer, params), before, rtol=0, atol=0)


@pytest.mark.parametrize("value", BAD)
@pytest.mark.parametrize(("label", "execution"), EXECUTED)
def test_an_error_names_the_parameter_before_anything_changes(label, execution, value):
    params = parameters_for(label)
    optimizer = make(label, params, execution=execution, nonfinite="raise")
    train(optimizer, params, 2)
    before = everything(optimizer, params)
    give_bad_gradients(params, 2, value)
    line = rf"parameter {len(params) - 1}, of shape \(2, 3, 5\), is not finite; nothing was changed"
    with pytest.raises(RuntimeError, match=line) as caught:
        optimizer.step()
    assert "\n" not in str(caught.value)
    assert_alike(everything(optimizer, params), before, rtol=0, atol=0)
    train(optimizer, params, [2])


def test_parameters_are_counted_through_all_groups():
    first, second, third = parameters([(3,), (4,), (5,)])
    groups = [{"params": [first, second], "nonfinite": "raise"}, {"params": [third]}]
    optimizer = optlab.SGD(groups)
    give_bad_gradients([third], 0)
    with pytest.raises(RuntimeError, match=r"parameter 2, of shape \(5,\)"):
        optimizer.step()


@pytest.mark.parametrize("name", sorted(set(NAMES) - {"FullAdaGrad"}))
def test_propagating_is_the_default_and_does(name):
    params = parameters_for(name, shapes=[(3,), (4,)])
    optimizer = getattr(optlab, name)(params)
    give_bad_gradients(params, 0)
    optimizer.step()
    # A sign is finite, in torch also that of NaN; then it is the state that is not.
    for p, finite in zip(params, (True, False), strict=True):
        assert all(x.isfinite().all() for x in everything(optimizer, [p])) == finite


def test_one_group_may_skip_what_another_propagates():
    first, second = parameters([(3,), (4,)])
    groups = [{"params": [first], "nonfinite": "skip"}, {"params": [second]}]
    optimizer = optlab.Adam(groups, lr=0.1)
    before = first.detach().clone()
    give_bad_gradients([first, second], 0)
    optimizer.step()
    assert torch.equal(first, before)
    assert second.isnan().any()


@pytest.mark.parametrize("dtype", [torch.float64, torch.complex128, torch.bfloat16], ids=str)
def test_large_and_empty_gradients_are_finite(dtype):
    largest = torch.finfo(dtype).max
    tensors = [torch.full((3,), largest, dtype=dtype), torch.zeros(0), torch.zeros(())]
    if dtype.is_complex:
        tensors[0] = torch.complex(tensors[0].real, tensors[0].real)
    assert all_finite(tensors)
    assert all_finite(tensors[1:2])
    for bad in BAD:
        worse = torch.zeros(2, dtype=dtype)
        worse[1] = complex(0, bad) if dtype.is_complex else bad
        assert not all_finite([*tensors, worse])


def test_the_mode_may_change_on_the_way_and_copies_go_on():
    params, undisturbed = parameters(), parameters()
    optimizer, reference = optlab.Adam(params), optlab.Adam(undisturbed)
    for step, mode in enumerate(["propagate", "skip", "skip", "raise", "skip", "propagate"]):
        optimizer.param_groups[0]["nonfinite"] = mode
        for steps, those in ((optimizer, params), (reference, undisturbed)):
            give_gradients(those, step)
            if mode == "raise":  # the first parameter falls behind the others
                those[0].grad = None
            steps.step()
        if step % 4 == 0:
            params, optimizer = copy.deepcopy((params, optimizer))
    assert_alike(everything(optimizer, params), everything(reference, undisturbed))
    optimizer.param_groups[0]["nonfinite"] = "skip"
    train(optimizer, params, [6])
    optimizer.load_state_dict(reference.state_dict())
    with torch.no_grad():
        for p, q in zip(params, undisturbed, strict=True):
            p.copy_(q)
    train(optimizer, params, [6])
    train(reference, undisturbed, [6])
    assert_alike(everything(optimizer, params), everything(reference, undisturbed))
