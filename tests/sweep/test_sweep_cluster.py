"""Sweeps on a real cluster of two workers, undisturbed and with everything that may go wrong:
nothing that finished is lost, nothing half-written is left, no process outlives the sweep."""

import errno
import json
import re
import shutil
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import nbformat
import polars
import psutil
import pytest
from distributed.security import Security

from optlab.report.claims import MIME

PATIENCE = 240


@pytest.fixture
def small_disk(tmp_path):
    """A disk of 4 MB, where this machine lets one be mounted."""
    folder = tmp_path / "disk"
    folder.mkdir()
    if subprocess.run(["mount", "-t", "tmpfs", "-o", "size=4m", "none", folder]).returncode:
        pytest.skip("no disk can be mounted here")
    yield folder
    subprocess.run(["umount", "--lazy", folder], check=True)


def fill(disk: Path) -> None:
    """Leave no byte free."""
    with tempfile.NamedTemporaryFile("wb", 0, prefix="filler-", dir=disk, delete=False) as filler:
        try:
            while True:
                filler.write(bytes(1 << 10))
        except OSError as error:
            if error.errno != errno.ENOSPC:
                raise


def whole(folder: Path) -> dict[str, str]:
    """The finished runs' records, after a look at all that is visible in the folder."""
    assert not list(folder.rglob(".*.draft"))
    records = {}
    for path in folder.glob("runs/*"):
        record = (path / "record.json").read_text()
        assert json.loads(record)["id"] == path.name
        nbformat.validate(nbformat.read(path / "98-small.ipynb", 4))
        records[path.name] = record
    return records


def has_ended(process):
    """Or waits to be noticed: in a container, nobody may be there to do it."""
    return not process.is_running() or process.status() == psutil.STATUS_ZOMBIE


def test_after_every_fault_the_table_is_that_of_an_undisturbed_sweep(
    sweep, small, grid, undisturbed, table, small_disk
):
    control, folder = small[1], small_disk / "kept"

    # A worker is killed in the middle of a run: another takes the run, the kernel is gone.
    control.ask("hold")
    first = sweep(*grid, folder=folder)
    first.until(lambda: len(control.begun()) == 2)
    victim = psutil.Process(min(control.begun()))
    worker = victim.parent()
    worker.kill()
    first.until(lambda: has_ended(victim) and len(control.begun()) == 2)

    # Another sweep is not let in meanwhile.
    assert sweep(*grid, folder=folder).refusal() == (
        f"another sweep is at work in {folder}; wait for it, or give -o"
    )

    # The driver is killed: workers and kernels end, what has finished is there.
    control.release()
    first.until(lambda: len(first.finished()) >= 3)
    control.ask("hold")
    first.until(lambda: len(control.begun()) == 2)
    processes = first.processes()
    first.process.kill()
    assert psutil.wait_procs(processes, PATIENCE)[1] == []
    kept = whole(folder)
    assert 3 <= len(kept) < 12
    assert not list(folder.glob("failed/*")), first.said

    # What is there is neither done again nor taken for a new sweep.
    assert sweep(*grid, folder=folder).refusal() == (
        f"{folder} already holds {len(kept)} of these runs; "
        "give --resume to keep what is finished, or another folder with -o"
    )

    # A run raises, and is tried again; then Ctrl-C in the terminal.
    control.release()
    control.ask("raise")
    second = sweep(*grid, "--resume", "--retries", "1", folder=folder)
    second.until(lambda: len(second.finished()) >= len(kept) + 2)
    control.ask("hold")
    second.until(lambda: len(control.begun()) == 2)
    processes = second.processes()
    second.interrupt()
    assert second.wait() == 130
    assert psutil.wait_procs(processes, PATIENCE)[1] == []
    assert second.said.count("to be tried again: failed in cell ") == 1
    assert "RuntimeError: as the test asked" in second.said
    assert f"interrupted; {len(whole(folder))} of 12 runs are kept" in second.said
    assert kept.items() < whole(folder).items()
    kept = whole(folder)
    assert len(table(folder)) == len(kept) < 12

    # The disk becomes full.
    third = sweep(*grid, "--resume", folder=folder)
    third.until(lambda: len(control.begun()) == 2)
    fill(small_disk)
    control.release()
    assert third.wait() == 1
    line = f"stopped: cannot write in {folder}: No space left on device; "
    assert third.said.splitlines()[-1].startswith(line)
    assert whole(folder) == kept
    fill(small_disk)
    refusal = sweep(*grid, "--resume", folder=folder).refusal()
    assert refusal == f"cannot write in {folder}: No space left on device"

    # A run never ends, until its time is up.
    for filler in small_disk.glob("filler-*"):
        filler.unlink()
    control.ask("hang")
    last = sweep(*grid, "--resume", "--retries", "2", "--timeout", "6", folder=folder)
    assert last.wait() == 0, last.said
    assert "the limit of 6 s ran out" in last.said
    assert kept.items() < whole(folder).items()
    assert table(folder).equals(table(undisturbed.folder))


