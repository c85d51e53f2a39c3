"""optlab run --record: results kept for the book, of the code's own settings alone."""

import json
import os

import nbformat
import pytest
from click.testing import CliRunner
from nbformat.v4 import new_code_cell

from optlab import provenance, records
from optlab.cli import main
from optlab.running.recording import settings_in_the_code

RECORD = """\
from optlab import experiments

_ = experiments.record("12-sgdr", scale, {"lr": lr}, seed=seed, device="cpu")"""
TABLE = """\
sizes = {
    "ci": {"runs": 2, "kappas": (10, 30)},
    "small": {"runs": 9, "kappas": (10, 300)},
}[scale]"""
JUDGED = [{"id": "adam-line-4", "verdict": "misprint", "evidence": "gap 0.10"}]


@pytest.fixture
def optlab(sample, monkeypatch):
    monkeypatch.delenv("OPTLAB_RECORD", raising=False)
    monkeypatch.chdir(sample.parent.parent)
    return lambda *arguments: CliRunner().invoke(main, ["run", "99-sample", *arguments])


@pytest.fixture
def results(sample):
    return sample.parent.parent / "book" / "results"


def add_cell(sample, source):
    book = nbformat.read(sample, 4)
    book.cells.append(new_code_cell(source, id=f"added-{len(book.cells)}"))
    nbformat.write(book, sample)


def test_a_run_is_recorded_when_asked_for(sample, optlab, results):
    add_cell(sample, RECORD)
    assert optlab("-p", "seed", "7").exit_code == 0
    assert not results.exists()
    done = optlab("-p", "seed", "7", "--record")
    assert done.exit_code == 0, done.stderr
    assert done.stdout.splitlines() == [
        "runs/99-sample-seed=7-2.ipynb",
        "book/results/12-sgdr.ci.json",
    ]
    got = json.loads((results / "12-sgdr.ci.json").read_text())
    assert (got["results"], got["seed"]) == ({"lr": 0.1}, 7)
    assert got["verdicts"] == JUDGED


def test_a_notebook_without_results_is_recorded_by_its_verdicts(sample, optlab, results):
    add_cell(sample, TABLE)
    assert optlab("-p", "device", "cpu", "--record").exit_code == 0
    got = records.read(results / "99-sample.ci.json")
    assert (got.verdicts, got.results, got.seed) == (JUDGED, {}, 0)
    assert got.settings == {"runs": 2, "kappas": [10, 30]}
    assert got.outdated(settings_in_the_code("99-sample", "ci", sample.parent)) == []
    other = settings_in_the_code("99-sample", "small", sample.parent)
    assert [line.split(":")[0] for line in got.outdated(other)] == ["kappas", "runs"]
    assert 0 < got.seconds < 60
    assert got.device == provenance.processor()


def test_of_a_run_that_fails_nothing_is_recorded(sample, optlab, results):
    add_cell(sample, RECORD)
    assert optlab("--record").exit_code == 0
    before = (results / "12-sgdr.ci.json").read_bytes()
    add_cell(sample, "1 / 0")
    failed = optlab("-p", "seed", "7", "--record")
    assert failed.exit_code == 1
    assert "ZeroDivisionError" in failed.stderr
    assert (results / "12-sgdr.ci.json").read_bytes() == before


def test_a_record_that_cannot_be_read_is_found_before_the_run(optlab, results):
    results.mkdir(parents=True)
    (results / "99-sample.ci.json").write_text("{")
    refused = optlab("--record")
    assert refused.exit_code == 1
    assert "99-sample.ci.json is not the record that its name says (Expecting" in refused.stderr
    assert not os.path.exists("runs")


def test_other_parameters_are_not_recorded(optlab):
    refused = optlab("-p", "lr", "0.2", "--record")
    assert refused.exit_code == 2
    assert refused.stderr.startswith("with --record only scale, seed, device may be set, not lr:")
    assert not os.path.exists("runs")


def test_a_record_tells_parameters_that_the_notebook_must_have(optlab, sample):
    book = nbformat.read(sample, 4)
    book.cells[1].source = book.cells[1].source.replace("device:", "gpu:")
    book.cells[2].source = book.cells[2].source.replace("device=", "gpu=")
    nbformat.write(book, sample)
    refused = optlab("--record")
    assert refused.exit_code == 2
    assert refused.stderr == "--record needs a notebook with the parameters device\n"


def test_a_notebook_that_records_nothing_says_so(optlab, sample, results):
    book = nbformat.read(sample, 4)
    del book.cells[-1]  # its claim
    nbformat.write(book, sample)
    done = optlab("--record")
    assert done.exit_code == 1
    assert "nothing was recorded: this notebook has no claim and does not call" in done.stderr
    assert not results.exists()
