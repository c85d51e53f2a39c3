"""Stochastic rounding: right in the mean, exact where there is nothing to round, reproducible."""

import copy

import pytest
import torch
from every import EVERY, make, parameters_for
from test_nonfinite import give_bad_gradients
from torch import distributed
from torch.distributed.device_mesh import init_device_mesh
from torch.distributed.fsdp import fully_shard
from twins import assert_alike, parameters, train

import optlab
from optlab.optim import rounding
from optlab.optim.rounding import stochastically

HALF = [torch.bfloat16, torch.float16]
DRAWS = 100_000
EXECUTIONS = ["plain", "foreach", "compiled", "auto"]


def bits(x):
    return x.view(torch.int16)


def everything(optimizer, params):
    state = [x for p in params for _, x in sorted(optimizer.state[p].items())]
    return [x.detach().clone() for x in (*params, *state)]


def values(dtype):
    """Numbers of all sizes between two of `dtype`: large, about one, near a power of two on both
    sides, and subnormal; and of both signs."""
    info = torch.finfo(dtype)
    least = info.smallest_normal * info.eps
    sizes = [0.3 * info.max, 1234.5678, 1.0003, 0.99997, 0.1, 7.7 * info.smallest_normal]
    sizes += [0.6 * info.smallest_normal, 5.25 * least, 0.3 * least, 0.01 * least]
    return torch.tensor([s * x for x in sizes for s in (1, -1)], dtype=torch.float64).float()


@pytest.mark.parametrize("dtype", HALF, ids=str)
def test_the_mean_is_the_value(dtype):
    """Each mean is within five standard errors: 1 in 10⁵ for all of them, and the seed is fixed."""
    generator = torch.Generator().manual_seed(1)
    for x in values(dtype):
        drawn = stochastically(x.expand(DRAWS).clone(), dtype, generator=generator).double()
        low, high = drawn.min().item(), drawn.max().item()
        assert low <= x <= high
        neighbours = torch.tensor([low, high], dtype=torch.float64).to(dtype)
        if low < high:  # two numbers with none between them
            ordered = [int(b) & 0x7FFF for b in bits(neighbours)]
            assert abs(ordered[0] - ordered[1]) == 1
        share = (x.double() - low) / (high - low) if low < high else 0.0
        error = abs(drawn.mean() - x.double())
        assert error <= 5 * (high - low) * (share * (1 - share) / DRAWS) ** 0.5


@pytest.mark.parametrize("dtype", HALF, ids=str)
def test_both_neighbours_are_as_likely_as_they_are_near(dtype):
    generator = torch.Generator().manual_seed(2)
    gap = torch.finfo(dtype).eps
    for share in (0.5, 0.25, 0.03):
        for sign in (1.0, -1.0):
            x = torch.full((DRAWS,), sign * (1 + gap * share))
            drawn = stochastically(x, dtype, generator=generator).float()
            assert set(drawn.tolist()) == {sign, sign * (1 + gap)}
            up = (drawn.abs() > 1).double().mean()
            assert abs(up - share) <= 5 * (share * (1 - share) / DRAWS) ** 0.5


@pytest.mark.parametrize("dtype", HALF, ids=str)
def test_every_number_of_the_dtype_stays_itself(dtype):
    all_bits = torch.arange(-(2**15), 2**15, dtype=torch.int32).to(torch.int16)
    x = all_bits.view(dtype)
    for seed in range(3):
        generator = torch.Generator().manual_seed(seed)
        drawn = stochastically(x.float(), dtype, generator=generator)
        nan = x.isnan()
        assert torch.equal(drawn.isnan(), nan)
        assert torch.equal(bits(drawn)[~nan], all_bits[~nan])  # -0 and infinities among them


@pytest.mark.parametrize("dtype", HALF, ids=str)
def test_not_even_the_least_draw_moves_what_needs_no_rounding(dtype, monkeypatch):
    x = torch.arange(-(2**15), 2**15, dtype=torch.int32).to(torch.int16).view(dtype)
    x = x[~x.isnan()]
    monkeypatch.setattr(torch, "rand", lambda *_, **__: torch.zeros(x.shape))
    assert torch.equal(bits(stochastically(x.float(), dtype)), bits(x))


