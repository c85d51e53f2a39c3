"""Statements and chapters agree: each is judged once, in its chapter, and held."""

from pathlib import Path

import pytest

from optlab.report import ledger
from optlab.report.claims import known, load, load_papers, parse

NOTEBOOKS = {path.stem: path for path in Path(__file__).parents[2].glob("notebooks/*.ipynb")}
CHAPTERS = 14
CLOSING = "15-choosing-an-optimizer"  # on no statement


def verdicts(notebook):
    """(id, verdict) of each claim whose verdict the notebook shows, in order."""
    return [(data["id"], data["verdict"]) for data in ledger.verdicts(notebook)]


def faults(found, due):
    """What is wrong with the verdicts of a chapter that owes one for each id in `due`."""
    ids = [id for id, _ in found]
    wrong = [f"{id} is judged {ids.count(id)} times" for id in due if ids.count(id) != 1]
    wrong += [f"{id} belongs to another chapter" for id in ids if id not in due]
    return wrong + [f"{id} is {verdict}" for id, verdict in found if verdict != right(id)]


def right(id):
    """The verdict that the list has."""
    return known()[id].verdict if id in known() else None


@pytest.mark.parametrize("name", sorted(NOTEBOOKS))
def test_a_chapter_judges_its_statements(name):
    due = {id for id, statement in known().items() if statement.notebook == name}
    assert due or name == CLOSING
    assert faults(verdicts(NOTEBOOKS[name]), due) == []


def test_what_is_found(executed_sample):
    found = verdicts(executed_sample)
    assert found == [("adam-line-4", "misprint")]
    assert faults(found, {"adam-line-4"}) == []
    assert faults(found, {"adam-line-4", "adam-update"}) == ["adam-update is judged 0 times"]
    assert faults(found, set()) == ["adam-line-4 belongs to another chapter"]
    assert faults(found * 2, {"adam-line-4"}) == ["adam-line-4 is judged 2 times"]
    assert faults([("a", "not proved")], {"a"}) == ["a is not proved"]
    wrong = [("adam-line-4", "not misprint")]
    assert faults(wrong, {"adam-line-4"}) == ["adam-line-4 is not misprint"]
    assert faults([("adam-line-4", "proved")], {"adam-line-4"}) == ["adam-line-4 is proved"]


def test_every_statement_has_a_chapter_and_every_chapter_statements():
    chapters = {statement.notebook for statement in load().values()}
    assert sorted(int(name[:2]) for name in chapters) == list(range(1, CHAPTERS + 1))
    later = {statement.notebook for statement in load_papers().values()}
    assert later.isdisjoint(chapters)
    assert NOTEBOOKS.keys() == chapters | later | {CLOSING}


def test_what_no_notebook_of_the_chapter_has_judged_is_not_yet(executed_sample):
    entry = {"slide": "A", "kind": "claim", "statement": "S", "notebook": "99-sample"}
    entry |= {"quote": "Q", "verdict": "misprint", "evidence": "counterexample"}
    entry |= {"strength": "one game", "fails_if": "it did not"}
    ids = ["adam-line-4", "adam-update"]
    there = parse([{**entry, "id": id} for id in ids]).values()
    elsewhere = parse([{**entry, "id": id, "notebook": "98-other"} for id in ids]).values()
    folder = executed_sample.parent

    def status(statements):
        return [(v.statement.id, v.verdict, v.evidence) for v in ledger.ledger(statements, folder)]

    judged = ("adam-line-4", "misprint", "gap 0.10")
    assert status(there) == [judged, ("adam-update", "not yet", "")]
    assert status(elsewhere) == [("adam-line-4", "not yet", ""), ("adam-update", "not yet", "")]
