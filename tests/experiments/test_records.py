"""Recorded runs: written when wanted, read back equal, and of the settings that the code has."""

import json
import os
import re
import time
from dataclasses import replace
from pathlib import Path

import pytest
import torch

from optlab.experiments import Interval, record, recorded, records
from optlab.experiments.records import _plain
from optlab.experiments.scales import CHAPTERS, SCALES, settings

RECORDS = sorted((Path(__file__).parents[2] / "book" / "results").glob("*.json"))
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
    monkeypatch.setattr(records, "_STARTED", time.perf_counter() - 12)
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
    assert got.versions["torch"] == torch.__version__
    assert re.fullmatch(r"[0-9a-f]{40}(-dirty)?|unknown", got.commit)
    assert re.search(r"CPU, \d+ threads", got.device)
    assert 12 <= got.seconds < 60
    assert [path.name for path in wanted.iterdir()] == ["07-adamw.small.json"]


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
    assert made(wanted, chapter, scale).outdated() == []
    assert json.loads(json.dumps(_plain(settings(chapter, scale)))) == _plain(
        settings(chapter, scale)
    )


def test_changed_settings_are_named(wanted):
    got = made(wanted)
    task = got.settings["task"] | {"batch_size": 64}
    old = replace(got, settings=got.settings | {"epochs": 19, "task": task, "gone": 1})
    epochs, gone, changed = old.outdated()
    assert epochs == "epochs: 19 recorded, 15 in the code"
    assert gone == "gone: 1 recorded, None in the code"
    assert changed.startswith("task: {")


@pytest.mark.parametrize("path", RECORDS, ids=lambda path: path.stem)
def test_the_books_records_are_of_the_settings_in_the_code(path):
    chapter, scale = path.stem.split(".")
    got = recorded(chapter, scale, path.parent)
    assert (got.chapter, got.scale) == (chapter, scale)
    assert got.outdated() == [], f"run it again: optlab run {chapter} -p scale {scale} --record"
    assert not got.commit.endswith("-dirty"), "recorded with changes that were not committed"
    assert path.stat().st_size < 200_000
