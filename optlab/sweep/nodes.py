"""Dask's scheduler and workers as a sweep starts them on this computer: without web pages."""

from __future__ import annotations

import os
from typing import Any

import distributed

SAFE = "optlab-sweep"  # of PYTHONSAFEPATH, where the sweep has set it and not the user


class Scheduler(distributed.Scheduler):
    """It answers to its protocol only. Dask's own listens for HTTP, too, without any check of
    who asks, even where no dashboard is asked for."""

    def start_http_server(self, *arguments: Any, **options: Any) -> None:
        """Start none."""


class Worker(distributed.Worker):
    """It answers to its protocol only, and hands its kernels the environment of the user."""

    def __init__(self, *arguments: Any, **options: Any) -> None:
        super().__init__(*arguments, **options)
        if os.environ.get("PYTHONSAFEPATH") == SAFE:
            del os.environ["PYTHONSAFEPATH"]

    def start_http_server(self, *arguments: Any, **options: Any) -> None:
        """Start none."""
