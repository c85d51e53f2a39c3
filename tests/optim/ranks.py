"""Train a small net with every optimizer, as one of several processes: ranks.py OUT WAY...

WAY is "alone" or one of three ways to share the work: "ddp", "zero" and "fsdp". What every
optimizer ends with, or the error that stopped it, is saved in OUT.WAY.RANK.
"""

import sys

import torch
from every import EVERY, groups_for
from torch import distributed, nn
from torch.distributed.checkpoint.state_dict import StateDictOptions, get_optimizer_state_dict
from torch.distributed.device_mesh import init_device_mesh
from torch.distributed.fsdp import fully_shard
from torch.distributed.optim import ZeroRedundancyOptimizer
from torch.distributed.tensor import DTensor

import optlab

STEPS = 6
CASES = {**EVERY, "one bad gradient": ("Adam", {"lr": 0.1, "nonfinite": "skip"})}


def network():
    """Layers whose rows do not divide evenly between two processes too."""
    torch.manual_seed(0)
    return nn.Sequential(nn.Linear(6, 10), nn.Tanh(), nn.Linear(10, 3)).double()


def train(label, way):
    """The weights, and the state where the way gathers it from all processes."""
    name, settings = CASES[label]
    rank, world = distributed.get_rank(), distributed.get_world_size()
    net = model = network()
    if way in ("ddp", "zero"):
        model = nn.parallel.DistributedDataParallel(net)
    if way == "fsdp":
        fully_shard(net, mesh=init_device_mesh("cpu", (world,)))
    cls, groups = getattr(optlab, name), groups_for(label, net)
    if way == "zero":
        unnamed = [{**g, "params": [p for _, p in g["params"]]} for g in groups]
        optimizer = ZeroRedundancyOptimizer(unnamed, cls, **settings)
    else:
        optimizer = cls(groups, **settings)
    generator = torch.Generator().manual_seed(1)
    x = torch.randn(32, 6, generator=generator, dtype=torch.float64)
    y = torch.randint(3, (32,), generator=generator)
    for step in range(STEPS):
        optimizer.zero_grad()
        nn.functional.cross_entropy(model(x[rank::world]), y[rank::world]).backward()
        if name == "Sophia" and step % 2 == 0:
            own = getattr(optimizer, "optim", optimizer)  # ZeRO's: of some parameters only
            own.update_hessian([p.grad**2 for g in own.param_groups for p in g["params"]])
        if label == "one bad gradient" and step == 3:
            spoil(net[0].weight.grad)
        optimizer.step()
    ends = {k: whole(v) for k, v in net.state_dict().items()}
    if way in ("alone", "fsdp"):
        options = StateDictOptions(full_state_dict=True)
        state = get_optimizer_state_dict(net, optimizer, options=options)["state"]
        ends |= {f"{k} {n}": v for k, s in state.items() for n, v in s.items()}
    if way == "zero":
        optimizer.consolidate_state_dict(to=0)
        if rank == 0:
            state = optimizer.state_dict()["state"]
            names = [k for g in groups for k, _ in g["params"]]
            ends |= {f"{names[i]} {n}": v for i, s in state.items() for n, v in s.items()}
    return {k: v.detach().clone() for k, v in ends.items()}


def spoil(gradient):
    """One NaN, which under FSDP only the first process can see."""
    if not isinstance(gradient, DTensor):
        gradient[0, 0] = torch.nan
    elif distributed.get_rank() == 0:
        gradient.to_local()[0, 0] = torch.nan


def whole(x):
    return x.full_tensor() if isinstance(x, DTensor) else x


if __name__ == "__main__":
    out, *ways = sys.argv[1:]
    distributed.init_process_group("gloo")
    for way in ways:
        ends = {}
        for label in CASES:
            try:
                ends[label] = train(label, way)
            except Exception as error:
                ends[label] = f"{type(error).__name__}: {error}"
        torch.save(ends, f"{out}.{way}.{distributed.get_rank()}")
    distributed.destroy_process_group()
