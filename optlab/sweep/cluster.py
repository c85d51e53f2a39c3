"""The Dask cluster that a sweep runs on: one of this computer, or one that is there already."""

from __future__ import annotations

import logging
import os
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

from optlab.running.errors import RunError

if TYPE_CHECKING:
    from distributed import Client

GPU = "GPU"  # the resource that workers announce, and of which a run may ask one


@contextmanager
def local_cluster(workers: int, *, gpus: bool) -> Iterator[Client]:
    """Processes of this computer, which end with the context or with this process.

    They share its processor cores evenly. gpus: each worker sees one GPU and announces it.
    """
    from distributed import Client, Nanny, Scheduler, SpecCluster

    threads = max(1, (os.cpu_count() or 1) // workers)
    place = {"host": "127.0.0.1", "dashboard": False, "dashboard_address": "127.0.0.1:0"}
    specification = {}
    for number in range(workers):
        environment = {"OMP_NUM_THREADS": str(threads), "MKL_NUM_THREADS": str(threads)}
        if gpus:
            environment["CUDA_VISIBLE_DEVICES"] = visible_gpus()[number]
        specification[number] = {
            "cls": Nanny,
            "options": {
                **place,
                "nthreads": 1,
                "memory_limit": 0,  # what a run needs is its kernel's, which Dask does not watch
                "silence_logs": logging.CRITICAL,
                "env": environment,
                "resources": {GPU: 1} if gpus else {},
            },
        }
    with (
        SpecCluster(
            workers=specification,
            scheduler={"cls": Scheduler, "options": {**place, "port": 0}},
            silence_logs=logging.CRITICAL,
        ) as cluster,
        Client(cluster) as client,
    ):
        yield client


@contextmanager
def existing_cluster(address: str) -> Iterator[Client]:
    """A scheduler that is there already; it and its workers go on after the context.

    RunError if none answers in the time that Dask's configuration allows for a connection.
    """
    from distributed import Client

    try:
        client = Client(address)
    except (OSError, ValueError):
        raise RunError(f"no Dask scheduler answers at {address}; is it tcp://HOST:8786?") from None
    with client:
        yield client


def visible_gpus() -> list[str]:
    """The names of the GPUs that this process may use, as CUDA_VISIBLE_DEVICES has them."""
    if (named := os.environ.get("CUDA_VISIBLE_DEVICES")) is not None:
        return [name for name in named.split(",") if name]
    import torch

    return [str(number) for number in range(torch.cuda.device_count())]
