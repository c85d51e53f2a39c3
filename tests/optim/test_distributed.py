"""Two processes with half of the batch each end where one process with all of it ends."""

import os
import socket
import subprocess
import sys
from pathlib import Path

import torch
from twins import assert_alike

SCRIPT = Path(__file__).with_name("ddp_train.py")
TIME_LIMIT = 120  # seconds; a rank that waits for a dead one would wait for ever


def run(world, out):
    """Train on `world` processes of 127.0.0.1; the weights that each of them ends with."""
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        port = str(s.getsockname()[1])
    address = {"MASTER_ADDR": "127.0.0.1", "MASTER_PORT": port, "WORLD_SIZE": str(world)}
    environment = {**os.environ, **address, "OMP_NUM_THREADS": "1"}
    ranks = [
        subprocess.Popen(
            [sys.executable, SCRIPT, out],
            env={**environment, "RANK": str(rank)},
            stderr=subprocess.PIPE,
            text=True,
        )
        for rank in range(world)
    ]
    try:
        for process in ranks:
            _, errors = process.communicate(timeout=TIME_LIMIT)
            assert process.returncode == 0, errors
    finally:
        for process in ranks:
            process.kill()
    return [torch.load(f"{out}.{rank}", weights_only=True) for rank in range(world)]


def test_two_processes_end_with_the_weights_of_one(tmp_path):
    (alone,) = run(1, tmp_path / "one")
    first, second = run(2, tmp_path / "two")
    assert_alike(first.values(), second.values(), rtol=0, atol=0)
    assert_alike(first.values(), alone.values(), rtol=1e-12, atol=1e-12)
    assert alone.keys() == {"0.weight", "0.bias", "2.weight", "2.bias"}
