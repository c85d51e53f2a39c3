"""What may go wrong in a sweep, on a real cluster of two workers: nothing that finished is lost,
nothing half-written is left, and no process outlives the sweep."""

import errno
import json
import subprocess
import tempfile
from pathlib import Path

import nbformat
import psutil
import pytest

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
        with pytest.raises(OSError) as full:
            while True:
                filler.write(bytes(1 << 10))
    assert full.value.errno == errno.ENOSPC


def whole(folder: Path) -> dict[str, str]:
    """The finished runs' records, after a look at all that is visible in the folder."""
    assert [path for path in folder.rglob(".*.draft")] == []
    records = {}
    for path in folder.glob("runs/*"):
        record = (path / "record.json").read_text()
        assert json.loads(record)["id"] == path.name
        nbformat.validate(nbformat.read(path / "98-small.ipynb", 4))
        records[path.name] = record
    return records


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
    first.until(lambda: not victim.is_running() and len(control.begun()) == 2)

    # Another sweep is not let in meanwhile.
    other = sweep(*grid, folder=folder)
    assert other.wait() == 2
    assert other.said.splitlines()[-1] == (
        f"another sweep is at work in {folder}; wait for it, or give -o"
    )

    # The driver is killed: workers and kernels end, what has finished is there.
    control.release()
    first.until(lambda: len(first.finished()) >= 4)
    control.ask("hold")
    first.until(lambda: len(control.begun()) == 2)
    processes = first.processes()
    first.process.kill()
    assert psutil.wait_procs(processes, PATIENCE)[1] == []
    kept = whole(folder)
    assert 4 <= len(kept) < 18

    # What is there is neither done again nor taken for a new sweep.
    other = sweep(*grid, folder=folder)
    assert other.wait() == 2
    assert other.said.splitlines()[-1] == (
        f"{folder} already holds {len(kept)} of these runs; "
        "give --resume to keep what is finished, or another folder with -o"
    )

    # A run raises, and is tried again; then Ctrl-C in the terminal.
    control.release()
    control.ask("raise")
    second = sweep(*grid, "--resume", "--retries", "1", folder=folder)
    second.until(lambda: len(second.finished()) >= len(kept) + 3)
    control.ask("hold")
    second.until(lambda: len(control.begun()) == 2)
    processes = second.processes()
    second.interrupt()
    assert second.wait() == 130
    assert psutil.wait_procs(processes, PATIENCE)[1] == []
    assert second.said.count("to be tried again: failed in cell ") == 1
    assert "RuntimeError: as the test asked" in second.said
    assert f"interrupted; {len(whole(folder))} of 18 runs are kept" in second.said
    assert kept.items() < whole(folder).items()
    kept = whole(folder)
    assert len(table(folder)) == len(kept) < 18

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
    other = sweep(*grid, "--resume", folder=folder)
    assert other.wait() == 2
    assert other.said.splitlines()[-1] == f"cannot write in {folder}: No space left on device"

    # A run never ends, until its time is up.
    for filler in small_disk.glob("filler-*"):
        filler.unlink()
    control.ask("hang")
    last = sweep(*grid, "--resume", "--retries", "2", "--timeout", "10", folder=folder)
    assert last.wait() == 0, last.said
    assert "the limit of 10 s ran out" in last.said
    assert kept.items() < whole(folder).items()
    assert table(folder).equals(table(undisturbed.folder))
