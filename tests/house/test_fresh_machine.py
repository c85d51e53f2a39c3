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
    rows = list(fresh_machine.run("make", fresh_machine.Here(tmp_path / "here"), arguments))
    assert [(row["command"], row["status"]) for row in rows] == [("false", 1)]


def write(tree, text):
    tree.mkdir(parents=True)
    (tree / "README.md").write_text(text)


OUTPUT = """\
..ss.
===== left out, as tests/skips.toml allows =====
   70  no Chromium found (looked for chromium)
   14  needs a CUDA device
===== left out, and not allowed: this fails the run =====
tests/a.py::b: too slow (not listed)
===== 1 failed in 3 s =====
"""


def test_what_the_tests_left_out_is_in_the_row(tmp_path):
    machine = fresh_machine.Here(tmp_path / "here")
    row = fresh_machine.timed("make test", ["printf", "%s", OUTPUT], machine, "make")
    assert row["left_out"] == {
        "left out, as tests/skips.toml allows": [
            "   70  no Chromium found (looked for chromium)",
            "   14  needs a CUDA device",
        ],
        "left out, and not allowed: this fails the run": ["tests/a.py::b: too slow (not listed)"],
    }
    assert "       70  no Chromium found" in fresh_machine.line(row)
    assert "left_out" not in fresh_machine.timed("true", ["true"], machine, "make")


def test_a_new_debian_has_what_the_readme_installs_and_nothing_else(tmp_path, readme):
    machine = fresh_machine.Debian("trixie", tmp_path)
    made = dict(machine.steps(readme))
    first, second, third, last = made
    assert first == "debootstrap trixie"
    assert made[first][:4] == ["debootstrap", "--variant=minbase", "trixie", tmp_path / "trixie"]
    assert second == "apt update"
    assert third == "apt install git make python3-venv"
    assert made[third][-4:] == ["install", "git", "make", "python3-venv"]
    assert {"chromium", "g++", "gcc"} <= set(made[last][-1].split())


@pytest.mark.parametrize(("name", "status"), [("bash", 1), ("no-such-compiler", 0)])
def test_a_compiler_that_is_there_stops_it(tmp_path, readme, name, status, monkeypatch):
    monkeypatch.setattr(fresh_machine, "NOT_THERE", ("nothing-like-that", name))
    *_, (_, words) = fresh_machine.Debian("trixie", tmp_path).steps(readme)
    assert subprocess.run(words[words.index("bash") :], capture_output=True).returncode == status


def test_where_packages_come_from_is_there_in_a_new_debian_and_caches_are_not(
    tmp_path, monkeypatch
):
    wheels, certificates = tmp_path / "wheels", tmp_path / "all.crt"
    wheels.mkdir()
    (wheels / "one.whl").touch()
    certificates.touch()
    monkeypatch.setenv("PIP_FIND_LINKS", f"{wheels} https://wheels.example/cpu/")
    monkeypatch.setenv("PIP_EXTRA_INDEX_URL", f"file://{wheels}")
    monkeypatch.setenv("SSL_CERT_FILE", str(certificates))
    monkeypatch.setenv("PIP_CACHE_DIR", "/somewhere")
    machine = fresh_machine.Debian("trixie", tmp_path)
    env = machine.environment(machine.folder / "make/home")
    assert env["HOME"] == "/make/home"
    assert env["XDG_CACHE_HOME"] == "/make/home/cache"
    assert "PIP_CACHE_DIR" not in env
    assert str(tmp_path) not in env["PATH"]
    for path in (wheels / "one.whl", certificates):
        assert (machine.folder / path.relative_to("/")).is_file()


def test_the_mirror_is_the_machine_s(monkeypatch):
    assert re.fullmatch(r"\S+/debian", fresh_machine.mirror())


def test_its_debians_have_the_pythons_of_the_book():
    allowed = re.search(
        r'requires-python = ">=3.(\d+),<3.(\d+)"', (ROOT / "pyproject.toml").read_text()
    )
    least, too_new = map(int, allowed.groups())
    assert all(least <= int(v[2:]) < too_new for v in fresh_machine.SUITES.values())


def test_help():
    done = subprocess.run([sys.executable, SCRIPT, "--help"], capture_output=True, text=True)
    assert done.returncode == 0
    assert "--without-tests" in done.stdout
