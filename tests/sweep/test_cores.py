"""A sweep starts no more workers than it may use cores."""

import os

import pytest

from optlab.sweep.cluster import visible_gpus
from optlab.sweep.cores import usable_cores


@pytest.fixture
def many(monkeypatch):
    """64 cores, by affinity and in all."""
    monkeypatch.setattr(os, "cpu_count", lambda: 64)
    monkeypatch.setattr(os, "sched_getaffinity", lambda pid: set(range(64)), raising=False)


@pytest.fixture
def groups(tmp_path):
    """Control groups as a system shows them: the process's, and settings of folders."""

    def make(proc, **settings):
        (tmp_path / "proc").write_text(proc)
        for place, content in settings.items():
            path = tmp_path / "cgroup" / place.replace("__", "/").replace("_DOT_", ".")
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(content)
        return tmp_path / "proc", tmp_path / "cgroup"

    return make


def test_affinity(monkeypatch, groups):
    monkeypatch.setattr(os, "cpu_count", lambda: 64)
    monkeypatch.setattr(os, "sched_getaffinity", lambda pid: {3, 5}, raising=False)
    assert usable_cores(*groups("0::/\n")) == 2


@pytest.mark.parametrize(
    ("proc", "settings", "cores"),
    [
        ("0::/\n", {}, 64),
        ("0::/\n", {"cpu_DOT_max": "250000 100000\n"}, 3),  # in a container; rounded up
        ("0::/a/b\n", {"a__b__cpu_DOT_max": "max 100000\n"}, 64),
        ("0::/a/b\n", {"a__b__cpu_DOT_max": "max 1\n", "a__cpu_DOT_max": "400000 100000\n"}, 4),
        ("0::/a\n", {"a__cpu_DOT_max": "1000 100000\n"}, 1),
        ("0::/a\n", {"a__cpu_DOT_max": "damaged\n"}, 64),
        (
            "4:cpu,cpuacct:/job\n0::/\n",
            {
                "cpu__job__cpu_DOT_cfs_quota_us": "200000\n",
                "cpu__job__cpu_DOT_cfs_period_us": "100000\n",
            },
            2,
        ),
        (
            "4:cpu,cpuacct:/\n",
            {
                "cpu,cpuacct__cpu_DOT_cfs_quota_us": "500000\n",
                "cpu,cpuacct__cpu_DOT_cfs_period_us": "100000\n",
            },
            5,
        ),
        (
            "4:cpu:/\n",
            {"cpu__cpu_DOT_cfs_quota_us": "-1\n", "cpu__cpu_DOT_cfs_period_us": "100000\n"},
            64,
        ),
    ],
)
def test_quotas_of_control_groups(many, groups, proc, settings, cores):
    assert usable_cores(*groups(proc, **settings)) == cores


def test_without_control_groups(many, tmp_path):
    assert usable_cores(tmp_path / "none", tmp_path / "none") == 64


@pytest.mark.parametrize(
    ("named", "gpus"),
    [("0,1", ["0", "1"]), ("", []), ("-1", []), ("2, 3", ["2", "3"]), ("0,-1,1", ["0"])],
)
def test_gpus_that_one_may_use(monkeypatch, named, gpus):
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", named)
    assert visible_gpus() == gpus
