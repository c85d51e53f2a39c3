"""A pytest plugin: what a run left out is counted by reason and compared with a list.

`skips.toml`, beside this file, says which tests may be skipped, with which reason, and where: each
place is a condition that is looked up on this machine, so that a test is not skipped for want of
something that is there. Whatever else a run leaves out makes it fail: another skip or expected
failure, a module that skips itself, a file in which nothing was found, tests that a setting took
away. What the command line itself leaves out (paths, `-k`, `--deselect`, …) is no fault, but in CI.
"""

import importlib.util
import os
import re
import shlex
import shutil
import subprocess
import sys
import tempfile
import tomllib
from collections import Counter
from fnmatch import fnmatchcase
from pathlib import Path

import pytest

LIST = "tests/skips.toml"
BROWSERS = ("chromium", "chromium-browser", "google-chrome")
ASKED = re.compile(
    r"-[km].*|--(deselect|ignore|ignore-glob|lf|last-failed|sw|stepwise|stepwise-skip)(=.*)?"
)


def cores() -> int:
    """The processor cores that this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count()


def gpus() -> int:
    import torch

    return torch.cuda.device_count()


def none_of(*programs) -> bool:
    return not any(map(shutil.which, programs))


def named(variable, *usual):
    """The program that a variable names, else the usual ones."""
    words = shlex.split(os.environ.get(variable, ""))
    return words[:1] or usual


def may_mount() -> bool:
    with tempfile.TemporaryDirectory() as folder:
        if none_of("mount") or subprocess.run(
            ["mount", "-t", "tmpfs", "none", folder], stderr=subprocess.DEVNULL
        ).returncode:  # fmt: skip
            return False
        subprocess.run(["umount", "--lazy", folder], check=True)
    return True


# What `where` may say, as a pattern whose groups are the function's arguments. To be extended.
PLACES = {
    "anywhere": lambda: True,
    "no GPU": lambda: gpus() == 0,
    r"fewer than (\d+) GPUs": lambda n: gpus() < int(n),
    r"fewer than (\d+) cores": lambda n: cores() < int(n),
    "no Chromium": lambda: none_of(*BROWSERS),
    r"no C compiler": lambda: none_of(*named("CC", "cc", "gcc", "clang")),
    r"no C\+\+ compiler": lambda: none_of(*named("CXX", "g++")),
    r"no program (\S+)": none_of,
    r"no module (\S+)": lambda name: name not in sys.modules and not importlib.util.find_spec(name),
    r"no file (\S+)": lambda path: not Path(path).exists(),
    "no mounts": lambda: not may_mount(),
    "root": lambda: os.geteuid() == 0,
    "not root": lambda: os.geteuid() != 0,
    r"Python before 3\.(\d+)": lambda minor: sys.version_info < (3, int(minor)),
    r"Python from 3\.(\d+)": lambda minor: sys.version_info >= (3, int(minor)),
    "another system than Linux": lambda: not sys.platform.startswith("linux"),
}


def here(place):
    """Whether this machine is such a place; None where there is no such condition."""
    for pattern, holds in PLACES.items():
        if found := re.fullmatch(pattern, place):
            return bool(holds(*found.groups()))
    return None


class SkipList:
    def __init__(self, config):
        self.config = config
        self.in_ci = bool(os.environ.get("BOOK_CI"))
        self.left_out = []  # pairs of a test's name and its reason
        self.failed = set()  # files in which a test failed
        self.found = set()  # files in which a test was found
        self.collected, self.deselected = set(), 0
        self.unlisted, self.listed = [], Counter()
        path = config.rootpath / LIST
        self.entries = tomllib.loads(path.read_text("utf-8"))["skip"] if path.exists() else []
        self.places = {}
        for entry in self.entries:
            if set(entry) - {"ci"} != {"tests", "reason", "where"}:
                raise pytest.UsageError(f"{LIST}: each entry names tests, reason, where: {entry}")
            if not any(re.fullmatch(pattern, entry["where"]) for pattern in PLACES):
                raise pytest.UsageError(f"{LIST}: where = {entry['where']!r} is not a known place")

    # what happened

    def pytest_runtest_logreport(self, report):
        if (expected := getattr(report, "wasxfail", None)) is not None:
            what = "expected to fail" if report.skipped else "passes, though expected to fail"
            self.left_out.append(
                (report.nodeid, f"{what}: {expected.removeprefix('reason: ') or 'no reason given'}")
            )
        elif report.skipped:
            self.left_out.append((report.nodeid, reason(report)))
        elif report.failed:
            self.failed.add(file_of(report.nodeid))

    def pytest_collectreport(self, report):
        if report.skipped:
            self.left_out.append((report.nodeid, reason(report)))
        if not report.passed:
            self.found.add(file_of(report.nodeid))

    def pytest_itemcollected(self, item):
        self.collected.add(item.nodeid)

    def pytest_collection_finish(self, session):
        self.found.update(map(file_of, self.collected))
        self.deselected = len(self.collected - {item.nodeid for item in session.items})

    # with several processes, the tests are found in each of them

    @pytest.hookimpl(optionalhook=True)
    def pytest_xdist_node_collection_finished(self, ids):
        self.found.update(map(file_of, ids))

    @pytest.hookimpl(optionalhook=True)
    def pytest_testnodedown(self, node):
        sent = getattr(node, "workeroutput", {}).get("skip_list", {})
        self.found.update(sent.get("found", ()))
        self.deselected = max(self.deselected, sent.get("deselected", 0))

    # the verdict

    @pytest.hookimpl(tryfirst=True)
    def pytest_sessionfinish(self, session):
        if hasattr(self.config, "workeroutput"):
            sent = {"found": sorted(self.found), "deselected": self.deselected}
            self.config.workeroutput["skip_list"] = sent
            return
        for test, why in self.left_out:
            if refusal := self.refused(test, why):
                self.unlisted.append(f"{test}: {why} ({refusal})")
            else:
                self.listed[why] += 1
        whole = not (session.shouldstop or session.shouldfail or self.config.option.collectonly)
        if whole and session.exitstatus in (pytest.ExitCode.OK, pytest.ExitCode.TESTS_FAILED):
            self.unlisted += self.missing()
        if self.unlisted and session.exitstatus == pytest.ExitCode.OK:
            session.exitstatus = pytest.ExitCode.TESTS_FAILED

    def refused(self, test, why):
        """Why this may not be left out here; None if it may."""
        if why.startswith("expected to fail: ") and file_of(test) in self.failed:
            return None  # the cells of a notebook after one that failed
        refusals = ["not listed"]
        for entry in self.entries:
            if not (fnmatchcase(test, entry["tests"]) and fnmatchcase(why, entry["reason"])):
                continue
            place = entry["where"]
            if place not in self.places:
                self.places[place] = here(place)
            if not self.places[place]:
                refusals.append(f"listed where there is {place}, which is not so here")
            elif self.in_ci and not entry.get("ci", place == "anywhere"):
                refusals.append("not allowed in CI")
            else:
                return None
        return refusals[-1]

    def missing(self):
        """What nobody asked to leave out, and is not there."""
        given = self.config.invocation_params.args
        if not self.in_ci and any(ASKED.fullmatch(str(argument)) for argument in given):
            return []
        lost = sorted(self.expected() - self.found)
        lines = [f"{file}: no test was found in it" for file in lost]
        if self.deselected:
            lines.append(f"{self.deselected} tests were deselected, and not by the command line")
        return lines

    def expected(self):
        root = self.config.rootpath
        if self.config.args_source is not pytest.Config.ArgsSource.ARGS:
            tops = [root / "tests", root / "notebooks"]
        elif any("::" in argument for argument in self.config.args):
            return set()
        else:
            start = self.config.invocation_params.dir
            tops = [Path(start, argument).resolve() for argument in self.config.args]
        files = set()
        for top in tops:
            inside = [*top.rglob("test_*.py"), *top.rglob("*.ipynb")] or [top]
            files |= {path.relative_to(root) for path in inside if path.is_relative_to(root)}
        return {
            file.as_posix()
            for file in files
            if (root / file).is_file()
            and file.parts[0] in ("tests", "notebooks")
            and not any(part.startswith(".") for part in file.parts)
        }

    def pytest_terminal_summary(self, terminalreporter):
        write = terminalreporter
        if self.listed:
            write.section("left out, as tests/skips.toml allows")
            for why, count in sorted(self.listed.items()):
                write.line(f"{count:5}  {why}")
        if self.unlisted:
            write.section("left out, and not allowed: this fails the run", red=True)
            for text in self.unlisted:
                write.line(text)


def file_of(nodeid):
    return nodeid.partition("::")[0]


def reason(report):
    text = report.longrepr[2] if isinstance(report.longrepr, tuple) else str(report.longrepr)
    return text.removeprefix("Skipped: ").removeprefix("Skipped").strip() or "no reason given"


def pytest_configure(config):
    config.pluginmanager.register(SkipList(config), "skip-list")
