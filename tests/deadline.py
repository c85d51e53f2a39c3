"""A pytest plugin: `--stop-after SECONDS` begins no test after that time."""

import math
import time

import pytest

DEADLINE = pytest.StashKey[float]()


def pytest_addoption(parser):
    parser.addoption(
        "--stop-after", type=float, metavar="SECONDS", help="then, begin no other test; and say so"
    )


def pytest_configure(config):
    if seconds := config.getoption("stop_after"):
        config.stash[DEADLINE] = time.monotonic() + seconds


@pytest.hookimpl(trylast=True)
def pytest_runtest_teardown(item):
    if time.monotonic() > item.config.stash.get(DEADLINE, math.inf):
        item.session.shouldstop = "out of time: what is left is run by `make test`"
