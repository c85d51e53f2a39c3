"""The same on a GPU: parity, tensor learning rates that stay there, state that moves."""

import copy

import pytest
import torch
from twins import assert_alike, give_gradients, parameters, train

import optlab

pytestmark = pytest.mark.skipif(not torch.cuda.is_available(), reason="no CUDA device")

EXECUTIONS = ["plain", "foreach", "compiled"]


def on_gpu(**options):
    return [torch.nn.Parameter(p.detach().cuda()) for p in parameters(**options)]


@pytest.mark.parametrize("execution", EXECUTIONS)
@pytest.mark.parametrize("name", ["SGD", "Adam"])
@pytest.mark.parametrize("lr_shape", [None, (), (1,)])
def test_parity(name, execution, lr_shape):
    lr = 0.1 if lr_shape is None else torch.full(lr_shape, 0.1, dtype=torch.float64).cuda()
    ours, theirs = on_gpu(), on_gpu()
    options = {"momentum": 0.9, "nesterov": True} if name == "SGD" else {"weight_decay": 0.1}
    train(getattr(optlab, name)(ours, lr=lr, **options, execution=execution), ours, 5)
    train(getattr(torch.optim, name)(theirs, lr=0.1, **options), theirs, 5)
    assert_alike(ours, theirs)


@pytest.mark.parametrize("nonfinite", ["propagate", "skip"])
@pytest.mark.parametrize("execution", EXECUTIONS)
def test_a_step_does_not_wait_for_the_device(execution, nonfinite):
    params = on_gpu()
    lr = torch.tensor(0.1).cuda()
    optimizer = optlab.Adam(params, lr=lr, execution=execution, nonfinite=nonfinite)
    train(optimizer, params, 2)
    give_gradients(params, 2)
    if execution == "compiled":
        pytest.skip("the packed numbers are copied from pageable memory")
    torch.cuda.set_sync_debug_mode("error")
    try:
        optimizer.step()
    finally:
        torch.cuda.set_sync_debug_mode("default")


def test_state_moves_to_the_parameters_device_and_the_count_does_not():
    cpu, gpu = parameters(), on_gpu()
    first = torch.optim.Adam(gpu, capturable=True)
    train(first, gpu, 2)
    second = optlab.Adam(again := on_gpu())
    second.load_state_dict(copy.deepcopy(first.state_dict()))
    assert second.state[again[0]]["exp_avg"].is_cuda
    assert not second.state[again[0]]["step"].is_cuda
    third = optlab.Adam(cpu)
    third.load_state_dict(second.state_dict())
    assert not third.state[cpu[0]]["exp_avg"].is_cuda
