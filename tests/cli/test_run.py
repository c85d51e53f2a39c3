"""optlab run: refuses before anything runs, keeps every run, names the cell that failed."""

import os
import subprocess
import sys
import time

import nbformat
import pytest
from click.testing import CliRunner

from optlab.cli import main
from optlab.report.parameters import Kind
from optlab.running.declared import read_value
from optlab.running.files import run_name
from optlab.writing import write_new


@pytest.fixture
def optlab(sample, monkeypatch):
    monkeypatch.chdir(sample.parent.parent)
    return lambda *arguments: CliRunner().invoke(main, ["run", *arguments])


@pytest.mark.parametrize(
    ("arguments", "line"),
    [
        (
            ["99-sample", "-p", "lrr", "0.1"],
            "lrr is not a parameter of this notebook; did you mean lr?",
        ),
        (
            ["99", "-p", "xyz", "1"],
            "xyz is not a parameter of this notebook; there are seed, device,",
        ),
        (["99", "-p", "lr", "banana"], "lr = 'banana' is refused: it must be a float > 0;"),
        (["99", "-p", "lr", "-1"], "lr = -1.0 is refused: it must be a float > 0;"),
        (["99", "-p", "lr", "nan"], "lr = nan is refused: it must be a finite float > 0;"),
        (["99", "-p", "seed", "1.5"], "seed = '1.5' is refused: it must be an int >= 0;"),
        (
            ["99", "-p", "device", "tpu"],
            "device = 'tpu' is refused: it must be 'auto', 'cpu' or 'cuda';",
        ),
        (
            ["99", "-p", "steps", "5,0"],
            "steps = [5, 0] is refused: it must be a list of ints, each > 0;",
        ),
        (["99", "-p", "nesterov", "1"], "nesterov = '1' is refused: it must be a bool;"),
        (["99", "-p", "lr", "1", "-p", "lr", "2"], "lr is set twice; give it one value"),
        (["98-none"], "no notebook '98-none' here: there are 99-sample"),
        (["notebooks/98.ipynb"], "no notebook 'notebooks/98.ipynb' here: there are 99-sample"),
    ],
)
def test_refused_in_one_clear_line(optlab, arguments, line):
    result = optlab(*arguments)
    assert result.exit_code == 2
    assert result.stderr.startswith(line)
    assert result.stderr.count("\n") == 1
    assert result.stdout == ""
    assert not os.path.exists("runs")


def test_every_problem_has_its_line(optlab):
    result = optlab("99", "-p", "lr", "-1", "-p", "lrr", "1", "-p", "beta1", "1")
    assert [line.split()[0] for line in result.stderr.splitlines()] == ["lrr", "lr", "beta1"]


def test_a_refusal_is_quick_and_loads_nothing_heavy(sample):
    program = (
        "import sys; from optlab.cli import main\n"
        "try: main(['run', '99', '-p', 'lr', '-1'])\n"
        "finally: print({'torch', 'numpy', 'papermill', 'matplotlib'} & sys.modules.keys())"
    )
    start = time.monotonic()
    done = subprocess.run(
        [sys.executable, "-c", program], cwd=sample.parent.parent, capture_output=True, text=True
    )
    assert time.monotonic() - start < 5
    assert (done.returncode, done.stdout) == (2, "set()\n")


def test_a_run_is_kept_and_never_overwritten(optlab):
    arguments = ["99", "-p", "lr", "0.5", "-p", "steps", "[1, 2]", "-p", "nesterov", "true"]
    first, second = (optlab(*arguments) for _ in range(2))
    assert first.exit_code == second.exit_code == 0
    assert first.stdout == "runs/99-sample-lr=0.5-steps=1,2-nesterov=True.ipynb\n"
    assert second.stdout == "runs/99-sample-lr=0.5-steps=1,2-nesterov=True-2.ipynb\n"
    assert len(os.listdir("runs")) == 2
    book = nbformat.read(first.stdout.strip(), 4)
    printed = [o.text for c in book.cells for o in c.get("outputs", []) if "text" in o]
    assert "lr=0.5 steps=[1, 2] nesterov=True\n" in printed


