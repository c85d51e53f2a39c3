"""Parameters and gradients of every kind: layouts, missing gradients, sparse, empty."""

import copy

import pytest
import torch
from twins import assert_alike, give_gradients, parameters, train

import optlab

EXECUTIONS = ["plain", "foreach", "compiled"]
NAMES = ["SGD", "Adam"]


def make(name, params, module=optlab, **options):
    momentum = {"momentum": 0.9} if name == "SGD" else {}
    return getattr(module, name)(params, lr=0.1, **momentum, **options)


def dense(shape=(8, 4, 8, 8)):
    generator = torch.Generator().manual_seed(0)
    return torch.randn(shape, generator=generator, dtype=torch.float64)


LAYOUTS = {  # all of them keep the shape
    "contiguous": lambda x: x,
    "channels last": lambda x: x.to(memory_format=torch.channels_last),
    "transposed": lambda x: x.transpose(0, 3),
    "strided": lambda x: x.repeat_interleave(2, dim=3)[..., ::2],
    "offset": lambda x: torch.cat([x, x])[8:],
    "expanded": lambda x: x[:1, :1, :1, :1].expand(x.shape),
}


@pytest.mark.parametrize("execution", EXECUTIONS)
@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("gradient", LAYOUTS)
@pytest.mark.parametrize("parameter", [x for x in LAYOUTS if x != "expanded"])
def test_layouts(parameter, gradient, name, execution):
    p = torch.nn.Parameter(LAYOUTS[parameter](dense()))
    q = torch.nn.Parameter(p.detach().clone().contiguous())
    strides = p.stride()
    ours = make(name, [p], execution=execution)
    theirs = make(name, [q], torch.optim)
    for step in range(3):
        p.grad = LAYOUTS[gradient](torch.cos(dense() + step))
        q.grad = p.grad.contiguous()
        ours.step()
        theirs.step()
    assert_alike([p], [q])
    assert p.stride() == strides


@pytest.mark.parametrize("execution", EXECUTIONS)
@pytest.mark.parametrize("state", [x for x in LAYOUTS if x != "expanded"])
def test_state_loaded_in_another_layout(state, execution):
    p = torch.nn.Parameter(dense())
    q = torch.nn.Parameter(dense())
    theirs = make("Adam", [q], torch.optim)
    train(theirs, [q], 2)
    saved = copy.deepcopy(theirs.state_dict())
    for key in ("exp_avg", "exp_avg_sq"):
        average = saved["state"][0][key]
        saved["state"][0][key] = LAYOUTS[state](torch.empty_like(average)).copy_(average)
    ours = make("Adam", [p], execution=execution)
    ours.load_state_dict(saved)
    with torch.no_grad():
        p.copy_(q)
    train(ours, [p], range(2, 4))
    train(theirs, [q], range(2, 4))
    assert_alike([p], [q])


@pytest.mark.parametrize("execution", EXECUTIONS)
@pytest.mark.parametrize("name", NAMES)
def test_a_view_of_a_larger_tensor_is_updated_and_its_neighbors_are_not(name, execution):
    whole = torch.zeros(3, 1500, dtype=torch.float64)
    p = whole[1].requires_grad_()
    train(make(name, [p], execution=execution), [p], 2)
    assert p.all()
    assert not whole[0].any()
    assert not whole[2].any()


@pytest.mark.parametrize("execution", EXECUTIONS)
@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("maximize", [False, True])
@pytest.mark.parametrize("dtype", [torch.float64, torch.bfloat16, torch.complex128])
def test_gradients_are_bit_unchanged(name, maximize, dtype, execution):
    params = parameters(dtype=dtype)
    options = {"maximize": maximize, "weight_decay": 0.1, "execution": execution}
    optimizer = make(name, params, **options)
    for step in range(2):
        give_gradients(params, step)
        before = [p.grad.clone() for p in params]
        places = [p.grad.data_ptr() for p in params]
        optimizer.step()
        assert all(torch.equal(p.grad, g) for p, g in zip(params, before, strict=True))
        assert [p.grad.data_ptr() for p in params] == places


@pytest.mark.parametrize("execution", EXECUTIONS)
@pytest.mark.parametrize("name", NAMES)
def test_frozen_and_gradient_less_parameters_stay_and_count_their_own_steps(name, execution):
    shapes = [(1200,), (1100,), (3,), (1300,)]
    runs = []
    for module in (optlab, torch.optim):
        params = parameters(shapes)
        options = {"execution": execution} if module is optlab else {}
        optimizer = make(name, params, module, **options)
        start = params[0].detach().clone()
        for step in range(5):
            give_gradients(params, step)
            params[0].grad = None
            if step % 2:
                params[1].grad = params[2].grad = None
            optimizer.step()
        assert torch.equal(params[0], start)
        assert params[0] not in optimizer.state
        if module is optlab:
            assert [optimizer.state[p]["step"].item() for p in params[1:]] == [3, 3, 5]
        runs.append(params)
    assert_alike(*runs)


