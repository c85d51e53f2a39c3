"""`make` refuses a Python that is too old or too new, in one line, and knows a .venv that is not
of this Python or this place."""

import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
sys.path.insert(0, str(ROOT / "tools"))
import check_python  # noqa: E402

NEEDED = "and the book needs 3.11 to 3.14: name one, as in make PY=python3.11"
PRETEND = "import runpy, sys; sys.version_info = {}; sys.argv[:] = sys.argv[1:]; "
PRETEND += "runpy.run_path(sys.argv[0], run_name='__main__')"


@pytest.fixture
def tree(tmp_path):
    """A tree with what make reads before it works."""
    folder = tmp_path / "tree"
    read = ["Makefile", "pyproject.toml", "requirements.lock", "tools/check_python.py"]
    for name in (*read, "tools/npm_packages.py", "site/live/package-lock.json"):
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(ROOT / name, folder / name)
    return folder


@pytest.fixture
def venv(tree):
    """A finished .venv with one program, as pip writes them."""
    folder = tree / ".venv"
    subprocess.run([sys.executable, "-m", "venv", "--without-pip", folder], check=True)
    (folder / "bin/pip").write_text(f"#!{folder}/bin/python\n")
    (folder / ".ok").touch()
    return folder


def python(tmp_path, *version):
    """A program that takes itself for a Python of this version, where it runs a script."""
    path = tmp_path / f"python{version[0]}.{version[1]}"
    pretend = PRETEND.format((*version, 0, "final", 0))
    path.write_text(f'#!/bin/sh\nexec {sys.executable} -c "{pretend}" "$@"\n')
    path.chmod(0o755)
    return path


def make(tree, *arguments):
    done = subprocess.run(
        ["make", "--no-print-directory", "-n", *arguments], cwd=tree, capture_output=True, text=True
    )
    return done.returncode, done.stdout, done.stderr


def creation(tree, *arguments):
    """The line by which make would make .venv, if it would, and what it said."""
    status, out, err = make(tree, "book", *arguments)
    assert status == 0, err
    return next((line for line in out.splitlines() if "-m venv" in line), None), err


@pytest.mark.parametrize("version", [(2, 7), (3, 6), (3, 10), (3, 15), (3, 20), (4, 0)])
@pytest.mark.parametrize("target", ["book", "test"])
def test_another_python_is_refused_in_one_line(tree, tmp_path, version, target):
    status, out, err = make(tree, target, f"PY={python(tmp_path, *version)}")
    assert status == 2
    assert out == ""
    assert err.count("\n") == 1
    assert f"this is Python {version[0]}.{version[1]}, {NEEDED}" in err


@pytest.mark.parametrize("version", [(3, 11), (3, 12), (3, 13), (3, 14)])
def test_these_are_not(tree, tmp_path, version):
    line, err = creation(tree, f"PY={python(tmp_path, *version)}")
    assert line.endswith(" -m venv  .venv")
    assert err == ""


def test_a_python_that_is_not_there(tree):
    status, _, err = make(tree, "book", "PY=python9")
    assert (status, err.count("\n")) == (2, 1)
    assert "there is no python9 here" in err


def test_clean_needs_none(tree):
    assert make(tree, "clean", "PY=python9")[0] == 0


def test_a_venv_of_this_python_and_place_stays(tree, venv):
    assert creation(tree) == (None, "")
    assert creation(tree, f"PY={sys.executable}") == (None, "")


def test_one_of_another_python_stays_unless_another_is_asked_for(tree, venv, tmp_path):
    other = python(tmp_path, 3, 11 if sys.version_info >= (3, 14) else sys.version_info[1] + 1)
    line, err = creation(tree, f"PY={other}")
    assert line == f"{other} -m venv --clear .venv"
    assert err == f".venv is made anew: it is of Python 3.{sys.version_info[1]}.\n"
    (venv / ".ok").unlink()  # and where it was never finished
    assert "--clear" in creation(tree, f"PY={other}")[0]


def test_a_venv_that_was_moved_is_made_anew(tree, venv):
    moved = tree.rename(tree.with_name("moved"))
    line, err = creation(moved)
    assert "--clear" in line
    assert err == f".venv is made anew: it was made in {venv}.\n"


def test_a_venv_that_was_copied_is_made_anew(tree, venv):
    copy = shutil.copytree(tree, tree.with_name("copy"), symlinks=True)
    assert "--clear" in creation(copy)[0]
    assert creation(tree) == (None, "")


def test_a_tree_seen_through_a_link_is_in_place(tree, venv):
    link = tree.with_name("link")
    link.symlink_to(tree)
    assert creation(link) == (None, "")


def test_a_venv_whose_python_is_gone_is_made_anew(tree, venv):
    for name in ("python", "python3", sys.executable.rpartition("/")[2]):
        (venv / "bin" / name).unlink(missing_ok=True)
    (venv / "bin/python").symlink_to("/usr/bin/python3.2")
    line, err = creation(tree)
    assert "--clear" in line
    assert err == ".venv is made anew: its Python is gone.\n"


def test_a_long_path_in_a_program(tmp_path):
    (tmp_path / "bin").mkdir()
    text = f"#!/bin/sh\n'''exec' \"{tmp_path}/bin/python\" \"$0\" \"$@\"\n' '''\n"
    (tmp_path / "bin/pip").write_text(text)
    assert check_python.made_in(str(tmp_path)) == str(tmp_path)


def test_the_script_is_read_by_old_pythons():
    """It is compiled by each that is at hand, and has nothing that Python 2.7 has not."""
    text = (ROOT / "tools/check_python.py").read_text()
    assert "from __future__ import print_function" in text
    assert 'f"' not in text
    assert ":=" not in text
    for name in ("python2.7", "python3.6", "python3.10", "python3.14"):
        if found := shutil.which(name):
            ran = subprocess.run([found, "--version"], capture_output=True)
            if ran.returncode == 0:
                check = [found, ROOT / "tools/check_python.py", "/nowhere", "--asked"]
                subprocess.run(check, check=True, capture_output=True)
