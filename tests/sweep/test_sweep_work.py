"""What a worker makes of a run, whatever the notebook showed."""

import json
import logging

import pytest

from optlab.report.claims import MIME as CLAIM
from optlab.report.metrics import MIME as METRIC
from optlab.running.errors import CellError, RunError
from optlab.sweep import versions, work


@pytest.fixture
def job(tmp_path):
    book = {"cells": [], "metadata": {}, "nbformat": 4, "nbformat_minor": 5}
    return work.Job(json.dumps(book), str(tmp_path), {}, None)


@pytest.fixture
def run(monkeypatch):
    """Let a run show these data, by MIME type, or end so."""

    def let(*shown, error=None):
        def run_into(notebook, output, parameters, **options):
            outputs = [{"output_type": "display_data", "data": dict([one])} for one in shown]
            book = json.loads(notebook.read_text())
            book["cells"] = [{"cell_type": "code", "source": "", "outputs": outputs}]
            if not isinstance(error, RunError) or isinstance(error, CellError):
                output.write_text(json.dumps(book))
            if error:
                raise error

        monkeypatch.setattr("optlab.running.execute.run_into", run_into)

    return let


def test_metrics_and_verdicts_of_any_notebook(job, run):
    run(
        (METRIC, {"name": "nan", "value": float("nan")}),
        (METRIC, {"name": "inf", "value": float("-inf")}),
        (METRIC, {"name": "large", "value": 1.7e308}),
        (METRIC, {"name": "endless", "value": 10**400}),
        (METRIC, {"name": "text", "value": "1"}),
        (METRIC, {"name": "flag", "value": True}),
        (METRIC, {"name": "none"}),
        (METRIC, {"name": 7, "value": 1}),
        (METRIC, ["no", "name"]),
        (METRIC, {"value": 1.0}),
        (CLAIM, {"id": "a", "verdict": "misprint"}),
        (CLAIM, {"id": "b"}),
        (CLAIM, "c"),
    )
    outcome = work.work(job)
    names = ("nan", "inf", "endless", "text", "flag", "none")
    assert outcome.metrics == dict.fromkeys(names) | {"large": 1.7e308, "7": 1}
    assert outcome.verdicts == {"a": "misprint"}
    assert outcome.versions == versions.here()
    assert outcome.error == ""


def test_a_kernel_that_does_not_start_is_an_outcome(job, run):
    run(error=RunError("the kernel does not start: it died"))
    outcome = work.work(job)
    assert (outcome.error, outcome.source) == ("the kernel does not start: it died", job.source)


def test_code_that_was_changed_meanwhile_is_that_of_neither(job, run, monkeypatch):
    run()
    now = versions.here()
    found = iter([now, now | {"files": "0" * 16}])
    monkeypatch.setattr(versions, "here", lambda: next(found))
    made = work.work(job).versions
    assert made["files"] == "changed-meanwhile"
    assert made["commit"].endswith("-dirty")
    assert not versions.same(made, now)
    assert "changed-meanwhile" in versions.package(made)


def test_what_asyncio_says_of_killed_kernels_is_left_out(job, run, caplog):
    run()
    work.work(job)
    work.work(job)
    logger = logging.getLogger("asyncio")
    assert logger.filters.count(work._no_destroyed_tasks) == 1
    logger.error("Task was destroyed but it is pending!\ntask: <Task pending>")
    logger.error("something else")
    assert [record.message for record in caplog.records] == ["something else"]


@pytest.mark.parametrize(
    ("found", "name"),
    [
        ({"commit": "a" * 40, "files": "f" * 16, "optlab": "1"}, "1+" + "a" * 40),
        ({"commit": "a" * 40 + "-dirty", "files": "f" * 16, "optlab": "1"}, "1+files." + "f" * 16),
        ({"commit": "unknown", "files": "f" * 16, "optlab": "1"}, "1+files." + "f" * 16),
        ({}, "unknown+files.unknown"),
    ],
)
def test_the_package_in_one_word(found, name):
    assert versions.package(found) == name


def test_what_may_stand_side_by_side():
    one = {"files": "a", "torch": "2", "commit": "x"}
    assert versions.same(one, one | {"commit": "y"})
    for other in ({}, one | {"files": "b"}, one | {"torch": "3"}, {"files": "a"}):
        assert not versions.same(one, other)
        assert not versions.same(other, one)
