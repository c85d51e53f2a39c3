"""A notebook whose runs go wrong when a test asks for it, and sweeps of it as processes."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import nbformat
import polars
import psutil
import pytest
from nbformat.v4 import new_code_cell, new_notebook

PATIENCE = 240  # seconds until something that must happen counts as missing
PROMPTLY = 60  # seconds until what is said before any work
GRID = ("--grid", "lr=0.1,0.3,0.6", "--grid", "steps=2:4:lin2", "--seeds", "2")  # 3 × 2 × 2

# Modules that leave a trace if anything takes them from the folder where they lie.
TRAPS = ("polars", "optlab", "distributed", "dask", "multiprocessing", "ipykernel_launcher", "json")
TRAP = "open({trace!r}, 'a').write(__file__ + chr(10)); raise SystemExit('a trap')"

PARAMETERS = """\
seed: int = 0  # seed of every random draw
lr: float = 0.1  # step size
steps: int = 3  # number of steps
pause: float = 0.0  # seconds of doing nothing
start: list[float] = [1.0]  # where to start"""
CHECK = """\
from optlab import report

report.check_parameters(
    globals(), seed=">= 0", lr="> 0", steps="> 0", pause=">= 0", start="any"
)"""
FAULTS = """\
import os
import time
from pathlib import Path


def asked(fault):
    try:
        Path("control", fault).unlink()
    except FileNotFoundError:
        return False
    return True


Path("control", f"begun-{os.getpid()}").touch()
while Path("control", "hold").exists():
    time.sleep(0.02)
if asked("raise"):
    raise RuntimeError("as the test asked")
if asked("hang"):
    while True:
        time.sleep(0.02)"""
WORK = """\
assert lr < 100, "this sample cannot take such a step"
time.sleep(pause)
distance = abs(start[0]) * (1 - lr) ** steps
report.metric("distance", distance + seed / 1000)"""
CLAIM = """\
report.claim("adam-line-4", distance < 0.5, evidence=f"distance {distance:.2f}")"""


def set_traps(folder: Path) -> Path:
    """Modules and settings that are not to be run or read; the file in which they would say so."""
    trace = folder / "trace.txt"
    for name in TRAPS:
        (folder / name).mkdir()
        (folder / name / "__init__.py").write_text(TRAP.format(trace=str(trace)))
        (folder / f"{name}.py").write_text(TRAP.format(trace=str(trace)))
    (folder / "matplotlibrc").write_text("backend: no_such_backend\n")
    return trace


@pytest.fixture(scope="session", name="set_traps")
def _set_traps() -> Callable[[Path], Path]:
    return set_traps


@dataclass
class Control:
    """What the runs of the sample are told to do, and which have begun."""

    folder: Path

    def ask(self, fault: str) -> None:
        (self.folder / fault).touch()

    def release(self) -> None:
        (self.folder / "hold").unlink()

    def asked(self, fault: str) -> bool:
        return (self.folder / fault).exists()

    def begun(self) -> set[int]:
        """The ids of the kernels that have begun and are alive."""
        ids = [int(path.name.removeprefix("begun-")) for path in self.folder.glob("begun-*")]
        return {id for id in ids if psutil.pid_exists(id)}


class Sweep:
    """`optlab sweep` as a process group of its own, as a terminal starts it."""

    def __init__(self, notebook: Path, folder: Path, log: Path, *arguments: str) -> None:
        self.folder, self._log = folder, log
        optlab = str(Path(sys.executable).with_name("optlab"))
        command = [optlab, "sweep", str(notebook), "-o", str(folder), *arguments]
        if "--scheduler" not in arguments:
            command += ["--workers", "2"]
        with self._log.open("w") as log:
            self.process = subprocess.Popen(
                command, stdout=log, stderr=log, start_new_session=True, cwd=folder.parent
            )

    @property
    def said(self) -> str:
        return self._log.read_text()

    def wait(self) -> int:
        return self.process.wait(PATIENCE)

    def refusal(self) -> str:
        """The last line of a sweep that does not begin: soon, and before any run."""
        try:
            code = self.process.wait(PROMPTLY)
        except subprocess.TimeoutExpired:
            raise AssertionError(f"it has begun: {self.said}") from None
        assert code == 2, self.said
        return self.said.splitlines()[-1]

    def interrupt(self) -> None:
        os.killpg(self.process.pid, signal.SIGINT)

    def processes(self) -> list[psutil.Process]:
        """The workers and the kernels."""
        return psutil.Process(self.process.pid).children(recursive=True)

    def finished(self) -> set[str]:
        return {path.name for path in self.folder.glob("runs/[!.]*")}

    def until(self, condition: Callable[[], object]) -> None:
        """Wait for something that must happen while the sweep runs."""
        end = time.monotonic() + PATIENCE
        while not condition():
            assert time.monotonic() < end, self.said
            assert self.process.poll() is None, self.said
            time.sleep(0.02)


@pytest.fixture(scope="session")
def small(tmp_path_factory) -> tuple[Path, Control]:
    """The sample notebook and the control of its runs."""
    cells = [
        new_code_cell(PARAMETERS, id="parameters", metadata={"tags": ["parameters"]}),
        *(new_code_cell(code) for code in (CHECK, FAULTS, WORK, CLAIM)),
    ]
    kernel = {"name": "python3", "display_name": "Python 3", "language": "python"}
    path = tmp_path_factory.mktemp("small") / "notebooks" / "98-small.ipynb"
    (path.parent / "control").mkdir(parents=True)
    nbformat.write(new_notebook(cells=cells, metadata={"kernelspec": kernel}), path)
    return path, Control(path.parent / "control")


@pytest.fixture
def sweep(small, tmp_path) -> Iterator[Callable[..., Sweep]]:
    """Start a sweep of the sample; what is left of it at the end of the test is ended."""
    started = []

    def start(*arguments: str, folder: Path = tmp_path / "kept") -> Sweep:
        log = tmp_path / f"sweep-{len(started)}.log"
        started.append(Sweep(small[0], folder, log, *arguments))
        return started[-1]

    yield start
    for one in started:
        if one.process.poll() is None:
            processes = one.processes()
            one.process.kill()
            one.process.wait()
            psutil.wait_procs(processes, PATIENCE)
    for path in small[1].folder.iterdir():
        path.unlink()


@pytest.fixture(scope="session")
def grid() -> tuple[str, ...]:
    return GRID


@pytest.fixture(scope="session")
def undisturbed(small, tmp_path_factory) -> Sweep:
    """The sweep of GRID to which nothing happened, ended. It was started in a folder of traps."""
    place = tmp_path_factory.mktemp("undisturbed")
    trace = set_traps(place)
    made = Sweep(small[0], place / "kept", place / "sweep.log", *GRID)
    assert made.wait() == 0, made.said
    assert not trace.exists(), trace.read_text()
    return made


@pytest.fixture(scope="session")
def table() -> Callable[[Path], polars.DataFrame]:
    """The table in a sweep's folder, without what measures time."""

    def read(folder: Path) -> polars.DataFrame:
        found = polars.read_parquet(folder / "table.parquet")
        assert found.write_csv() == (folder / "table.csv").read_text()
        return found.drop("seconds")

    return read
