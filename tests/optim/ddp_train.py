"""Data-parallel training with optlab.Adam: torchrun --nproc-per-node 2 ddp_train.py WEIGHTS."""

import sys

import torch
from torch import distributed, nn

import optlab

distributed.init_process_group("gloo")
rank, world = distributed.get_rank(), distributed.get_world_size()
torch.manual_seed(0)
torch.set_default_dtype(torch.float64)
x, y = torch.randn(64, 8), torch.randint(3, (64,))
net = nn.Sequential(nn.Linear(8, 16), nn.Tanh(), nn.Linear(16, 3))
model = nn.parallel.DistributedDataParallel(net)
optimizer = optlab.Adam(model.parameters(), lr=0.01)
for _ in range(20):
    optimizer.zero_grad()
    nn.functional.cross_entropy(model(x[rank::world]), y[rank::world]).backward()
    optimizer.step()
torch.save(net.state_dict(), f"{sys.argv[1]}.{rank}")
distributed.destroy_process_group()
