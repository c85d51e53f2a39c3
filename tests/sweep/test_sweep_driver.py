"""A sweep and a cluster that is there already, without processes: what it waits for is said, what
ran is what is named, and what is kept is kept. Runs take no time, since no kernel makes them."""

import json
import shutil
import threading
import time
from dataclasses import replace
from pathlib import Path

import nbformat
import polars
import pytest
from click.testing import CliRunner
from distributed import LocalCluster, Worker

from optlab.cli import main
from optlab.sweep import command, summary, versions, waiting, work
from optlab.sweep.folder import Folder
from optlab.sweep.plan import code_hash
from optlab.sweep.progress import Progress
from optlab.sweep.work import Outcome

CODE = versions.here()
STUCK = 60  # seconds after which a sweep that waits is stuck


@pytest.fixture(scope="module")
def cluster():
    """A scheduler in this process; tests add workers and take them away."""
    with LocalCluster(
        n_workers=0, processes=False, protocol="tcp://", host="127.0.0.1", dashboard_address=None
    ) as cluster:
        yield cluster


@pytest.fixture
def workers(cluster, tmp_path):
    """Have so many new workers, and no others."""
    running = []

    async def change(number, options):
        for worker in running:
            await worker.close(executor_wait=False)
        address = cluster.scheduler_address
        place = {"local_directory": str(tmp_path), "dashboard": False}
        running[:] = [Worker(address, **place, **options) for _ in range(number)]
        for worker in running:
            await worker

    def have(number, nthreads=1, **options):
        cluster.sync(change, number, {"nthreads": nthreads, **options})

    yield have
    have(0)


@pytest.fixture
def jobs(monkeypatch):
    """The jobs that workers got; each has this outcome."""
    got = []

    def work_on(job):
        got.append(job)
        return Outcome(job.source, {}, {"loss": 1.0}, 0.0, versions=CODE, worker="here")

    monkeypatch.setattr(work, "work", work_on)
    return got


@pytest.fixture
def said(monkeypatch):
    """What was said meanwhile, and what is done at each line."""

    class Said(list):
        """Does something once, at the line of this number that begins so."""

        beginning, number, action = "", 0, staticmethod(lambda: None)

        def at(self, beginning, number, action):
            self.beginning, self.number, self.action = beginning, number, action

        def append(self, line):
            super().append(line)
            if line.startswith(self.beginning):
                self.number -= 1
                if self.number == 0:
                    self.action()

    lines = Said()

    monkeypatch.setattr(Progress, "say", lambda self, text: lines.append(text))
    monkeypatch.setattr(waiting, "EVERY", 0.05)
    monkeypatch.setattr(waiting, "LOOK", 0.02)
    return lines


@pytest.fixture
def notebook(small, tmp_path):
    path = tmp_path / "notebooks" / small[0].name
    path.parent.mkdir()
    shutil.copy(small[0], path)
    return path


@pytest.fixture
def optlab(cluster, notebook, tmp_path, monkeypatch, said, jobs):
    """Run `optlab sweep` of the sample, with the scheduler; its table, and what it said."""
    monkeypatch.setattr(summary, "write_summary", lambda folder, plan: folder.path)

    def run(*arguments, scheduler=cluster.scheduler_address):
        command = ["sweep", str(notebook), "-o", str(tmp_path / "kept"), *arguments]
        stuck = threading.Timer(STUCK, cluster.close)
        stuck.start()
        result = CliRunner().invoke(main, [*command, "--scheduler", scheduler])
        stuck.cancel()
        if result.exception and not isinstance(result.exception, SystemExit):
            raise result.exception
        return result

    return run


def waits(said):
    return [line for line in said if line.startswith("waiting")]


def test_without_a_worker_it_says_so_at_once_and_again(optlab, workers, said, cluster):
    said.at("waiting", 3, lambda: workers(1))
    assert optlab("--seeds", "2").exit_code == 0
    assert waits(said)[:3] == 3 * [
        "waiting for a worker: the cluster has none; start one with: "
        f"dask worker {cluster.scheduler_address} --nthreads 1"
    ]


