"""`make check`: from the files that changed to the tests that may notice."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
sys.path.insert(0, str(ROOT / "tools"))
import check  # noqa: E402

ALWAYS = list(check.ALWAYS)


def first(name, count=1):
    return check.chosen([name], ROOT)[:count]


@pytest.mark.parametrize(
    ("name", "wanted"),
    [
        ("optlab/rules/adam.py", "tests/rules"),
        ("optlab/rules/sophia.py", "notebooks/14-sophia.ipynb"),
        ("optlab/rules/lamb.py", "notebooks/10-lamb.ipynb"),
        ("optlab/ops.py", "tests/symbolic"),
        ("optlab/optim/adam.py", "tests/optim"),
        ("optlab/grid/train.py", "tests/grid"),
        ("optlab/learning/batches.py", "tests/grid"),
        ("optlab/symbolic/latex.py", "tests/notebooks/test_boxes.py"),
        ("notebooks/05-amsgrad.md", "notebooks/05-amsgrad.ipynb"),
        ("notebooks/05-amsgrad.ipynb", check.PAGE.format("notebooks/05-amsgrad")),
        ("book/glossary.md", check.PAGE.format("book/glossary")),
        ("site/static/book.css", check.PAGE.format("notebooks/03-adam")),
        ("site/extensions/address.py", check.PAGE.format("book/explorer")),
        ("tests/rules/test_lion.py", "tests/rules/test_lion.py"),
        ("tests/site/look.js", check.PAGE.format("book/index")),
        ("tests/optim/twins.py", "tests/optim/test_native.py"),
        ("tools/check.py", "tests/house/test_check.py"),
        ("Makefile", "tests/house"),
    ],
)
def test_what_a_file_can_break_is_run(name, wanted):
    tests = check.chosen([name], ROOT)
    assert wanted in tests
    assert set(ALWAYS) <= {*tests, *(f"{t}/{Path(a).name}" for t in tests for a in ALWAYS)}


def test_likeliest_first_and_each_file_has_its_turn():
    one, other = "notebooks/05-amsgrad.md", "tests/rules/test_lion.py"
    assert check.chosen([one, other], ROOT)[:2] == ["notebooks/05-amsgrad.ipynb", other]


def test_nothing_twice_and_nothing_that_is_not_there():
    names = [
        "optlab/rules/adam.py",
        "optlab/rules/none.py",
        "notebooks/99-none.md",
        "tests/none.py",
    ]
    tests = check.chosen(names, ROOT)
    assert len(tests) == len(set(tests))
    assert all((ROOT / test.split("::")[0]).exists() for test in tests)
    assert "tests/rules/test_executions.py" not in tests  # within tests/rules
    assert check.chosen([], ROOT) == []


def test_every_name_that_it_gives_is_that_of_a_test():
    names = ["notebooks/03-adam.md", "book/glossary.md", "optlab/symbolic/latex.py", "book/no.md"]
    tests = [test for test in check.chosen(names, ROOT) if "::" in test]
    command = [sys.executable, "-m", "pytest", "--collect-only", "-q", "-p", "no:cacheprovider"]
    done = subprocess.run([*command, *tests], cwd=ROOT, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout[-2000:] + done.stderr[-2000:]
    assert done.stdout.count("::") >= len(tests) >= 15


@pytest.fixture
def repository(tmp_path):
    def git(*words):
        identity = ["-c", "user.name=A", "-c", "user.email=a@example.org"]
        subprocess.run(["git", "-C", tmp_path, *identity, *words], check=True, capture_output=True)

    git("init", "-b", "main")
    for name in ("kept", "edited", "gone"):
        (tmp_path / name).write_text(name)
    git("add", ".")
    git("commit", "-m", "first")
    return tmp_path, git


def test_changed_is_what_differs_from_where_the_branch_left_main(repository):
    folder, git = repository
    assert check.changed(folder, None) == []
    git("switch", "-c", "other")
    (folder / "committed file").write_text("1")
    git("add", ".")
    git("commit", "-m", "second")
    (folder / "edited").write_text("other")
    (folder / "gone").unlink()
    (folder / "new").write_text("")
    assert check.changed(folder, None) == ["committed file", "edited", "gone", "new"]
    assert check.changed(folder, "HEAD") == ["edited", "gone", "new"]
    with pytest.raises(SystemExit, match="nowhere"):
        check.changed(folder, "nowhere")


SLOW = "import time\ndef test_one(): time.sleep(0.3)\ndef test_two(): pass\n"


@pytest.mark.parametrize("workers", ["0", "1"])
def test_when_time_is_up_no_other_test_begins(tmp_path, workers):
    (tmp_path / "test_slow.py").write_text(SLOW)
    options = ["-q", "-n", workers, "-p", "no:cacheprovider", "-p", "deadline", "--stop-after=0.1"]
    done = subprocess.run(
        [sys.executable, "-m", "pytest", *options, "test_slow.py"],
        cwd=tmp_path,
        env={**os.environ, "PYTHONPATH": str(ROOT / "tests")},
        capture_output=True,
        text=True,
    )
    assert done.returncode == 2, done.stdout + done.stderr
    assert "1 passed" in done.stdout
    assert "out of time: what is left is run by `make test`" in done.stdout
