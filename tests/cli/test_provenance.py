"""The commit that a stored figure names is that of the code that made it, or none."""

import re
import shutil
import subprocess

import pytest

from optlab import provenance


@pytest.fixture
def package(tmp_path):
    """A package in a repository of its own, committed."""
    folder = tmp_path / "package"
    folder.mkdir()
    (folder / "__init__.py").write_text("")
    (tmp_path / "notebook").write_text("")
    git(tmp_path, "init", "-q")
    git(tmp_path, "add", ".")
    git(tmp_path, "-c", "user.name=A", "-c", "user.email=a@b.org", "commit", "-qm", "first")
    return folder


def git(folder, *arguments):
    subprocess.run(["git", *arguments], cwd=folder, check=True)


def test_the_commit_of_the_package(package):
    assert re.fullmatch("[0-9a-f]{40}", provenance.commit(package=package))


def test_a_change_in_the_package_or_its_notebook_is_told(package, tmp_path):
    notebook = tmp_path / "notebook"
    notebook.write_text("changed")
    assert not provenance.commit(package=package).endswith("-dirty")
    assert provenance.commit(notebook, package=package).endswith("-dirty")
    (package / "new.py").write_text("")
    assert provenance.commit(package=package).endswith("-dirty")


def test_a_package_installed_within_another_repository_has_no_commit(package, tmp_path):
    installed = tmp_path / "site-packages"
    installed.mkdir()
    (installed / "__init__.py").write_text("")
    assert provenance.commit(package=installed) == "unknown"
    assert provenance.commit(package=tmp_path / "nowhere") == "unknown"


def test_the_processor_has_a_name_and_cores():
    assert re.fullmatch(r"\S.*, \d+ cores", provenance.processor())


def test_the_hash_of_the_files_tells_packages_apart(package):
    first = provenance.files_hash(package)
    assert re.fullmatch("[0-9a-f]{16}", first)
    for ignored in ("__pycache__/__init__.cpython-311.pyc", ".DS_Store", ".git/x"):
        path = package / ignored
        path.parent.mkdir(exist_ok=True)
        path.write_text("no part of it")
    assert provenance.files_hash(package) == first
    (package / "inner").mkdir()
    (package / "inner" / "rules.csv").write_text("a")
    second = provenance.files_hash(package)
    (package / "inner" / "rules.csv").write_text("b")
    third = provenance.files_hash(package)
    (package / "inner" / "rules.csv").rename(package / "rules.csv")
    assert len({first, second, third, provenance.files_hash(package)}) == 4
    copy = package.parent / "copy"
    shutil.copytree(package, copy, ignore=shutil.ignore_patterns(".git"))
    assert provenance.files_hash(copy) == provenance.files_hash(package)