def test_a_failing_cell_is_named_and_the_notebook_kept(optlab):
    result = optlab("99", "-p", "lr", "1000", "-o", "elsewhere")
    assert result.exit_code == 1
    assert result.stderr.splitlines()[-3:] == [
        'failed in cell 7, which begins: print(f"{lr=} {steps=} {nesterov=}")',
        "AssertionError: this sample cannot take such a step",
        "kept as elsewhere/99-sample-lr=1000.0-failed.ipynb",
    ]
    kept = nbformat.read("elsewhere/99-sample-lr=1000.0-failed.ipynb", 4)
    assert kept.cells[6].source.startswith("print(")  # cell 7, as the message says


def test_a_kernel_that_dies(optlab, sample):
    book = nbformat.read(sample, 4)
    book.cells[3].source = "# too much\nimport os; os._exit(1)"
    nbformat.write(book, sample)
    result = optlab("99")
    assert result.exit_code == 1
    assert result.stderr.splitlines()[-3:-1] == [
        "failed in cell 4, which begins: import os; os._exit(1)",
        "the kernel died; was there enough memory?",
    ]


def test_a_kernel_has_sockets_of_its_own(optlab, sample):
    """Not ports, of which two kernels that start at the same time may pick the same."""
    book = nbformat.read(sample, 4)
    book.cells[3].source = "from ipykernel.connect import get_connection_info\n"
    book.cells[3].source += "print(get_connection_info(unpack=True)['transport'])"
    nbformat.write(book, sample)
    kept = nbformat.read(optlab("99").stdout.strip(), 4)
    assert [o.text for c in kept.cells for o in c.get("outputs", []) if "text" in o] == ["ipc\n"]


def test_help_lists_the_parameters(optlab):
    lines = optlab("99", "--help-parameters").stdout.splitlines()
    assert len(lines) == 7
    assert lines[3] == "lr: a float > 0 (default 0.1)  step size"
    assert lines[5] == "steps: a list of ints, each > 0 (default [10, 20])  numbers of steps"


@pytest.mark.parametrize(
    ("source", "words"),
    [
        ("print(1)", "the cell after the parameters does not call check_parameters"),
        (None, "has no parameters cell with a check after it"),
    ],
)
def test_a_notebook_without_check_is_not_run(optlab, sample, source, words):
    book = nbformat.read(sample, 4)
    if source:
        book.cells[2].source = source
    else:
        book.cells[1].metadata.tags = []
    nbformat.write(book, sample)
    result = optlab("99")
    assert result.exit_code == 2
    assert words in result.stderr


def test_what_is_no_notebook(optlab, sample):
    sample.write_text("{")
    assert "is not a notebook" in optlab("99").stderr


@pytest.mark.parametrize(
    ("text", "annotation", "value"),
    [
        ("1e-3", float, 1e-3),
        ("5", float, 5.0),
        ("5", int, 5),
        ("True", bool, True),
        ("false", bool, False),
        ("1e-3", str, "1e-3"),
        ("[1,2]", list[int], [1, 2]),
        ("0.9,0.999", list[float], [0.9, 0.999]),
        ("a, b", list[str], ["a", "b"]),
        ("1, 0.5, a", list, [1, 0.5, "a"]),
        ("", list[int], []),
    ],
)
def test_values_are_read_by_their_declared_type(text, annotation, value):
    read = read_value(text, Kind.of(annotation))
    assert read == value
    assert type(read) is type(value)


def test_run_names_are_short_and_safe():
    assert run_name("03-adam", {"betas": [0.9, 0.99], "name": "../a b"}) == (
        "03-adam-betas=0.9,0.99-name=..ab"
    )
    assert len(run_name("03-adam", {"x": "y" * 500})) == 100


def test_keep_numbers_what_is_taken(tmp_path):
    (tmp_path / "a.ipynb").write_text("old")
    assert [write_new(tmp_path / "a.ipynb", b"new").name for _ in range(2)] == [
        "a-2.ipynb",
        "a-3.ipynb",
    ]
    assert (tmp_path / "a.ipynb").read_text() == "old"
