"""How many processor cores this process may use, which can be fewer than there are."""

from __future__ import annotations

import math
import os
from collections.abc import Iterator
from pathlib import Path, PurePosixPath

PROC, CGROUPS = Path("/proc/self/cgroup"), Path("/sys/fs/cgroup")


def usable_cores(proc: Path = PROC, cgroups: Path = CGROUPS) -> int:
    """Those that affinity allows (`taskset`, Slurm), or fewer by a quota of the control group
    (containers, systemd), rounded up; at least 1.

    proc: the list of the process's groups. cgroups: where their settings are.
    """
    if hasattr(os, "sched_getaffinity"):
        cores = len(os.sched_getaffinity(0))
    else:
        cores = os.cpu_count() or 1
    return max(1, min([cores, *(math.ceil(quota) for quota in _quotas(proc, cgroups))]))


def _quotas(proc: Path, cgroups: Path) -> Iterator[float]:
    """Cores that each group around the process may use. Dask's `cpu_count` asks one group only,
    and version 1 at the root alone."""
    for group, controllers in _groups(proc):
        if not controllers:  # version 2
            places = [cgroups, cgroups / "unified"]
        elif "cpu" in controllers:
            places = [cgroups / "cpu", cgroups / ",".join(controllers)]
        else:
            continue
        for place in places:
            for inner in (group, *PurePosixPath(group).parents):
                yield from _quota(place / str(inner).lstrip("/"))


def _groups(proc: Path) -> Iterator[tuple[str, list[str]]]:
    try:
        lines = proc.read_text(encoding="utf-8", errors="surrogateescape").splitlines()
    except OSError:
        return
    for line in lines:
        if line.count(":") >= 2:
            _, controllers, group = line.split(":", 2)
            yield group, [name for name in controllers.split(",") if name]


def _quota(folder: Path) -> Iterator[float]:
    try:
        if (version_2 := folder / "cpu.max").is_file():
            quota, period = version_2.read_text(encoding="ascii").split()
        else:
            quota = (folder / "cpu.cfs_quota_us").read_text(encoding="ascii")
            period = (folder / "cpu.cfs_period_us").read_text(encoding="ascii")
        if quota.strip() not in ("max", "-1"):
            yield int(quota) / int(period)
    except (OSError, ValueError, ZeroDivisionError):
        return  # there is no such group here, as within a container, or it has no quota
