"""optlab outputs: the same outputs make the same file; a failure changes nothing."""

import json
from importlib.metadata import PackageNotFoundError, version

import nbformat
import pytest
from click.testing import CliRunner

import optlab
from optlab import provenance
from optlab.cli import main
from optlab.running import times


@pytest.fixture
def outputs(sample, monkeypatch):
    monkeypatch.chdir(sample.parent.parent)
    return lambda *names: CliRunner().invoke(main, ["outputs", *names])


def test_a_second_execution_changes_no_byte(outputs, sample):
    before = nbformat.read(sample, 4)
    assert outputs().exit_code == 0
    first = sample.read_bytes()
    book = nbformat.read(sample, 4)
    assert [c.source for c in book.cells] == [c.source for c in before.cells]
    assert book.metadata == before.metadata
    assert [c.execution_count for c in book.cells[1:]] == [1, 2, 3, 4, 5]
    assert book.cells[3].outputs[-1].data["text/plain"] == "0.2"
    assert outputs("99-sample").exit_code == 0
    assert sample.read_bytes() == first
    assert [p.name for p in sample.parent.iterdir()] == [sample.name]


def test_the_version_of_python_is_not_stored(outputs, sample):
    book = nbformat.read(sample, 4)
    book.metadata.language_info = {"name": "python", "version": "3.0"}
    book.metadata.widgets = {}
    nbformat.write(book, sample)
    assert outputs().exit_code == 0
    metadata = nbformat.read(sample, 4).metadata
    assert metadata.language_info == {"name": "python"}
    assert "widgets" not in metadata


def test_a_failure_names_the_cell_and_changes_nothing(outputs, sample):
    book = nbformat.read(sample, 4)
    book.cells[3].source = "# divide\n1 / 0"
    nbformat.write(book, sample)
    before = sample.read_bytes()
    result = outputs()
    assert result.exit_code == 1
    assert result.stderr.splitlines()[-2:] == [
        "notebooks/99-sample.ipynb: failed in cell 4, which begins: 1 / 0",
        "ZeroDivisionError: division by zero",
    ]
    assert sample.read_bytes() == before


def test_a_notebook_that_is_not_there(outputs):
    result = outputs("98")
    assert result.exit_code == 2
    assert result.stderr == "no notebook '98' here: there are 99-sample\n"


def test_version():
    assert CliRunner().invoke(main, ["--version"]).stdout == (
        f"optlab, version {optlab.__version__}\n"
    )


def test_times_are_written_and_kept_for_notebooks_that_did_not_run(outputs, sample, tmp_path):
    file = tmp_path / "status.json"
    file.write_text('{"seconds": {"01-other": 3.5, "99-sample": 0}}')
    assert outputs("99-sample", "--times", str(file)).exit_code == 0
    times = json.loads(file.read_text())
    assert times["seconds"]["01-other"] == 3.5
    assert times["seconds"]["99-sample"] > 0
    assert times["versions"]["torch"].startswith("2.")


def test_times_are_written_where_the_book_cannot_be_built(tmp_path, monkeypatch):
    def without_jupyter_book(name):
        if name == "jupyter-book":
            raise PackageNotFoundError(name)
        return version(name)

    monkeypatch.setattr(provenance, "version", without_jupyter_book)
    times.Times().save(tmp_path / "status.json")
    versions = json.loads((tmp_path / "status.json").read_text())["versions"]
    assert list(versions) == ["python", "optlab", "torch", "numpy", "sympy"]
