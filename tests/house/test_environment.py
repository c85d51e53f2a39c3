"""One lock: every other list of packages agrees with it."""

import re
import tomllib
from pathlib import Path

import pytest
import yaml
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

ROOT = Path(__file__).parents[2]


def requirements(name: str) -> dict[str, Requirement]:
    lines = [line.split("#")[0].strip() for line in (ROOT / name).read_text().splitlines()]
    found = [Requirement(line) for line in lines if line]
    return {canonicalize_name(requirement.name): requirement for requirement in found}


@pytest.fixture(scope="module")
def locked() -> dict[str, str]:
    pins = requirements("requirements.lock")
    assert all(re.fullmatch(r"==[\w.+!]+", str(r.specifier)) for r in pins.values())
    return {name: str(r.specifier).removeprefix("==") for name, r in pins.items()}


def refused(wanted: dict[str, Requirement], locked: dict[str, str]) -> list[str]:
    return [
        f"{requirement}, but the lock has {locked.get(name, 'none')}"
        for name, requirement in wanted.items()
        if not requirement.specifier.contains(locked.get(name, "0"), prereleases=True)
        or name not in locked
    ]


def project() -> dict:
    return tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]


def test_the_lock_answers_requirements_in(locked):
    assert refused(requirements("requirements.in"), locked) == []


def test_the_lock_answers_the_package(locked):
    lines = project()["dependencies"] + project()["optional-dependencies"]["sweep"]
    wanted = [Requirement(line) for line in lines]
    assert refused({canonicalize_name(r.name): r for r in wanted}, locked) == []


def test_conda_environment_is_the_lock():
    environment = yaml.safe_load((ROOT / "environment.yml").read_text())
    python, pip, rest = environment["dependencies"]
    assert pip == "pip"
    assert rest == {"pip": ["-r requirements.lock", "-e ."]}
    version = python.removeprefix("python=")
    assert Requirement(f"python{project()['requires-python']}").specifier.contains(version)
    assert f"--python {version} " in (ROOT / "Makefile").read_text()  # what the lock is made for


def test_one_version_of_python():
    """What the book is built and tested with, wherever it is named."""
    environment = yaml.safe_load((ROOT / "environment.yml").read_text())
    version = environment["dependencies"][0].removeprefix("python=")
    readme = (ROOT / "README.md").read_text()
    assert f"You need Python {version} " in readme
    assert f"python{version} -m venv" in readme
    for workflow in (ROOT / ".github/workflows").glob("*.yml"):
        named = re.findall(r'python-version: "([^"]+)"', workflow.read_text())
        assert set(named) == {version}, workflow.name
    settings = tomllib.loads((ROOT / "pyproject.toml").read_text())
    assert settings["project"]["requires-python"] == f">={version}"
    assert settings["tool"]["mypy"]["python_version"] == version
    assert settings["tool"]["ruff"]["target-version"] == f"py{version.replace('.', '')}"
    stated = {
        line.rpartition(" :: ")[2]
        for line in settings["project"]["classifiers"]
        if re.search(r"Python :: 3\.\d", line)
    }
    assert all(minor in readme for minor in stated)
    assert version in stated
