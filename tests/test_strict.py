"""The strict comparison bites: one changed digit, one changed number under a figure."""

import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]


@pytest.fixture
def compare(executed_sample, tmp_path):
    """Change the stored notebook by one replacement, then test it as `make test` does."""

    def run(old="", new=""):
        path = tmp_path / "notebooks" / executed_sample.name
        path.parent.mkdir()
        shutil.copy(executed_sample, path)
        text = path.read_text()
        assert old in text
        path.write_text(text.replace(old, new, 1))
        options = ["-q", "-c", ROOT / "pyproject.toml", f"--rootdir={tmp_path}"]
        sanitize = f"--nbval-sanitize-with={ROOT / 'tests' / 'nbval.cfg'}"
        command = [
            sys.executable,
            "-m",
            "pytest",
            *options,
            sanitize,
            "-p",
            "no:cacheprovider",
            path,
        ]
        return subprocess.run(command, cwd=ROOT, capture_output=True, text=True)

    return run


def test_an_untouched_notebook_passes(compare):
    done = compare()
    assert done.returncode == 0, done.stdout
    assert "5 passed" in done.stdout


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ('"0.2"', '"0.3"'),
        ("mean 0.0583", "mean 0.0584"),
        ("A falling curve.", "A rising curve."),
        ('"verdict": "misprint"', '"verdict": "proved"'),
    ],
)
def test_one_change_fails(compare, old, new):
    done = compare(old, new)
    assert done.returncode == 1
    assert "1 failed, 4 passed" in done.stdout


def test_a_repainted_picture_passes_since_its_digest_is_what_counts(compare):
    assert compare('viewBox=\\"0 0 288 208.8\\"', 'viewBox=\\"0 0 288 208.9\\"').returncode == 0
