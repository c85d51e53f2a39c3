"""Parameters are data: no text of theirs is run, by optlab run or by papermill."""

import json
import subprocess
import sys

import nbformat
import pytest
from click.testing import CliRunner

from optlab.cli import main

TEXTS = [
    '"; import os; os.system("touch owned") #',
    "'; import os; os.system('touch owned') #",
    "x\nimport os; os.system('touch owned')",
    '"""\nimport os; os.system("touch owned")\n"""',
    "\\\"; import os; os.system('touch owned') #",
    "{__import__('os').system('touch owned')}",
    "$(touch owned) `touch owned` ; touch owned",
    "\\",
]


@pytest.fixture
def free(sample, monkeypatch):
    """The sample, with a text and a list of texts that may be anything; run where it is."""
    book = nbformat.read(sample, 4)
    book.cells[1].source += '\nname: str = "a"  # any text\nnames: list[str] = ["a"]  # texts'
    book.cells[2].source = book.cells[2].source.replace(
        "nesterov=", "name='any', names='any', nesterov="
    )
    book.cells[3].source = "print(repr(name)); print(repr(names))"
    del book.cells[4:]
    nbformat.write(book, sample)
    monkeypatch.chdir(sample.parent.parent)
    return sample.parent.parent


def printed(path):
    book = nbformat.read(path, 4)
    return "".join(o.text for c in book.cells for o in c.get("outputs", []) if "text" in o)


def owned(folder):
    return list(folder.rglob("owned"))


@pytest.mark.parametrize("text", TEXTS)
def test_a_choice_refuses_it(free, text):
    result = CliRunner().invoke(main, ["run", "99", "-p", "device", text])
    assert result.exit_code == 2
    assert f"device = {text!r} is refused" in result.stderr
    assert not owned(free)


def test_optlab_run_hands_texts_over_unchanged(free):
    text = TEXTS[3]
    listed = [part for part in TEXTS if "," not in part]
    arguments = ["run", "99", "-p", "name", text, "-p", "names", ",".join(listed)]
    result = CliRunner().invoke(main, arguments)
    assert result.exit_code == 0, result.stderr
    assert printed(result.stdout.strip()) == f"{text!r}\n{[t.strip() for t in listed]!r}\n"
    assert not owned(free)


ONE = [("-r", TEXTS[0]), ("-r", TEXTS[2]), ("-p", TEXTS[4])]
HANDED = [([option, "name", text], text, ["a"]) for option, text in ONE]
HANDED.append((["-y", json.dumps({"names": TEXTS})], "a", TEXTS))  # JSON is YAML


@pytest.mark.parametrize(("options", "name", "names"), HANDED)
def test_papermill_hands_texts_over_unchanged(free, options, name, names):
    command = [sys.executable, "-m", "papermill", "notebooks/99-sample.ipynb", "out.ipynb"]
    quiet = ["--no-progress-bar", "--log-level", "ERROR"]
    done = subprocess.run([*command, *options, *quiet], cwd=free, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    assert printed(free / "out.ipynb") == f"{name!r}\n{names!r}\n"
    assert not owned(free)
