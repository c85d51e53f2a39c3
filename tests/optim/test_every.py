"""What all optimizers have in common, each compared with itself or with its own rule."""

import copy
import inspect
import io

import pytest
import torch
from every import EVERY, EXECUTED, NAMES, REAL_ONLY, clones, make, parameters_for
from torch.optim.lr_scheduler import CosineAnnealingLR
from twins import assert_alike, give_gradients, parameters, train

import optlab


def test_every_optimizer_is_tried():
    assert set(NAMES) == optlab.optim.OPTIMIZERS.keys(), "EVERY, in every.py, lists them"


def saved_and_loaded(state):
    """Through a file, as the cautious load it."""
    file = io.BytesIO()
    torch.save(state, file)
    file.seek(0)
    return torch.load(file, weights_only=True)


def supports(label, dtype):
    return not (dtype.is_complex and EVERY[label][0] in REAL_ONLY)


@pytest.mark.parametrize("dtype", [torch.float64, torch.complex128, torch.bfloat16], ids=str)
@pytest.mark.parametrize("options", [{}, {"maximize": True}, {"lr": torch.tensor([0.3])}], ids=str)
@pytest.mark.parametrize("label", EVERY)
def test_the_executions_agree(label, options, dtype):
    if not supports(label, dtype):
        pytest.skip("for real parameters only")
    executions = ["plain", "foreach"]
    if dtype != torch.bfloat16 and (not label.startswith("Adafactor") or not options):
        executions.append("compiled")
    runs = []
    for execution in executions:
        params = parameters_for(label, dtype)
        runs.append((params, make(label, params, execution=execution, **options)))
    # Rounded to eight bits, two nearly equal numbers may become neighbors. So that this does not
    # add up, all executions start each step from the same parameters.
    close = {"rtol": 2**-7, "atol": 1e-6} if dtype == torch.bfloat16 else {}
    first, _ = runs[0]
    for step in range(5):
        for params, optimizer in runs:
            train(optimizer, params, range(step, step + 1))
        for params, _ in runs[1:]:
            assert_alike(params, first, **close)
            if dtype == torch.bfloat16:
                for p, q in zip(params, first, strict=True):
                    p.data.copy_(q.data)


@pytest.mark.parametrize("name", REAL_ONLY)
def test_complex_parameters_are_refused_where_the_algorithm_is_for_real_ones(name):
    real, whole = torch.zeros(2, 1, requires_grad=True), torch.zeros(2, 2, dtype=torch.complex64)
    with pytest.raises(ValueError, match=r"does not support complex .*: give torch.view_as_real"):
        getattr(optlab, name)([whole.requires_grad_()])
    optimizer = getattr(optlab, name)([real])
    with pytest.raises(ValueError, match="complex"):
        optimizer.add_param_group({"params": [whole]})
    assert len(optimizer.param_groups) == 1


def test_a_parameter_too_large_for_its_matrix_is_refused_before_anything_changes():
    small, large = torch.zeros(3, requires_grad=True), torch.zeros(17, 241, requires_grad=True)
    optimizer = optlab.FullAdaGrad([small])
    with pytest.raises(ValueError, match=r"4097 × 4097 .*shape \(17, 241\): use AdaGrad") as e:
        optimizer.add_param_group({"params": [large]})
    assert "\n" not in str(e.value)
    assert len(optimizer.param_groups) == 1
    optlab.FullAdaGrad([torch.zeros(4096, requires_grad=True)])


DTYPES = [torch.float64, torch.float32, torch.bfloat16, torch.complex128]


@pytest.mark.parametrize(("label", "execution"), EXECUTED)
def test_parameters_together_go_as_each_alone(label, execution):
    """Whatever their order, their dtypes, and the steps in which they have no gradient."""

    def mixed():
        # what is compiled for half precision comes from torch.compile, and is tested elsewhere
        dtypes = [d for d in DTYPES if supports(label, d)]
        if execution == "compiled":
            dtypes.remove(torch.bfloat16)
        params = [p for d in dtypes for p in parameters_for(label, d)]
        params[0].requires_grad_(False)
        return params

    alone, forwards, backwards = mixed(), mixed(), mixed()
    apart = [make(label, [p], execution=execution) for p in alone]
    first = make(label, forwards, execution=execution)
    second = make(label, backwards[::-1], execution=execution)
    start = alone[0].clone()
    for step in range(4):
        for params in (alone, forwards, backwards):
            give_gradients(params, step)
            params[0].grad = None
            for p in params[step % 3 + 1 :: 3]:
                p.grad = None
        for optimizer in (*apart, first, second):
            optimizer.step()
    assert_alike(forwards, alone, rtol=0, atol=0)
    assert_alike(backwards, alone, rtol=0, atol=0)
    assert torch.equal(forwards[0], start)
    assert forwards[0] not in first.state
    counts = [sum(step % 3 + 1 != 1 + (i - 1) % 3 for step in range(4)) for i in range(1, 4)]
    assert [first.state[p]["step"].item() for p in forwards[1:4]] == counts


LAYOUTS = {
    "channels last": lambda x: x.to(memory_format=torch.channels_last),
    "transposed": lambda x: x.transpose(0, 3).contiguous().transpose(0, 3),
    "strided": lambda x: x.repeat_interleave(2, dim=3)[..., ::2],
}


