"""What type checkers are told of the optimizers is what they take."""

import importlib.util
import re
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
SPEC = importlib.util.spec_from_file_location("stubs", ROOT / "tools" / "stubs.py")
stubs = importlib.util.module_from_spec(SPEC)
SPEC.loader.exec_module(stubs)

# A line of somebody's program, and what a type checker says of it.
LINES = [
    ("optlab.Lion(p, 0.1, (0.9, 0.99), weight_decay=0.1, maximize=True)", ""),
    ("optlab.Sophia(p, eps=1e-8).update_hessian(p)", ""),
    ("optlab.LARS(p, lr=torch.tensor(0.1), form='deck').init_state()", ""),
    ("optlab.optim.AdaGrad(p, initial_accumulator_value=0.1).step()", ""),
    ("optlab.Lion(p, lr='a')", "arg-type"),
    ("optlab.Lion(p, rho=0.1)", "call-arg"),
    ("optlab.Adam(p, foreach=True)", "call-arg"),
    ("optlab.Adam(p, maximize='no')", "arg-type"),
    ("optlab.Sophia(p, 0.1, (0.9, 0.9), 0.1, 0.1, 1e-8)", "call-arg"),
    ("optlab.optim.Lion(p).update_hessian(p)", "attr-defined"),
    ("optlab.Lyon(p)", "attr-defined"),
    ("optlab.rules.adam(p)", "call-arg"),
]


def test_the_file_is_what_the_rules_give():
    assert stubs.PATH.read_text("utf-8") == stubs.stub(), "run: python tools/stubs.py"


def test_it_is_written_once_and_checked(tmp_path, monkeypatch, capsys):
    monkeypatch.setattr(stubs, "PATH", tmp_path / "optlab" / "optim" / "classes.pyi")
    stubs.PATH.parent.mkdir(parents=True)

    def run(*arguments):
        monkeypatch.setattr(sys, "argv", ["stubs.py", *arguments])
        return stubs.main()

    assert run("--check") == 1
    assert not stubs.PATH.exists()
    assert run() == 0
    assert run("--check") == 0
    capsys.readouterr()
    stubs.PATH.write_text("# old\n")
    assert run("--check") == 1
    assert capsys.readouterr().err == (
        "optlab/optim/classes.pyi is not what the rules give; run: python tools/stubs.py\n"
    )


@pytest.fixture(scope="module")
def said(tmp_path_factory):
    """What mypy says of each line, by its number."""
    program = tmp_path_factory.mktemp("typed") / "program.py"
    head = "import optlab, torch\n\np = [torch.nn.Parameter(torch.zeros(3))]\n"
    program.write_text(head + "".join(f"{line}\n" for line, _ in LINES))
    mypy = Path(sys.executable).with_name("mypy")
    done = subprocess.run([mypy, program], cwd=ROOT, capture_output=True, text=True)
    return {
        int(number) - 4: (text, code)
        for number, text, code in re.findall(r":(\d+): error: (.*)  \[(.+)\]", done.stdout)
    }


@pytest.mark.parametrize(("line", "code"), LINES, ids=[line for line, _ in LINES])
def test_a_type_checker_sees_it(said, line, code):
    assert said.get([one for one, _ in LINES].index(line), ("", ""))[1] == code, said