def test_what_fails_is_reported_and_the_others_go_on(sweep, table):
    made = sweep("--grid", "lr=0.1,200", "--grid", "pause=0,1e9", "--timeout", "8")
    assert made.wait() == 1
    folder = made.folder
    assert "1 of 4 runs finished, 3 failed" in made.said
    assert "Task was destroyed" not in made.said
    found = table(folder).select("lr", "pause", "status", "error")
    cell = 'failed in cell {}, which begins: assert lr < 100, "this sample cannot take such a step"'
    raised = f"{cell.format(7)}: AssertionError: this sample cannot take such a step"
    assert found.rows() == [
        (0.1, 0.0, "finished", None),
        (0.1, 1e9, "failed", f"{cell.format(5)}: the limit of 8 s ran out"),
        (200.0, 0.0, "failed", raised),
        (200.0, 1e9, "failed", raised),
    ]
    for failed in table(folder).filter(polars.col("error") == raised)["run"]:
        kept = folder / "failed" / failed
        assert f"failed: {kept}\n" in made.said
        traceback = (kept / "traceback.txt").read_text()
        assert traceback.endswith("AssertionError: this sample cannot take such a step")
        assert "----> 1 assert lr < 100" in traceback
        assert len(nbformat.read(kept / "98-small.ipynb", 4).cells) == 8  # two name the cell


@pytest.fixture
def scheduler(tmp_path, monkeypatch):
    """A scheduler of its own with a worker that announces a GPU; its process and address.
    They talk through TLS, set up as the page on sweeps has it."""
    page = Path("book", "sweep.md").read_text(encoding="utf-8")
    make = re.search("^openssl .*$", page, re.M).group()
    if shutil.which("openssl"):
        subprocess.run(make.split(), cwd=tmp_path, check=True, capture_output=True)
    else:
        own = Security.temporary()
        (tmp_path / "cert.pem").write_text(own.tls_ca_file)
        (tmp_path / "key.pem").write_text(own.tls_client_key)
    [tls] = {line.partition("--tls-ca")[2] for line in re.findall(r"^\S*dask .*$", page, re.M)}
    tls = f"--tls-ca{tls}".split()
    for name, pem in re.findall(r"^export (\w+)=\$PWD/(\S+)$", page, re.M):
        monkeypatch.setenv(name, str(tmp_path / pem))
    file = tmp_path / "scheduler.json"
    options = ["--scheduler-file", file, "--no-dashboard", "--protocol", "tls", *tls]
    python = [sys.executable, "-m"]
    run = [*python, "distributed.cli.dask_scheduler", *options, "--host", "127.0.0.1", "--port", 0]
    work = [*python, "distributed.cli.dask_worker", *options, "--nthreads", 1, "--no-nanny"]
    with (tmp_path / "cluster.log").open("w") as log:
        processes = [
            subprocess.Popen(list(map(str, command)), stdout=log, stderr=log, cwd=tmp_path)
            for command in (run, [*work, "--resources", "GPU=1"])
        ]
    end = time.monotonic() + PATIENCE
    while not file.exists():
        assert time.monotonic() < end, (tmp_path / "cluster.log").read_text()
        time.sleep(0.02)
    address = json.loads(file.read_text())["address"]
    assert address.startswith("tls://")
    yield processes[0], address
    for process in processes:
        process.kill()
        process.wait()


