"""The proof on a fresh machine follows the README: each of its commands, in its order."""

import re
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
SCRIPT = ROOT / "tools/fresh_machine.py"
sys.path.insert(0, str(SCRIPT.parent))
import fresh_machine  # noqa: E402


@pytest.fixture(scope="module")
def readme():
    return (ROOT / "README.md").read_text()


def test_both_routes_run_every_block(readme):
    found = [text for route in ("make", "pip") for _, text in fresh_machine.steps(readme, route)]
    for block in re.findall(r"^```(?:bash|python)\n(.*?)^```", readme, re.M | re.S):
        lines = [line.split("  #")[0].strip() for line in block.splitlines() if line.strip()]
        assert all(any(line in text for text in found) for line in lines), block
    assert found[:2] == ["make book", "make test"]
    assert "python3 -m venv .venv" in found


def test_nothing_is_found_in_a_cache(tmp_path, monkeypatch):
    for name in ("PIP_CACHE_DIR", "UV_CACHE_DIR", "PYTHONPATH", "VIRTUAL_ENV", "OPTLAB_DATA"):
        monkeypatch.setenv(name, "/somewhere")
    monkeypatch.setenv("PIP_INDEX_URL", "https://index.example")
    env = fresh_machine.environment(tmp_path / "home")
    assert "/somewhere" not in env.values()
    assert env["PIP_INDEX_URL"] == "https://index.example"
    assert env["HOME"] == str(tmp_path / "home")


def test_a_command_that_fails_is_seen(tmp_path, monkeypatch):
    (tmp_path / "here").mkdir()
    text = "## Build and test\n\n```bash\nfalse\ntrue\n```\nWithout make:\n\n## Use it\n"
    monkeypatch.setattr(fresh_machine, "copy_tracked", lambda tree: write(tree, text))
    arguments = type("A", (), {"without_tests": True})
    rows = list(fresh_machine.run("make", tmp_path, arguments))
    assert [(row["command"], row["status"]) for row in rows] == [("false", 1)]


def write(tree, text):
    tree.mkdir(parents=True)
    (tree / "README.md").write_text(text)


def test_help():
    done = subprocess.run([sys.executable, SCRIPT, "--help"], capture_output=True, text=True)
    assert done.returncode == 0
    assert "--without-tests" in done.stdout
