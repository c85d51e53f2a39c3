"""What `optlab sweep` says and refuses before anything runs."""

import importlib.util
import json
import shlex
import shutil
import subprocess
import sys
from pathlib import Path

import dask
import nbformat
import pytest
from click.testing import CliRunner

from optlab.cli import main
from optlab.running import notebook as notebook_file
from optlab.sweep.folder import Folder
from optlab.sweep.plan import make_plan
from optlab.sweep.stored import FINISHED, RunRecord
from optlab.sweep.versions import here


@pytest.fixture
def optlab(small, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    return lambda *arguments: CliRunner().invoke(main, ["sweep", *arguments])


@pytest.fixture
def notebook(small) -> str:
    return str(small[0])


@pytest.mark.parametrize(
    ("arguments", "line"),
    [
        (["--summary", "x"], "give a notebook or --summary FOLDER, not both"),
        ([], "nothing to sweep: give --grid NAME=VALUE,VALUE,… or --seeds N"),
        (["--grid", "lr"], "--grid 'lr' is refused: write --grid NAME=VALUE,VALUE,…"),
        (["--grid", "lrr=1"], "lrr is not a parameter of this notebook; did you mean lr?"),
        (["--grid", "lr=0.1,0"], "lr = 0.0 is refused: it must be a float > 0; "),
        (["--grid", "lr=0.1,banana", "--seeds", "5"], "lr = 'banana' is refused: it must be a "),
        (["--grid", "steps=1,1.5"], "steps = '1.5' is refused: it must be an int > 0; "),
        (["--grid", "lr=0.1,0.2,0.10"], "--grid lr has the value 0.1 twice"),
        (["--grid", "lr=1", "--grid", "lr=2"], "--grid lr is given twice; write its values in"),
        (["--grid", "lr=1", "-p", "lr", "2"], "lr is set twice; give it one value"),
        (["--grid", "seed=1", "--seeds", "2"], "--seeds and --grid seed name the same; give one"),
        (["--grid", "lr=1:2:lin5000", "--seeds", "3"], "these are 15000 runs; a sweep has at mos"),
        (["--seeds", "2", "--scheduler", "tcp://x:1", "--workers", "2"], "--workers is for a clu"),
        (["--seeds", "100000000"], "these are 100000000 runs; a sweep has at most 10000"),
        (["--grid", "lr=1,2", "--seeds", "1" + "0" * 30], "these are 2" + "0" * 30 + " runs; a"),
        (["--seeds", "2", "--timeout", "nan"], "--timeout nan is refused: give seconds, more"),
        (["--seeds", "2", "--timeout", "inf"], "--timeout inf is refused: give seconds, more"),
        (["--seeds", "2", "--timeout", "0"], "--timeout 0 is refused: give seconds, more than"),
        (["--seeds", "2", "--timeout", "-1"], "--timeout -1 is refused: give seconds, more"),
        (["--seeds", "2", "--timeout", "1e9"], "--timeout 1e+09 is refused: give seconds, mo"),
        (["--seeds", "2", "--scheduler", ""], "--scheduler is empty; give its address, such as"),
        (["--seeds", "2", "--mix"], "--mix is for --resume, which it lets keep runs of other"),
        (["--grid", "lr=0.1,\udcff"], "'lr=0.1,\\udcff' is refused: it is not UTF-8 text"),
        (["--seeds", "2", "-p", "lr", "\udcff"], "'\\udcff' is refused: it is not UTF-8 text"),
        (["--seeds", "2", "-o", "/dev/null"], "cannot write in /dev/null: "),
        (["--seeds", "2", "-o", "/proc/kept"], "cannot write in /proc/kept: "),
    ],
)
def test_refused_in_one_clear_line(optlab, notebook, arguments, line, tmp_path):
    result = optlab(notebook, *arguments)
    assert result.exit_code == 2
    assert result.stderr.startswith(line)
    assert result.stderr.count("\n") == 1
    assert list(tmp_path.iterdir()) == []


def test_a_read_only_disk(optlab, notebook, tmp_path):
    folder = tmp_path / "disk"
    folder.mkdir()
    if subprocess.run(["mount", "-t", "tmpfs", "-o", "ro", "none", folder]).returncode:
        pytest.skip("no disk can be mounted here")
    try:
        result = optlab(notebook, "--seeds", "2", "-o", str(folder / "kept"))
    finally:
        subprocess.run(["umount", "--lazy", folder], check=True)
    assert result.exit_code == 2
    assert result.stderr == f"cannot write in {folder / 'kept'}: Read-only file system\n"


def test_folders_that_are_not_of_this_sweep(optlab, notebook, tmp_path):
    Path("other").mkdir()
    Path("other", "thesis.txt").touch()
    result = optlab(notebook, "--seeds", "2", "-o", "other")
    assert result.exit_code == 2
    assert result.stderr == "other has other files; give another folder with -o\n"
    assert optlab("--summary", "other").stderr == "other is not the folder of a sweep\n"
    Path("of-adam").mkdir()
    plan = {"notebook": "03-adam", "code": "", "swept": {}, "fixed": {}, "runs": []}
    Path("of-adam", "sweep.json").write_text(json.dumps(plan))
    result = optlab(notebook, "--seeds", "2", "-o", "of-adam")
    assert result.exit_code == 2
    assert result.stderr == "of-adam holds a sweep of 03-adam; give another folder with -o\n"


def test_the_plan(optlab, notebook, tmp_path):
    result = optlab(
        notebook, "--grid", "lr=1e-4:1e-1:log10", "--seeds", "2", "-p", "steps", "4", "--dry-run"
    )
    assert result.exit_code == 0
    assert result.stdout.splitlines() == [
        "98-small: 20 runs",
        "  lr: 0.0001, 0.000215443, 0.000464159, 0.001, 0.00215443, 0.00464159, …, 0.1 (10 values)",
        "  seed: 0, 1 (2 values)",
        "  steps: 4, in all runs",
        "estimate: unknown, as no run of this notebook is there to go by",
        "folder: runs/sweep-98-small",
    ]
    assert list(tmp_path.iterdir()) == []


def test_the_plan_of_a_sweep_that_goes_on(optlab, notebook):
    plan, folder = make_plan(Path(notebook), ["lr=0.1,0.7"], [], 2), Folder(Path("kept"))
    with folder.claim(plan, resume=False):
        for run, seconds in zip(plan.runs, (20.0, 30.0, 200.0), strict=False):
            folder.keep(
                RunRecord(
                    id=run.id, notebook=plan.notebook, code=plan.code, parameters=run.parameters,
                    status=FINISHED, verdicts={}, metrics={}, seconds=seconds, attempts=1, error="",
                    versions=here(), worker="",
                ), "", "",
            )  # fmt: skip
    grid = ["--grid", "lr=0.1,0.7,0.8", "--seeds", "2", "--workers", "2", "-o", "kept"]
    result = optlab(notebook, *grid, "--resume", "--dry-run")
    assert result.stdout.splitlines()[-3:] == [
        "finished before: 3, to run: 3",
        "estimate: 60 s on 2 workers; 30 s for each, from the 3 finished runs there",
        "folder: kept",
    ]


def test_no_scheduler(optlab, notebook):
    with dask.config.set({"distributed.comm.timeouts.connect": "300ms"}):
        result = optlab(notebook, "--seeds", "2", "--scheduler", "tcp://127.0.0.1:9")
    assert result.exit_code == 2
    assert result.stderr == (
        "no Dask scheduler answers at tcp://127.0.0.1:9; is it tcp://HOST:8786?\n"
    )


def test_a_library_that_is_missing(optlab, notebook, monkeypatch):
    find = importlib.util.find_spec
    monkeypatch.setattr(
        "optlab.sweep.command.find_spec", lambda name: name != "polars" and find(name)
    )
    result = optlab(notebook, "--seeds", "2")
    assert result.exit_code == 2
    line, _, command = result.stderr.strip().partition("; install with: ")
    assert line == "a sweep needs polars"
    python, *rest = shlex.split(command)  # the Python that lacks it, not whichever pip comes first
    assert Path(python).samefile(sys.executable)
    assert rest == ["-m", "pip", "install", "polars"]


def test_a_refusal_loads_nothing_heavy(notebook):
    program = (
        "import sys; from optlab.cli import main\n"
        f"try: main(['sweep', {notebook!r}, '--grid', 'lr=-1'])\n"
        "finally: print({'torch', 'numpy', 'papermill', 'polars', 'distributed'} & "
        "sys.modules.keys())"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True)
    assert (done.returncode, done.stdout) == (2, "set()\n")


def test_a_run_is_named_by_code_and_values(small, tmp_path):
    def ids(path, *grids, **fixed):
        return {run.id for run in make_plan(path, grids, fixed.items(), None).runs}

    path = small[0]
    assert len(ids(path, "lr=0.1,0.2", "steps=1,2")) == 4
    assert ids(path, "lr=0.1,0.2", "steps=3") == ids(path, "lr=0.2,0.1")  # 3 is the default
    assert ids(path, "lr=0.1", steps="2") == ids(path, "steps=2")
    book = nbformat.read(path, 4)
    other = tmp_path / path.name
    book.cells[-1].outputs = [nbformat.v4.new_output("stream", text="old")]
    nbformat.write(book, other)
    assert ids(other, "lr=0.1") == ids(path, "lr=0.1")
    book.cells[-1].source += "\n1"
    nbformat.write(book, other)
    assert not ids(other, "lr=0.1") & ids(path, "lr=0.1")


def changed(notebook, folder, **parameters):
    """The sample with further parameters, by name their annotation and default."""
    book, path = nbformat.read(notebook, 4), folder / "97-changed.ipynb"
    for name, declaration in parameters.items():
        book.cells[0].source += f"\n{name}: {declaration}"
        book.cells[1].source = book.cells[1].source.replace("start=", f'{name}="any", start=')
    nbformat.write(book, path)
    return path


@pytest.mark.parametrize("name", ["seconds", "error", "status", "run", "finished", "failed"])
def test_a_parameter_that_is_called_as_a_column(optlab, notebook, tmp_path, name):
    result = optlab(str(changed(notebook, tmp_path, **{name: "float = 1.0"})), "--seeds", "2")
    assert (result.exit_code, result.stderr.count("\n")) == (2, 1)
    assert f"97-changed.ipynb has a parameter named {name}, as a column of" in result.stderr
    assert not (tmp_path / "runs").exists()


def test_tuples_are_tuples(notebook, tmp_path):
    path = changed(notebook, tmp_path, betas="tuple[float, float] = (0.9, 0.999)")
    plan = make_plan(path, ["betas=(0.5,0.6),[0.7,0.8]"], [], None)
    assert [run.parameters["betas"] for run in plan.runs] == [(0.5, 0.6), (0.7, 0.8)]
    assert make_plan(path, [], [("betas", "0.1,0.2")], 1).runs[0].parameters["betas"] == (0.1, 0.2)
    book = notebook_file.node(notebook_file.load(path))
    notebook_file.inject(book, plan.runs[0].parameters)
    assert "betas = (0.5, 0.6)\n" in book.cells[1].source


@pytest.mark.parametrize(
    "content",
    ["", "{", "[]", '{"seconds": []}', '{"seconds": {"98-small": "x"}}', '{"seconds": null}',
     '{"seconds": {"98-small": -1}}', '{"seconds": {"98-small": NaN}}', "[" * 100_000, "\ud800"],
)  # fmt: skip
def test_an_estimate_from_a_damaged_status_is_none(optlab, notebook, tmp_path, content):
    (tmp_path / "notebooks").mkdir()
    (tmp_path / "book").mkdir()
    path = tmp_path / "notebooks" / "98-small.ipynb"
    shutil.copy(notebook, path)
    status = tmp_path / "book" / "status.json"
    status.write_bytes(content.encode("utf-8", "surrogatepass"))
    result = optlab(str(path), "--seeds", "2", "--dry-run")
    assert result.exit_code == 0
    assert "estimate: unknown, as no run of this notebook is there to go by\n" in result.stdout
    status.write_text('{"seconds": {"98-small": 7}}')
    result = optlab(str(path), "--seeds", "2", "--workers", "2", "--dry-run")
    assert "estimate: 7 s on 2 workers" in result.stdout


def test_a_sweep_takes_the_cores_that_it_may_use(optlab, notebook, monkeypatch):
    (Path("book")).mkdir()
    monkeypatch.setattr("optlab.sweep.command.usable_cores", lambda: 3)
    plan, folder = make_plan(Path(notebook), [], [], 1), Folder(Path("kept"))
    with folder.claim(plan, resume=False):
        folder.keep(
            RunRecord(
                id=plan.runs[0].id, notebook=plan.notebook, code=plan.code,
                parameters=plan.runs[0].parameters, status=FINISHED, verdicts={}, metrics={},
                seconds=10.0, attempts=1, error="", versions=here(), worker="",
            ), "", "",
        )  # fmt: skip
    result = optlab(notebook, "--seeds", "7", "-o", "kept", "--resume", "--dry-run")
    assert "estimate: 20 s on 3 workers" in result.stdout


def test_a_value_is_checked_once_and_not_once_a_run(notebook, monkeypatch):
    from optlab.running import declared

    checked, problems = [], declared.problems

    def counted(kinds, values, rules):
        checked.extend(values.items())
        return problems(kinds, values, rules)

    monkeypatch.setattr(declared, "problems", counted)
    plan = make_plan(Path(notebook), ["lr=1e-4:1e-1:log50", "steps=1:40:lin40"], [], 5)
    assert len(plan.runs) == 50 * 40 * 5
    assert {run.parameters["steps"] for run in plan.runs} == set(range(1, 41))
    assert len(checked) < 50 + 40 + 5 + 20


def test_what_several_combinations_share_is_said_once(optlab, notebook):
    wrong = ["--grid", "lr=0.1,-1,-2", "--grid", "step=1,2", "-p", "pause", "-3", "-p", "lr", "1"]
    result = optlab(notebook, *wrong, "--seeds", "3")
    assert result.exit_code == 2
    first, *others = result.stderr.splitlines()
    assert first.startswith("pause = -3.0 is refused: it must be a float >= 0; ")
    assert [line.split(";")[0] for line in others] == [
        "lr is set twice",
        "step is not a parameter of this notebook",
    ]
    once = optlab(notebook, "--grid", "lr=0.1,-1,-2", "--grid", "steps=1,2", "--seeds", "3")
    assert [line.split(":")[0] for line in once.stderr.splitlines()] == [
        "lr = -1.0 is refused",
        "lr = -2.0 is refused",
    ]
