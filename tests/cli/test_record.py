"""optlab run --record: results kept for the book, of the code's own settings alone."""

import json

import nbformat
import pytest
from click.testing import CliRunner
from nbformat.v4 import new_code_cell

from optlab.cli import main

RECORD = """\
from optlab import experiments

_ = experiments.record("12-sgdr", scale, {"lr": lr}, seed=seed, device="cpu")"""


@pytest.fixture
def optlab(sample, monkeypatch):
    monkeypatch.delenv("OPTLAB_RECORD", raising=False)
    monkeypatch.chdir(sample.parent.parent)
    return lambda *arguments: CliRunner().invoke(main, ["run", "99-sample", *arguments])


def add_cell(sample, source):
    book = nbformat.read(sample, 4)
    book.cells.append(new_code_cell(source, id="record"))
    nbformat.write(book, sample)


def test_a_run_is_recorded_when_asked_for(sample, optlab):
    add_cell(sample, RECORD)
    results = sample.parent.parent / "book" / "results"
    assert optlab("-p", "seed", "7").exit_code == 0
    assert not results.exists()
    done = optlab("-p", "seed", "7", "--record")
    assert done.exit_code == 0, done.stderr
    got = json.loads((results / "12-sgdr.ci.json").read_text())
    assert (got["results"], got["seed"]) == ({"lr": 0.1}, 7)


def test_other_parameters_are_not_recorded(optlab, sample):
    refused = optlab("-p", "lr", "0.2", "--record")
    assert refused.exit_code == 2
    assert refused.stderr.startswith("with --record only scale, seed, device may be set, not lr:")
    assert not (sample.parent.parent / "runs").exists()


def test_a_notebook_that_records_nothing_says_so(optlab):
    done = optlab("--record")
    assert done.exit_code == 1
    assert "nothing was recorded: this notebook does not call experiments.record" in done.stderr
