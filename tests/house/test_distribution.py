"""What is released: as `python -m build` does, a source distribution, and a wheel made of it."""

import shutil
import subprocess
import sys
import tarfile
import zipfile
from email.parser import HeaderParser
from pathlib import Path

import pytest

import optlab

ROOT = Path(__file__).parents[2]
DOCUMENTS = {"CHANGELOG.md", "CITATION.cff", "LICENSE", "README.md"}
BUILDING = {"MANIFEST.in", "PKG-INFO", "pyproject.toml", "setup.cfg"}
USE = """\
import sys
sys.path.insert(0, sys.argv[1])
import optlab
assert optlab.__file__.startswith(sys.argv[1]), optlab.__file__
for name in optlab.__all__:
    value = getattr(optlab, name)
    for inner in getattr(value, "__all__", []):
        getattr(value, inner)
from optlab.experiments import ensemble_errors
from optlab.report.claims import load
assert len(ensemble_errors()) == 4
assert "adam-line-4" in load()
"""


def build(what, source, out):
    """Call the hook that `python -m build` calls, in the folder `source`."""
    call = f"import sys; from setuptools import build_meta; build_meta.build_{what}(sys.argv[1])"
    done = subprocess.run(
        [sys.executable, "-c", call, out], cwd=source, capture_output=True, text=True
    )
    assert done.returncode == 0, done.stdout + done.stderr
    [made] = out.glob("*.tar.gz" if what == "sdist" else "*.whl")
    return made


def package_files():
    return {
        path.relative_to(ROOT).as_posix()
        for path in (ROOT / "optlab").rglob("*")
        if path.is_file() and path.suffix != ".pyc"
    }


@pytest.fixture(scope="module")
def sdist(tmp_path_factory):
    """The unpacked source distribution, made in a copy, which has tests beside the package."""
    folder = tmp_path_factory.mktemp("sdist")
    source = folder / "source"
    for room in ("optlab", "tests/house"):
        shutil.copytree(ROOT / room, source / room, ignore=shutil.ignore_patterns("*.pyc"))
    for path in (*ROOT.glob("*.*"), ROOT / "LICENSE", *ROOT.glob("tests/*.py")):
        if path.is_file():
            shutil.copy(path, source / path.relative_to(ROOT))
    with tarfile.open(build("sdist", source, folder)) as archive:
        # Python 3.11.2, Debian 12's, has no filters yet; the archive was made here.
        safely = {"filter": "data"} if hasattr(tarfile, "data_filter") else {}
        archive.extractall(folder / "unpacked", **safely)  # noqa: S202
    [top] = (folder / "unpacked").iterdir()
    assert top.name == f"optlab_book-{optlab.__version__}"
    return top


@pytest.fixture(scope="module")
def wheel(sdist, tmp_path_factory):
    return build("wheel", sdist, tmp_path_factory.mktemp("wheel"))


def test_the_source_distribution_is_the_package_and_its_documents(sdist):
    there = {path.relative_to(sdist).as_posix() for path in sdist.rglob("*") if path.is_file()}
    there = {name for name in there if not name.startswith("optlab_book.egg-info/")}
    assert there == package_files() | DOCUMENTS | BUILDING


def test_the_wheel_is_the_package(wheel):
    with zipfile.ZipFile(wheel) as archive:
        names = set(archive.namelist())
        info = f"optlab_book-{optlab.__version__}.dist-info/"
        assert {name for name in names if not name.startswith(info)} == package_files()
        assert f"{info}licenses/LICENSE" in names
        metadata = HeaderParser().parsestr(archive.read(f"{info}METADATA").decode())
        assert "optlab = optlab.cli:main" in archive.read(f"{info}entry_points.txt").decode()
    assert metadata["Version"] == optlab.__version__
    assert metadata["Name"] == "optlab-book"  # "optlab" on the package index is another project
    assert metadata["License-Expression"] == "MIT"


def test_it_works_away_from_the_repository(wheel, tmp_path):
    site, empty = tmp_path / "site", tmp_path / "empty"
    empty.mkdir()
    zipfile.ZipFile(wheel).extractall(site)  # noqa: S202 - made here
    run = [sys.executable, "-I", "-c"]
    done = subprocess.run([*run, USE, site], cwd=empty, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    command = f"import sys; sys.path.insert(0, {str(site)!r}); from optlab.cli import main; main()"
    for arguments, line in (
        (["run", "03-adam"], "no notebook '03-adam' here: give its path, or work where"),
        (["outputs"], "no notebooks here; work where notebooks/ is, or give their paths"),
    ):
        done = subprocess.run(
            [*run, command, *arguments], cwd=empty, capture_output=True, text=True
        )
        assert done.returncode == 2
        assert done.stderr.startswith(line)
        assert done.stderr.count("\n") == 1
    assert list(empty.iterdir()) == []