@pytest.mark.parametrize("name", NAMES)
def test_no_gradients_at_all_is_no_step(name):
    params = parameters()
    before = [p.detach().clone() for p in params]
    optimizer = make(name, params)
    optimizer.step()
    assert_alike(params, before, rtol=0, atol=0)
    assert not optimizer.state


@pytest.mark.parametrize("name", NAMES)
def test_sparse_gradients_are_refused_before_anything_changes(name):
    dense_one = parameters([(3,)])
    table = torch.nn.Embedding(5, 2, sparse=True)
    before = [dense_one[0].detach().clone(), table.weight.detach().clone()]
    groups = [{"params": dense_one}, {"params": table.parameters()}]
    optimizer = make(name, groups)
    give_gradients(dense_one, 0)
    table(torch.tensor([1, 1, 3])).sum().backward()
    with pytest.raises(RuntimeError, match=r"does not support sparse gradients: .*to_dense") as e:
        optimizer.step()
    assert "\n" not in str(e.value)
    assert_alike([*dense_one, table.weight], before, rtol=0, atol=0)
    assert not optimizer.state
    table.weight.grad = table.weight.grad.to_dense()
    optimizer.step()
    assert not torch.equal(table.weight, before[1])


@pytest.mark.parametrize("execution", EXECUTIONS)
def test_a_conjugated_gradient_is_taken_at_its_value(execution):
    g = torch.randn(1100, dtype=torch.complex128)
    runs = []
    for gradient in (g.conj(), g.conj().resolve_conj()):
        (p,) = parameters([(1100,)], torch.complex128)
        p.grad = gradient
        make("Adam", [p], execution=execution).step()
        runs.append([p])
    assert_alike(*runs, rtol=0, atol=0)


@pytest.mark.filterwarnings("ignore:Using backward.. with create_graph")
@pytest.mark.parametrize("execution", EXECUTIONS)
@pytest.mark.parametrize("name", NAMES)
def test_nothing_of_the_step_is_recorded_by_autograd(name, execution):
    (p,) = parameters([(1100,)])
    (p**3).sum().backward(create_graph=True)
    assert p.grad.requires_grad
    optimizer = make(name, [p], execution=execution)
    for _ in range(2):
        optimizer.step()
    assert p.is_leaf
    assert p.requires_grad
    state = [x for x in optimizer.state[p].values() if isinstance(x, torch.Tensor)]
    assert not any(x.requires_grad for x in state)
    p.grad = None


@pytest.mark.parametrize("execution", EXECUTIONS)
@pytest.mark.parametrize("name", NAMES)
def test_parameters_of_several_dtypes_in_one_group(name, execution):
    def mixed():
        dtypes = [torch.float64, torch.float32, torch.bfloat16, torch.complex128]
        return [p for d in dtypes for p in parameters([(1200,), (3,)], d)]

    together, apart = mixed(), mixed()
    train(make(name, together, execution=execution), together, 3)
    optimizers = [make(name, [p], execution=execution) for p in apart]
    for step in range(3):
        give_gradients(apart, step)
        for optimizer in optimizers:
            optimizer.step()
    assert_alike(together, apart, rtol=0, atol=0)


@pytest.mark.filterwarnings("error")
@pytest.mark.parametrize("execution", ["plain", "foreach", "auto"])
@pytest.mark.parametrize("name", NAMES)
def test_no_warning_is_raised(name, execution):
    params = [*parameters(), *parameters(dtype=torch.complex64), *parameters(dtype=torch.bfloat16)]
    optimizer = make(name, params, execution=execution, maximize=True)
    train(optimizer, params, 2)
    optimizer.load_state_dict(optimizer.state_dict())


@pytest.mark.parametrize("execution", EXECUTIONS)
@pytest.mark.parametrize("name", NAMES)
def test_autograd_notices_a_step_between_forward_and_backward(name, execution):
    (p,) = parameters([(1100,)])
    loss = (p**2).sum()
    train(make(name, [p], execution=execution), [p], 1)
    with pytest.raises(RuntimeError, match="modified by an inplace operation"):
        loss.backward()