@pytest.mark.parametrize("dtype", HALF, ids=str)
def test_beyond_the_largest_number_it_is_the_nearest(dtype):
    largest = torch.finfo(dtype).max
    above = torch.tensor([largest * (1 + 2**-10), largest * (1 + 2**-8.5), 3.4e38, largest])
    x = torch.cat([above, -above]).repeat(1000)
    assert torch.equal(stochastically(x, dtype), x.to(dtype))


@pytest.mark.parametrize("dtype", HALF, ids=str)
@pytest.mark.parametrize("label", EVERY)
def test_all_executions_draw_the_same_and_the_seed_decides(label, dtype):
    ends = {}
    for execution in ("plain", "foreach", "plain again", "another seed"):
        params = parameters_for(label, dtype)
        way = execution if execution == "foreach" else "plain"
        optimizer = make(label, params, execution=way, rounding="stochastic")
        torch.manual_seed(1 if execution == "another seed" else 0)
        train(optimizer, params, 3)
        ends[execution] = everything(optimizer, params)
        states = [x for p in params for k, x in optimizer.state[p].items() if k != "step"]
        assert {x.dtype for x in states} <= {torch.float32, torch.float64}
    assert_alike(ends["plain"], ends["plain again"], rtol=0, atol=0)
    # the same up to the rounding of float32, which may turn a draw
    for a, b in zip(ends["plain"], ends["foreach"], strict=True):
        turned = ~torch.isclose(a.double(), b.double(), rtol=1e-5, atol=1e-6)
        assert turned.sum() <= 2 + 0.02 * len(a.flatten())
    largest = max(range(len(params)), key=lambda i: params[i].numel())
    assert (ends["plain"][largest] != ends["another seed"][largest]).any()


@pytest.mark.parametrize("dtype", HALF, ids=str)
@pytest.mark.parametrize("label", ["SGD momentum", "AdamW", "Adafactor", "LAMB", "Lion"])
def test_the_compiled_kernel_for_float32_serves_it(label, dtype):
    ends = []
    for execution in ("plain", "compiled"):
        params = parameters([(400, 30), (70,)], dtype)
        optimizer = make(label, params, execution=execution, rounding="stochastic")
        torch.manual_seed(0)
        train(optimizer, params, 3)
        ends.append(params)
    for a, b in zip(*ends, strict=True):
        assert (a != b).double().mean() <= 0.01


@pytest.mark.parametrize("execution", EXECUTIONS)
@pytest.mark.parametrize("dtype", HALF, ids=str)
def test_small_steps_and_decay_are_not_lost(dtype, execution):
    """Decay alone, at lr = 1e-4: 200 steps shrink a weight to 0.998 of it in the mean."""
    left = {}
    for how in ("nearest", "stochastic"):
        p = torch.nn.Parameter(torch.linspace(0.5, 2, 20_000).to(dtype))
        start = p.detach().double()
        way = execution if how == "stochastic" else "plain"
        optimizer = optlab.AdamW([p], lr=1e-4, weight_decay=0.1, execution=way, rounding=how)
        p.grad = torch.zeros_like(p)
        torch.manual_seed(0)
        for _ in range(200):
            optimizer.step()
        ratios = p.detach().double() / start
        left[how] = ratios.mean().item(), 5 * ratios.std().item() / len(p) ** 0.5
    assert left["nearest"] == (1.0, 0.0)
    mean, error = left["stochastic"]
    assert error < 1e-3
    assert abs(mean - (1 - 1e-5) ** 200) <= error