@pytest.mark.parametrize(("label", "execution"), EXECUTED)
@pytest.mark.parametrize("layout", LAYOUTS)
def test_strides_do_not_matter_and_stay(layout, label, execution):
    (contiguous,) = parameters([(4, 3, 5, 2)])
    p = torch.nn.Parameter(LAYOUTS[layout](contiguous.detach()))
    strides = p.stride()
    ours = make(label, [p], execution=execution)
    reference = make(label, [contiguous], execution="plain")
    for step in range(3):
        give_gradients([contiguous], step)
        p.grad = LAYOUTS[layout](contiguous.grad)
        ours.step()
        reference.step()
    assert p.stride() == strides
    assert not p.is_contiguous()
    assert_alike([p], [contiguous])


@pytest.mark.parametrize(("label", "execution"), EXECUTED)
@pytest.mark.parametrize("dtype", [torch.float64, torch.complex128], ids=str)
def test_gradients_are_bit_unchanged(dtype, label, execution):
    if not supports(label, dtype):
        pytest.skip("for real parameters only")
    params = parameters_for(label, dtype)
    optimizer = make(label, params, execution=execution, maximize=True)
    for step in range(2):
        give_gradients(params, step)
        before = [(p.grad.clone(), p.grad.data_ptr()) for p in params]
        optimizer.step()
        after = [(p.grad, p.grad.data_ptr()) for p in params]
        for (g, place), (h, other) in zip(before, after, strict=True):
            assert torch.equal(g, h)
            assert place == other


@pytest.mark.parametrize(
    ("label", "execution"),
    [*((label, "foreach") for label in EVERY), ("Adam", "plain"), ("LAMB", "compiled")],
)
def test_resuming_at_every_step_of_twenty_is_exact(label, execution):
    params = parameters_for(label)
    optimizer = make(label, params, execution=execution)
    scheduler = CosineAnnealingLR(optimizer, 20)
    checkpoints = []
    for step in range(20):
        state = saved_and_loaded([optimizer.state_dict(), scheduler.state_dict()])
        checkpoints.append((clones(params), state))
        train(optimizer, params, [step])
        scheduler.step()
    for step, (resumed, (of_optimizer, of_scheduler)) in enumerate(checkpoints):
        again = make(label, resumed, lr=9.0, execution=execution)
        schedule = CosineAnnealingLR(again, 20)
        again.load_state_dict(of_optimizer)
        schedule.load_state_dict(of_scheduler)
        for later in range(step, 20):
            train(again, resumed, [later])
            schedule.step()
        assert_alike(resumed, params, rtol=0, atol=0)


@pytest.mark.parametrize("label", EVERY)
def test_half_precision_keeps_its_state_in_single_precision_or_better(label):
    params = parameters_for(label, torch.bfloat16)
    optimizer = make(label, params)
    train(optimizer, params, 3)
    again = make(label, resumed := clones(params))
    again.load_state_dict(saved_and_loaded(optimizer.state_dict()))
    for p, q in zip(params, resumed, strict=True):
        for key, value in optimizer.state[p].items():
            assert value.dtype == (torch.float64 if key == "G" else torch.float32)
            assert again.state[q][key].dtype == value.dtype
            assert torch.equal(again.state[q][key], value)
    train(optimizer, params, range(3, 6))
    train(again, resumed, range(3, 6))
    assert_alike(params, resumed, rtol=0, atol=0)


@pytest.mark.parametrize("label", EVERY)
def test_loading_copies_and_the_state_dict_is_live(label):
    params = parameters_for(label)
    first = make(label, params)
    train(first, params, 2)
    state = first.state_dict()
    before = copy.deepcopy(state["state"])
    second = make(label, taken := clones(params))
    second.load_state_dict(state)
    train(second, taken, range(2, 4))
    for i, kept in before.items():
        for key, value in kept.items():
            assert torch.equal(state["state"][i][key], value)
    train(first, params, range(2, 4))
    now = first.state_dict()["state"]
    assert all(state["state"][i][key] is now[i][key] for i in before for key in before[i])


@pytest.mark.parametrize("name", NAMES)
def test_settings_come_with_the_state_but_how_to_step_does_not(name):
    params = parameters_for(name, shapes=[(3,)])
    saved = getattr(optlab, name)(params, lr=0.5, execution="foreach", nonfinite="raise")
    optimizer = getattr(optlab, name)(params, lr=0.25, execution="plain", nonfinite="skip")
    optimizer.load_state_dict(saved.state_dict())
    (group,) = optimizer.param_groups
    assert (group["lr"], group["execution"], group["nonfinite"]) == (0.5, "plain", "skip")


@pytest.mark.parametrize("name", NAMES)
def test_every_argument_has_its_place_in_the_group_and_in_the_documentation(name):
    cls = getattr(optlab, name)
    arguments = set(inspect.signature(cls.__init__).parameters) - {"self", "params"}
    optimizer = cls(parameters_for(name, shapes=[(3,)]))
    assert arguments <= set(optimizer.param_groups[0])
    assert all(f"\n    {argument}: " in inspect.getdoc(cls) for argument in arguments)


def test_full_adagrad_takes_a_parameter_without_entries():
    params = parameters([(0,), (3,)])
    train(optlab.FullAdaGrad(params), params, 2)
