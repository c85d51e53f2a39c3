"""Recorded runs: written when wanted, read back equal, and of the settings that the code has."""

import ast
import json
import os
import re
import subprocess
import sys
import time
from dataclasses import replace
from importlib.metadata import version
from pathlib import Path

import pytest
import torch

from optlab import records
from optlab.experiments import Interval, record, recorded, scales
from optlab.experiments.scales import CHAPTERS, SCALES, settings
from optlab.records import plain
from optlab.running.recording import settings_in_the_code

ROOT = Path(__file__).parents[2]
RECORDS = sorted((ROOT / "book" / "results").glob("*.json"))
RESULTS = {
    "errors": torch.tensor([[0.123456789, float("nan")]], dtype=torch.float64),
    "best": Interval(1.0, 0.5, 1.5),
    "name": "cosine",
    "cells": [(1, 2.0), None],
    "yes": True,
}


@pytest.fixture
def wanted(tmp_path, monkeypatch):
    monkeypatch.setenv("OPTLAB_RECORD", str(tmp_path / "results"))
    monkeypatch.setitem(scales._begun, "07-adamw", time.perf_counter() - 12)
    return tmp_path / "results"


def made(folder, chapter="07-adamw", scale="small"):
    path = record(chapter, scale, RESULTS, seed=3, device="cpu")
    assert path == folder / f"{chapter}.{scale}.json"
    return recorded(chapter, scale, folder)


def test_nothing_is_written_unless_it_is_wanted(tmp_path, monkeypatch):
    monkeypatch.delenv("OPTLAB_RECORD", raising=False)
    monkeypatch.chdir(tmp_path)
    assert record("07-adamw", "ci", RESULTS, seed=0, device="cpu") is None
    assert list(tmp_path.iterdir()) == []


def test_the_seconds_of_a_chapter_begin_when_it_asks_for_its_settings(wanted, monkeypatch):
    clock = iter([100.0, 104.0, 107.0, 200.0, 203.0, 300.0])
    monkeypatch.setattr(scales, "perf_counter", lambda: next(clock))
    monkeypatch.delitem(scales._begun, "07-adamw")
    settings("07-adamw", "ci")
    settings("07-adamw", "small")
    assert scales.seconds("07-adamw") == 7
    settings("07-adamw", "small")  # the notebook is run again in the same process
    assert scales.seconds("07-adamw") == 3
    assert scales.seconds("08-adamwr") == 0


def test_no_clock_starts_at_import():
    """What takes time is timed from where it begins, not from when a module was loaded."""
    clocks = {"time", "perf_counter", "monotonic", "process_time", "now", "today", "time_ns"}
    for path in (ROOT / "optlab").rglob("*.py"):
        for statement in ast.parse(path.read_text(encoding="utf-8")).body:
            if isinstance(statement, ast.FunctionDef | ast.ClassDef | ast.AsyncFunctionDef):
                continue
            for node in ast.walk(statement):
                if isinstance(node, ast.Call):
                    f = node.func
                    name = f.attr if isinstance(f, ast.Attribute) else getattr(f, "id", "")
                    assert name not in clocks, f"{path.relative_to(ROOT)}:{node.lineno}"


def test_a_record_is_read_back(wanted):
    got = made(wanted)
    assert got.results == {
        "errors": [[0.123457, None]],
        "best": {"mean": 1.0, "low": 0.5, "high": 1.5},
        "name": "cosine",
        "cells": [[1, 2.0], None],
        "yes": True,
    }
    assert (got.chapter, got.scale, got.seed) == ("07-adamw", "small", 3)
    assert got.versions["torch"] == version("torch")
    assert re.fullmatch(r"[0-9a-f]{40}(-dirty)?|unknown", got.commit)
    assert re.search(r", \d+ cores, \d+ threads?$", got.device)
    assert re.fullmatch(r"\d{4}-\d\d-\d\d", got.date)
    assert 12 <= got.seconds < 60
    assert [path.name for path in wanted.iterdir()] == ["07-adamw.small.json"]