def test_without_a_gpu(optlab, workers, said):
    workers(2)
    said.at("waiting for a GPU", 2, lambda: workers(1, resources={"GPU": 1}))
    assert optlab("--seeds", "2", "--gpu").exit_code == 0
    line = "waiting for a GPU: of 2 workers, none announces one; start workers with "
    assert f"{line}--resources GPU=1" in waits(said)


def test_workers_without_what_runs_need(optlab, workers, said, monkeypatch, jobs):
    workers(1)
    monkeypatch.setattr(waiting, "NEEDED", (*waiting.NEEDED, "no_such_library"))

    def install():
        assert jobs == []
        monkeypatch.setattr(waiting, "NEEDED", ())

    said.at("waiting", 2, install)
    assert optlab("--seeds", "2").exit_code == 0
    for line in waits(said):
        assert line.startswith("waiting for a worker: the one worker cannot do runs; tcp://")
        assert line.endswith(" lacks no_such_library")
    assert len(jobs) == 2


def test_workers_with_another_version_get_no_runs(optlab, workers, said, monkeypatch):
    workers(2)
    fields = waiting.fields

    def older(job):
        monkeypatch.setattr(waiting, "fields", fields)
        return fields(job)[1:]

    monkeypatch.setattr(waiting, "fields", older)
    assert optlab("--seeds", "2").exit_code == 0
    assert waits(said)[0].startswith("waiting for a worker: none of the 2 workers can do runs; tcp")
    assert waits(said)[0].endswith(" has another version of optlab, which cannot do these runs")


def test_all_workers_gone_in_the_middle(optlab, workers, said, monkeypatch, jobs):
    workers(1)
    go = threading.Event()

    def held(job):
        jobs.append(job)
        if len(jobs) == 1:
            threading.Thread(target=workers, args=(0,)).start()
            go.wait(STUCK)
        return Outcome(job.source, {}, {}, 0.0, versions=CODE)

    monkeypatch.setattr(work, "work", held)

    def start():
        go.set()
        workers(1)

    said.at("waiting", 2, start)
    assert optlab("--seeds", "2").exit_code == 0
    assert "waiting for a worker: the cluster has none; start" in said[0]


def test_one_run_at_a_time_for_each_worker_however_many_threads_it_has(
    optlab, workers, monkeypatch
):
    workers(1, nthreads=4)
    now, most = [], []

    def slow(job):
        now.append(job)
        most.append(len(now))
        time.sleep(0.02)
        now.remove(job)
        return Outcome(job.source, {}, {}, 0.0, versions=CODE)

    monkeypatch.setattr(work, "work", slow)
    assert optlab("--seeds", "6").exit_code == 0
    assert most == [1] * 6


def test_what_runs_is_the_notebook_that_was_planned(optlab, workers, notebook, jobs, monkeypatch):
    workers(1)
    planned = nbformat.read(notebook, 4)
    describe = command.describe

    def edit_then_describe(*arguments, **options):
        book = nbformat.read(notebook, 4)
        book.cells[-1].source = "1/0"
        nbformat.write(book, notebook)
        return describe(*arguments, **options)

    monkeypatch.setattr(command, "describe", edit_then_describe)
    assert optlab("--seeds", "1").exit_code == 0
    [job] = jobs
    sources = [cell["source"] for cell in json.loads(job.source)["cells"]]
    assert ["".join(source) for source in sources] == [cell.source for cell in planned.cells]
    [kept] = Path(notebook.parents[1], "kept", "runs").iterdir()
    assert json.loads((kept / "record.json").read_text())["code"] == code_hash(job.source)


