"""One lock: every other list of packages agrees with it."""

import re
import tomllib
from importlib.metadata import PackageNotFoundError, distribution
from pathlib import Path

import pytest
import yaml
from packaging.markers import default_environment
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

ROOT = Path(__file__).parents[2]
VERSIONS = ["3.11", "3.12", "3.13", "3.14"]


def minor(version: str) -> int:
    return int(version.partition(".")[2])


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
    assert python.removeprefix("python=") in VERSIONS


def test_the_same_versions_of_python_everywhere():
    """What the book is built and tested with, wherever it is named."""
    least = VERSIONS[0]
    settings = tomllib.loads((ROOT / "pyproject.toml").read_text())
    assert settings["project"]["requires-python"] == f">={least},<3.{minor(VERSIONS[-1]) + 1}"
    stated = [
        line.rpartition(" :: ")[2]
        for line in settings["project"]["classifiers"]
        if re.search(r"Python :: 3\.\d", line)
    ]
    assert stated == VERSIONS
    assert settings["tool"]["mypy"]["python_version"] == least
    assert settings["tool"]["ruff"]["target-version"] == f"py{least.replace('.', '')}"
    readme = (ROOT / "README.md").read_text()
    assert f"You need Python {', '.join(VERSIONS[:-1])} or {VERSIONS[-1]}, git and make" in readme
    assert f"compile -q --universal --python-version {least} " in (ROOT / "Makefile").read_text()


def test_workflows_test_every_version():
    book = yaml.safe_load((ROOT / ".github/workflows/book.yml").read_text())
    job = book["jobs"]["test"]
    assert job["strategy"] == {"fail-fast": False, "matrix": {"python": VERSIONS}}
    setup = [s for s in job["steps"] if s.get("uses", "").startswith("actions/setup-python@")]
    assert [step["with"] for step in setup] == [{"python-version": "${{ matrix.python }}"}]
    kept = [step for step in job["steps"] if "actions/upload-" in step.get("uses", "")]
    conditions = {step["if"].partition(" && ")[0] for step in kept}
    assert len(kept) == 2  # what is published comes from one of them
    assert conditions == {f"matrix.python == '{VERSIONS[0]}'"}
    newest = (ROOT / ".github/workflows/newest.yml").read_text()
    assert set(re.findall(r'python-version: "([^"]+)"', newest)) <= set(VERSIONS)


@pytest.mark.parametrize("version", VERSIONS)
@pytest.mark.parametrize("system", ["linux", "darwin"])
def test_the_lock_is_whole_on(version, system):
    """What a locked package requires on this Python and system is locked for it, too."""
    place = default_environment() | {
        "python_version": version, "python_full_version": f"{version}.1", "sys_platform": system,
        "platform_system": system.title(), "os_name": "posix",
    }  # fmt: skip
    lines = requirements("requirements.lock").values()
    here = {canonicalize_name(r.name) for r in lines if not r.marker or r.marker.evaluate(place)}
    asked = {canonicalize_name(name) for name in requirements("requirements.in")}
    assert asked <= here
    missing = {}
    for name in here - {"torch"}:  # which brings what its build needs
        try:
            wanted = map(Requirement, distribution(name).requires or ())
        except PackageNotFoundError:
            continue  # of another system or Python than this
        for one in wanted:
            needed = one.marker is None or one.marker.evaluate({**place, "extra": ""})
            if needed and canonicalize_name(one.name) not in here:
                missing[name] = str(one)
    assert missing == {}
    assert not [name for name in here if re.match("nvidia|cuda|triton", name)]
