"""The deck's statements and the chapters agree: each is judged once, in its chapter, and held."""

from pathlib import Path

import nbformat
import pytest

from optlab.report.claims import MIME, load

NOTEBOOKS = {path.stem: path for path in Path(__file__).parents[2].glob("notebooks/*.ipynb")}


def verdicts(book):
    """(id, verdict) of each claim whose verdict the notebook shows, in order."""
    shown = [o.get("data", {}).get(MIME) for c in book.cells for o in c.get("outputs", [])]
    return [(data["id"], data["verdict"]) for data in shown if data]


def faults(found, due):
    """What is wrong with the verdicts of a chapter that owes one for each id in `due`."""
    ids = [id for id, _ in found]
    wrong = [f"{id} is judged {ids.count(id)} times" for id in due if ids.count(id) != 1]
    wrong += [f"{id} belongs to another chapter" for id in ids if id not in due]
    return wrong + [f"{id} is {verdict}" for id, verdict in found if verdict.startswith("not ")]


@pytest.mark.parametrize("name", sorted(NOTEBOOKS))
def test_a_chapter_judges_its_statements(name):
    due = {id for id, statement in load().items() if statement.notebook == name}
    assert due
    assert faults(verdicts(nbformat.read(NOTEBOOKS[name], 4)), due) == []


def test_what_is_found(executed_sample):
    found = verdicts(nbformat.read(executed_sample, 4))
    assert found == [("adam-line-4", "refuted")]
    assert faults(found, {"adam-line-4"}) == []
    assert faults(found, {"adam-line-4", "adam-update"}) == ["adam-update is judged 0 times"]
    assert faults(found, set()) == ["adam-line-4 belongs to another chapter"]
    assert faults(found * 2, {"adam-line-4"}) == ["adam-line-4 is judged 2 times"]
    assert faults([("a", "not proved")], {"a"}) == ["a is not proved"]
