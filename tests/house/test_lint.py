"""The linters that `make lint` runs, each by its own name."""

import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
TOOLS = (
    "ruff check .",
    "ruff format --check .",
    "mypy",
    "lint-imports",
    "codespell",
    "python tools/prose.py",
)


@pytest.mark.parametrize("command", TOOLS)
def test_clean(command):
    tool, *arguments = command.split()
    run = subprocess.run(
        [Path(sys.executable).with_name(tool), *arguments], cwd=ROOT, capture_output=True, text=True
    )
    assert run.returncode == 0, run.stdout + run.stderr


def test_make_lint_runs_the_same():
    makefile = (ROOT / "Makefile").read_text()
    recipe = makefile.split("\nlint:")[1].split("\n\n")[0]
    commands = [line.strip().removeprefix("$(BIN)/") for line in recipe.splitlines()[1:]]
    assert tuple(commands) == TOOLS


@pytest.mark.parametrize(("folder", "status"), [("runs", 0), ("_build", 0), ("optlab", 1)])
def test_what_was_run_and_built_is_not_ours_to_lint(tmp_path, folder, status):
    """In a tree without git, too, as an archive of the repository is."""
    shutil.copy(ROOT / "pyproject.toml", tmp_path)
    (tmp_path / folder).mkdir()
    (tmp_path / folder / "mine.py").write_text("import os\nx=1\n")
    for command in ("ruff check .", "ruff format --check ."):
        tool, *arguments = command.split()
        line = [Path(sys.executable).with_name(tool), *arguments]
        assert subprocess.run(line, cwd=tmp_path, capture_output=True).returncode == status
