"""Tests run side by side, a process on each core: one thread each, and what takes long first."""

import os
from pathlib import Path

import forked_kernels
import hypothesis
import pytest
from xdist.scheduler import LoadFileScheduling

pytest_plugins = ["pytester", "skip_list", "deadline"]

# Before torch is loaded, and for the kernels and commands that tests start. Threads of several
# processes that share the cores wait for each other: some tests then take ten times as long.
os.environ.setdefault("OMP_NUM_THREADS", "1")
forked_kernels.install()


def pytest_addoption(parser):
    parser.addoption(
        "--whole", action="store_true", help="second runs of the chapters at their full size"
    )


# "ci", everywhere: the same examples at each run, so that a change fails for what it changes.
# "random", once a day (HYPOTHESIS_PROFILE=random): others, and how to have the one that failed
# again.
hypothesis.settings.register_profile("ci", derandomize=True, database=None, deadline=None)
hypothesis.settings.register_profile(
    "random", derandomize=False, database=None, deadline=None, print_blob=True
)
hypothesis.settings.load_profile(os.environ.get("HYPOTHESIS_PROFILE") or "ci")

CHAPTERS = Path(__file__).parent / "notebooks"
SECOND_RUNS = "tests/notebooks/test_papermill.py"
BUILDS_THE_SITE = "tests/site/test_pages.py"
# These open each page, and keep what others ask of it: see Visits in tests/site/reading.py.
OPEN_PAGES = ("tests/site/test_every_page.py", "tests/site/test_nothing_moves.py")
# The tests in these take seconds each: a run of a chapter, a page read at three widths.
SHARED = (SECOND_RUNS, *OPEN_PAGES)


class LongestFirst(LoadFileScheduling):
    """The tests of a file go to one process, as `--dist loadfile` has it; each of those of SHARED
    goes to whichever is free."""

    def __init__(self, config, log):
        config.option.loadscopereorder = False  # files stay in the order of collection
        super().__init__(config, log)

    def _split_scope(self, nodeid):
        file = super()._split_scope(nodeid)
        return nodeid if file in SHARED else file


@pytest.hookimpl(wrapper=True)
def pytest_runtest_call():
    """What a module that a test imports sets in the environment (scikit-learn does) ends with the
    test: whether a later one finds it must not hang on which process has run which."""
    before = set(os.environ)
    try:
        return (yield)
    finally:
        for name in set(os.environ) - before:
            del os.environ[name]


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config, log):
    return LongestFirst(config, log)


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(config, items):
    """Chapters; then what builds the site, and beside it second runs, which need no site; then what
    opens its pages, which later tests ask for, and all else of the site; then the many short tests,
    which even out the end. Where time is short, what is named first is first."""
    if config.getoption("stop_after"):
        return
    root = CHAPTERS.parent
    order = [
        lambda path: path.parent == CHAPTERS,
        lambda path: path == root / BUILDS_THE_SITE,
        lambda path: path.parent == root / Path(SECOND_RUNS).parent,
        lambda path: path in [root / file for file in OPEN_PAGES],
        lambda path: path.parent == root / Path(BUILDS_THE_SITE).parent,
        lambda path: True,
    ]
    items.sort(key=lambda item: next(i for i, kind in enumerate(order) if kind(item.path)))