@pytest.mark.parametrize("what", ["sweep.json", ".lock", "."])
def test_what_is_removed_in_the_middle_is_restored(optlab, workers, said, tmp_path, jobs, what):
    workers(1)
    kept = tmp_path / "kept"
    path = kept / what
    said.at("seed=0", 1, lambda: shutil.rmtree(path) if path.is_dir() else path.unlink())
    result = optlab("--seeds", "3")
    lost = what == "."
    assert result.exit_code == int(lost)
    assert f"{3 - lost} of 3 runs finished, 0 failed\n" in result.stdout
    again = f"{kept / 'sweep.json'} was removed or changed, and is written again"
    assert said.count(again) == (what != ".lock")
    assert len(Folder(kept).finished(Folder(kept).plan())) == 3 - lost


def test_the_code_that_ran_is_in_record_and_table(optlab, workers, tmp_path):
    workers(1)
    assert optlab("--seeds", "1").exit_code == 0
    table = polars.read_parquet(tmp_path / "kept" / "table.parquet")
    assert table["version.torch"].to_list() == [CODE["torch"]]
    assert table["version.optlab"].to_list() == [versions.package(CODE)]
    [kept] = (tmp_path / "kept" / "runs").iterdir()
    assert json.loads((kept / "record.json").read_text())["versions"] == CODE


@pytest.mark.parametrize("other", [{"files": "0" * 16}, {"torch": "1.0"}, None])
def test_a_sweep_that_goes_on_says_what_it_would_mix(optlab, workers, said, jobs, other, tmp_path):
    """None: of before such things were kept."""
    workers(1)
    assert optlab("--seeds", "2").exit_code == 0
    for path in (tmp_path / "kept" / "runs").glob("*/record.json"):
        record = json.loads(path.read_text())
        record["versions"] = {} if other is None else record["versions"] | other
        path.write_text(json.dumps(record))
    refused = optlab("--seeds", "3", "--resume")
    assert (refused.exit_code, refused.stderr.count("\n")) == (2, 1)
    assert " has finished runs of other code (2 by optlab " in refused.stderr
    assert f"and this is {versions.name(CODE)}; give --mix to keep them" in refused.stderr
    assert len(jobs) == 2
    assert optlab("--seeds", "2", "--resume").exit_code == 0  # nothing new, so nothing is mixed
    assert optlab("--seeds", "3", "--resume", "--mix").exit_code == 0
    assert len(jobs) == 3


def test_workers_with_other_code_are_told_of_once(optlab, workers, said, monkeypatch):
    workers(1)
    other = CODE | {"torch": "1.0"}
    monkeypatch.setattr(
        work, "work", lambda job: Outcome(job.source, {}, {}, 0.0, versions=other, worker="there")
    )
    assert optlab("--seeds", "3").exit_code == 0
    told = [line for line in said if "other code" in line]
    assert told == [
        f"made by other code than here, as the table tells: {versions.name(other)} on there"
    ]


def test_an_outcome_that_no_file_could_hold_is_kept(optlab, workers, monkeypatch, tmp_path):
    workers(1)
    odd = {"loss \ud800": 1.0, "$x_{$": 1.7e308, "^a$": None}
    outcome = Outcome("{}\ud800", {"c\udfff": "misprint"}, odd, 0.0, "bad \ud800", "\ud800", CODE)
    monkeypatch.setattr(work, "work", lambda job: outcome)
    assert optlab("--seeds", "1").exit_code == 1
    monkeypatch.setattr(work, "work", lambda job: replace(outcome, error=""))
    assert optlab("--seeds", "1", "--resume").exit_code == 0
    found = polars.read_parquet(tmp_path / "kept" / "table.parquet")
    assert found["metric.$x_{$"].to_list() == [1.7e308]
    assert found["metric.loss \\ud800"].to_list() == [1.0]


def test_the_watch_repeats_only_after_a_while(monkeypatch):
    lines, now = [], [0.0]
    monkeypatch.setattr(waiting.time, "monotonic", lambda: now[0])
    missing = ["a", "a", "b", "b", "b", "", "b"]
    watch = waiting.Watch(lambda: missing.pop(0), lines.append)
    for second in (100, 130, 131, 150, 191, 192, 193):
        now[0] = second
        watch.look()
    assert lines == ["a", "b", "b", "b"]
    assert waiting.EVERY == 60
