"""The strict comparison bites: one changed digit, one changed number under a figure."""

import re
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
CHANGES = {
    "a-parameter": ('"0.2"', '"0.3"'),
    "a-digit": ("mean 0.0583", "mean 0.0584"),
    "a-text": ("A falling curve.", "A rising curve."),
    "a-verdict": ('"verdict": "misprint"', '"verdict": "proved"'),
}
UNCHANGED = {
    "untouched": ("", ""),
    # its digest is what counts
    "repainted": ('viewBox=\\"0 0 288 208.8\\"', 'viewBox=\\"0 0 288 208.9\\"'),
}


@pytest.fixture(scope="module")
def failures(executed_sample, tmp_path_factory):
    """Cells that fail, by notebook, where each has one replacement in what is stored, and is
    then tested as `make test` does."""
    folder = tmp_path_factory.mktemp("strict") / "notebooks"
    folder.mkdir()
    text = executed_sample.read_text()
    for name, (old, new) in (CHANGES | UNCHANGED).items():
        assert old in text
        (folder / f"{name}.ipynb").write_text(text.replace(old, new, 1))
    command = [sys.executable, "-m", "pytest", "-q", "-rpf", "-p", "no:cacheprovider"]
    command += ["-c", ROOT / "pyproject.toml", f"--rootdir={folder.parent}"]
    command += [f"--nbval-sanitize-with={ROOT / 'tests' / 'nbval.cfg'}", folder]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True)
    found = re.findall(r"^(PASSED|FAILED) \S*notebooks/(\S+)\.ipynb::", done.stdout, re.M)
    cells = {name: [how for how, where in found if where == name] for name in CHANGES | UNCHANGED}
    assert {len(how) for how in cells.values()} == {5}, done.stdout
    return {name: how.count("FAILED") for name, how in cells.items()}


@pytest.mark.parametrize("name", UNCHANGED)
def test_a_notebook_without_a_change_passes(failures, name):
    assert failures[name] == 0


@pytest.mark.parametrize("name", CHANGES)
def test_one_change_fails(failures, name):
    assert failures[name] == 1