def test_the_scheduler_of_another_cluster_is_killed(sweep, small, scheduler):
    process, address = scheduler
    control = small[1]
    made = sweep("--seeds", "3", "--scheduler", address, "--gpu")
    made.until(lambda: len(made.finished()) >= 1)
    control.ask("hold")
    made.until(lambda: len(control.begun()) == 1 or len(made.finished()) == 3)
    process.kill()
    assert made.wait() == 1
    kept = whole(made.folder)
    assert made.said.splitlines()[-1] == (
        f"stopped: the scheduler is gone; {len(kept)} of 3 runs are kept, go on with --resume"
    )


def test_a_folder_of_results_is_data_and_not_run(undisturbed, tmp_path, set_traps):
    """Nor are its links followed."""
    folder, outside = tmp_path / "kept", tmp_path / "outside"
    shutil.copytree(undisturbed.folder, folder)
    trace = set_traps(folder)
    outside.write_text("as it was")
    for name in ("table.csv", ".table.csv.draft", "summary.ipynb", ".summary.ipynb.draft"):
        (folder / name).unlink(missing_ok=True)
        (folder / name).symlink_to(outside)
    optlab = Path(sys.executable).with_name("optlab")
    done = subprocess.run(
        [optlab, "sweep", "--summary", "."], cwd=folder, capture_output=True, text=True
    )
    assert done.returncode == 0, done.stderr
    assert not trace.exists(), trace.read_text()
    assert outside.read_text() == "as it was"
    assert not (folder / "table.csv").is_symlink()
    assert (folder / "table.csv").read_bytes() == (undisturbed.folder / "table.csv").read_bytes()


def test_the_table_of_a_real_sweep(undisturbed, table):
    found = table(undisturbed.folder)
    assert found.columns == [
        "lr", "steps", "seed", "pause", "start", "status", "verdict.adam-line-4",
        "metric.distance", "error", "version.optlab", "version.torch", "run",
    ]  # fmt: skip
    assert found.select("lr", "steps", "seed").rows() == [
        (lr, steps, seed) for lr in (0.1, 0.3, 0.6) for steps in (2, 4) for seed in (0, 1)
    ]
    for row in found.iter_rows(named=True):
        distance = (1 - row["lr"]) ** row["steps"]
        shown = float(f"{distance + row['seed'] / 1000:.4g}")
        assert row["metric.distance"] == shown
        verdict = "misprint" if distance < 0.5 else "not misprint"
        assert (row["verdict.adam-line-4"], row["status"]) == (verdict, "finished")
        assert (row["start"], row["pause"], row["error"]) == ("[1.0]", 0.0, None)
        book = nbformat.read(undisturbed.folder / "runs" / row["run"] / "98-small.ipynb", 4)
        [claim] = [o.data[MIME] for c in book.cells for o in c.outputs if MIME in o.get("data", {})]
        assert claim["verdict"] == verdict


def test_the_summary_of_a_real_sweep(undisturbed):
    assert f"{undisturbed.folder}/summary.ipynb\n" in undisturbed.said
    book = nbformat.read(undisturbed.folder / "summary.ipynb", 4)
    outputs = {cell.source: cell.outputs for cell in book.cells if cell.cell_type == "code"}
    names = "metric.distance", "verdict.adam-line-4", "seconds"
    assert list(outputs)[-3:] == [f"picture(results, {name!r})" for name in names]
    [shown] = outputs["picture(results, 'verdict.adam-line-4')"]
    assert "<svg" in shown.data["text/html"]
    # lr across: 0.1, 0.3, 0.6; steps upwards: 2, 4. Of lr 0.1, no number of steps will do.
    assert "value 0 … 1, min 0, max 1, mean 0.667" in shown.data["text/plain"]
    assert "12 of 12 runs finished, 0 failed" in str(outputs)


def test_the_summary_is_a_notebook_that_can_be_run_again(undisturbed, tmp_path):
    book = nbformat.read(undisturbed.folder / "summary.ipynb", 4)
    [_, where, first, second, third, *_] = [cell.source for cell in book.cells]
    assert where.startswith("folder: str = '.'")
    assert not [c for c in book.cells if str(undisturbed.folder) in c.source]
    program = f"{where}\n{first}\nprint(results)\nprint({second})\n{third}"
    done = subprocess.run(
        [sys.executable, "-c", program], cwd=undisturbed.folder, capture_output=True, text=True
    )
    assert done.stdout.startswith("12 of 12 runs finished, 0 failed\n"), done.stderr