def test_of_a_record_replaced_the_last_of_each_version_is_kept(wanted):
    def by(version, seconds, **more):
        numbers = old.versions | {"optlab": version}
        return records.read(
            records.keep(replace(old, versions=numbers, seconds=seconds, **more), wanted)
        )

    old = made(wanted)
    judged = [{"id": "adam-line-4", "verdict": "misprint", "evidence": "gap 0.1"}]
    assert by("0.1.0", 10.0).earlier == []
    assert by("0.1.0", 20.0, verdicts=judged).earlier == []
    [first] = by("0.2.0", 30.0).earlier
    assert (first["versions"]["optlab"], first["seconds"]) == ("0.1.0", 20)
    assert first["verdicts"] == judged
    assert first["commit"] == old.commit
    assert "results" not in first
    assert by("0.2.0", 40.0).earlier == [first]
    second, *rest = by("0.3.0", 50.0).earlier
    assert (second["seconds"], rest) == (40, [first])


def test_a_record_of_before_there_were_verdicts_is_read(wanted):
    made(wanted)
    path = wanted / "07-adamw.small.json"
    content = json.loads(path.read_text())
    for name in ("date", "verdicts", "earlier"):
        del content[name]
    path.write_text(json.dumps(content))
    got = records.read(path)
    assert (got.date, got.verdicts, got.earlier, got.seed) == ("", [], [], 3)


@pytest.mark.parametrize(
    ("change", "why"),
    [
        (lambda text: text[:1], "(Expecting property name"),
        (lambda text: "[1]", "argument after ** must be a mapping"),
        (
            lambda text: text.replace('"seed"', '"sead"'),
            "got an unexpected keyword argument 'sead'",
        ),
        (lambda text: text.replace("07-adamw", "08-adamwr"), "(it is one of 08-adamwr at small)"),
    ],
)
def test_a_file_that_is_no_record_is_named_in_one_line(wanted, change, why):
    made(wanted)
    path = wanted / "07-adamw.small.json"
    path.write_text(change(path.read_text()))
    with pytest.raises(ValueError, match="is not the record that its name says") as caught:
        recorded("07-adamw", "small", wanted)
    line = str(caught.value)
    assert line.startswith(str(path))
    assert why in line
    assert "\n" not in line
    assert "optlab run CHAPTER -p scale SCALE --record" in line


def test_no_record_is_none(tmp_path):
    assert recorded("07-adamw", "small", tmp_path) is None


def test_records_are_found_beside_and_above(wanted, tmp_path, monkeypatch):
    made(wanted)
    place = tmp_path / "there" / "book" / "results"
    place.parent.mkdir(parents=True)
    os.rename(wanted, place)
    notebooks = tmp_path / "there" / "notebooks"
    notebooks.mkdir()
    for folder in (place.parents[1], notebooks):
        monkeypatch.chdir(folder)
        assert recorded("07-adamw", "small").seed == 3


@pytest.mark.parametrize("chapter", CHAPTERS)
@pytest.mark.parametrize("scale", SCALES)
def test_settings_survive_json(wanted, chapter, scale):
    assert made(wanted, chapter, scale).outdated(settings(chapter, scale)) == []
    assert json.loads(json.dumps(plain(settings(chapter, scale)))) == plain(
        settings(chapter, scale)
    )


def test_changed_settings_are_named(wanted):
    got = made(wanted)
    task = got.settings["task"] | {"batch_size": 64}
    old = replace(got, settings=got.settings | {"epochs": 19, "task": task, "gone": 1})
    epochs, gone, changed = old.outdated(settings(old.chapter, old.scale))
    assert epochs == "epochs: 19 recorded, 15 in the code"
    assert gone == "gone: 1 recorded, None in the code"
    assert changed.startswith("task: {")


@pytest.mark.parametrize("path", RECORDS, ids=lambda path: path.stem)
def test_the_books_records_are_of_the_settings_in_the_code(path):
    chapter, scale = path.stem.split(".")
    got = records.read(path)
    changed = got.outdated(settings_in_the_code(chapter, scale, ROOT / "notebooks"))
    assert changed == [], f"run it again: optlab run {chapter} -p scale {scale} --record"
    assert not got.commit.endswith("-dirty"), "recorded with changes that were not committed"
    assert path.stat().st_size < 200_000


def test_records_are_read_and_kept_without_torch(tmp_path):
    code = (
        "import sys; from pathlib import Path; from optlab import records; "
        "from optlab.running import recording; "
        f"made = records.read(Path({str(RECORDS[0])!r})); "
        f"again = records.read(records.keep(made, Path({str(tmp_path)!r}))); "
        "assert again.results == made.results; "
        "assert not {'torch', 'numpy'} & set(sys.modules)"
    )
    subprocess.run([sys.executable, "-c", code], check=True)