def test_it_follows_the_weights_in_single_precision():
    """A least-squares problem that nearest rounding stops on the way."""
    losses = {}
    torch.manual_seed(0)
    x = torch.randn(256, 40)
    y = x @ torch.randn(40)
    for how, dtype in (
        ("exact", torch.float32),
        ("nearest", torch.bfloat16),
        ("stochastic", torch.bfloat16),
    ):
        w = torch.nn.Parameter(torch.ones(40, dtype=dtype))
        optimizer = optlab.SGD(
            [w], lr=2e-4, rounding="nearest" if how == "exact" else how, execution="plain"
        )
        for _ in range(1500):
            w.grad = (2 * x.T @ (x @ w.detach().float() - y) / 256).to(dtype)
            optimizer.step()
        losses[how] = ((x @ w.detach().float() - y) ** 2).mean().item()
    assert losses["nearest"] > 1.3 * losses["exact"]
    assert abs(losses["stochastic"] / losses["exact"] - 1) < 0.1


@pytest.mark.parametrize("label", EVERY)
@pytest.mark.parametrize("dtype", [torch.float32, torch.float64], ids=str)
def test_wider_weights_are_not_rounded_and_nothing_is_drawn(label, dtype):
    ends = []
    for how in ("nearest", "stochastic"):
        params = parameters_for(label, dtype)
        optimizer = make(label, params, execution="plain", rounding=how)
        before = torch.get_rng_state()
        train(optimizer, params, 2)
        assert torch.equal(torch.get_rng_state(), before)
        ends.append(everything(optimizer, params))
    assert_alike(*ends, rtol=0, atol=0)


@pytest.mark.parametrize("label", EVERY)
def test_a_skipped_step_changes_no_bit(label):
    params = parameters_for(label, torch.bfloat16)
    optimizer = make(label, params, nonfinite="skip", rounding="stochastic", execution="plain")
    train(optimizer, params, 2)
    before = everything(optimizer, params)
    give_bad_gradients(params, 2)
    optimizer.step()
    assert_alike(everything(optimizer, params), before, rtol=0, atol=0)


def test_sharded_weights_are_rounded_where_they_are(tmp_path):
    store = distributed.FileStore(str(tmp_path / "store"), 1)
    distributed.init_process_group("gloo", store=store, rank=0, world_size=1)
    try:
        ends = []
        for shard in (False, True):
            torch.manual_seed(0)
            net = torch.nn.Linear(30, 20).bfloat16()
            if shard:
                fully_shard(net, mesh=init_device_mesh("cpu", (1,)))
            optimizer = optlab.AdamW(net.parameters(), rounding="stochastic", execution="auto")
            x = torch.linspace(-1, 1, 60).bfloat16().reshape(2, 30)
            torch.manual_seed(1)
            for _ in range(3):
                optimizer.zero_grad()
                net(x).square().sum().backward()
                optimizer.step()
            ends.append([getattr(p, "full_tensor", lambda p=p: p)() for p in net.parameters()])
        for a, b in zip(*ends, strict=True):
            assert (a != b).double().mean() <= 0.01
    finally:
        distributed.destroy_process_group()


def test_large_batches_are_taken_in_parts(monkeypatch):
    ends = []
    for together in (rounding.TOGETHER, 10):
        monkeypatch.setattr(rounding, "TOGETHER", together)
        params = parameters([(3,), (8,), (40,), (1,), ()], torch.bfloat16)
        optimizer = optlab.Adam(params, lr=1e-3, rounding="stochastic", execution="plain")
        torch.manual_seed(0)
        train(optimizer, params, 3)
        ends.append(everything(optimizer, params))
    assert_alike(*ends, rtol=0, atol=0)


def test_groups_may_differ_and_a_load_leaves_it_as_it_is_here():
    params = parameters([(30,), (30,)], torch.bfloat16)
    groups = [{"params": [params[0]], "rounding": "stochastic"}, {"params": [params[1]]}]
    optimizer = optlab.SGD(groups, lr=1e-6)
    before = [p.detach().clone() for p in params]
    torch.manual_seed(0)
    for _ in range(300):
        train(optimizer, params, 1)
    assert (params[0] != before[0]).any()
    assert torch.equal(params[1], before[1])
    other = optlab.SGD(copy.deepcopy(params), rounding="stochastic")
    other.load_state_dict(optlab.SGD(params).state_dict())
    assert other.param_groups[0]["rounding"] == "stochastic"
    with pytest.raises(ValueError, match="Invalid rounding: 'up'; choose one of nearest, stoch"):
        optlab.SGD(params, rounding="up")
