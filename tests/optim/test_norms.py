"""Norms and means of large tensors in float32 on a CPU: as exact as the dtype allows."""

import math
import subprocess
import sys

import pytest
import torch
from compilers import NEEDS_CXX

import optlab
from optlab import ops
from optlab.optim.tensorlist import TensorList

EXECUTIONS = ("plain", "foreach", "compiled")


def exact(x):
    return math.sqrt(sum(b.double().pow(2).sum().item() for b in x.reshape(-1).split(2**18)))


def norms(x):
    return [ops.norm(x), ops.norm(TensorList([x])).tensors[0]]


SIZES = [0, 1, 7, 511, 512, 513, 2**14, 2**14 + 1, 2**15 + 511, 2**20 + 3]


@pytest.mark.parametrize("n", SIZES)
@pytest.mark.parametrize("value", [None, 0.1, 0.7, 1.3])
def test_a_norm_is_that_of_float64(n, value):
    x = torch.randn(n) if value is None else torch.full((n,), value)
    for norm in norms(x):
        assert norm.dtype == torch.float32
        assert norm.shape == ()
        assert norm.item() == pytest.approx(exact(x), rel=6e-7, abs=1e-30)


def test_thirty_million_entries():
    x = torch.randn(30_000_000)
    for norm in norms(x):
        assert norm.item() == pytest.approx(exact(x), rel=1e-7)
    x.fill_(0.9)
    for norm in norms(x):
        assert norm.item() == pytest.approx(0.9 * math.sqrt(30_000_000), rel=1e-6)
    assert ops.mean(x**2).item() == pytest.approx(0.81, rel=1e-6)


LAYOUTS = {
    "transposed": lambda x: x.view(300, 400).t(),
    "channels last": lambda x: x.view(10, 20, 30, 20).to(memory_format=torch.channels_last),
    "strided": lambda x: x.view(300, 400)[:, ::2],
    "expanded": lambda x: x[:400].expand(300, 400),
    "negative": torch._neg_view,
}


@pytest.mark.parametrize("layout", LAYOUTS.values(), ids=LAYOUTS)
def test_every_layout(layout):
    x = layout(torch.randn(120_000))
    for norm in norms(x):
        assert norm.item() == pytest.approx(exact(x), rel=6e-7)


def test_batches_and_derivatives():
    x = torch.randn(3, 20_000)
    batch = torch.func.vmap(ops.norm)(x)
    torch.testing.assert_close(batch, x.double().norm(dim=1).float(), rtol=1e-6, atol=0)
    y = torch.randn(20_000, requires_grad=True)
    (gradient,) = torch.autograd.grad(ops.norm(y), y)
    torch.testing.assert_close(gradient, (y / exact(y.detach())).detach(), rtol=1e-5, atol=1e-9)


def test_other_dtypes_keep_theirs():
    x = torch.randn(1000)
    for dtype in (torch.float64, torch.bfloat16, torch.complex64):
        assert ops.norm(x.to(dtype)).dtype == torch.linalg.vector_norm(x.to(dtype)).dtype


def test_no_second_copy_in_memory():
    code = """
import resource, torch
from optlab import ops
from optlab.optim.tensorlist import TensorList
x = torch.randn(20_000_000).view(4000, 5000)
ops.norm(x[:10])
before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
ops.norm(x), ops.norm(x.t()), ops.norm(TensorList([x]))
print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before)
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert int(done.stdout) < 8_000  # kB; x takes 80,000, and would 160,000 in float64


def step_length(name, execution_, dtype, **settings):
    """How far the first step of a large tensor goes."""
    p = torch.nn.Parameter(torch.full((2000, 2000), 0.3, dtype=dtype))
    p.grad = torch.full_like(p, 0.7)
    getattr(optlab, name)([p], execution=execution_, **settings).step()
    return 0.3 - p[3, 5].item()


@pytest.mark.parametrize("execution_", EXECUTIONS)
@pytest.mark.parametrize(
    ("name", "settings", "length"),
    [
        # trust_coefficient |w| / |g| · g
        ("LARS", {"lr": 0.5, "momentum": 0, "trust_coefficient": 0.1}, 0.5 * 0.1 * 0.3),
        # |x| / |r| · r: each weight moves by lr times its own size
        ("LARS", {"lr": 0.1, "form": "deck"}, 0.1 * 0.3),
        ("LAMB", {"lr": 0.1}, 0.1 * 0.3),
        # the size of the weights times min(lr, 1), the update of root mean square 1
        ("Adafactor", {"lr": 0.1}, 0.1 * 0.3),
    ],
)
def test_a_step_is_as_long_as_the_norms_say(name, settings, length, execution_):
    for dtype, tolerance in ((torch.float32, 5e-6), (torch.float64, 1e-9)):
        assert step_length(name, execution_, dtype, **settings) == pytest.approx(
            length, rel=tolerance
        )


@NEEDS_CXX
def test_torch_compile_adds_in_float64_too():
    torch._dynamo.reset()
    norm = torch.compile(ops.norm, dynamic=True, fullgraph=True)
    x = torch.full((3_000_000,), 0.9)
    assert norm(x).item() == pytest.approx(0.9 * math.sqrt(len(x)), rel=1e-6)
