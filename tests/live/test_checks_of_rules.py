"""The checks: what the book's own rules find, and what edits break."""

import pytest
from edits import EDITS

from optlab.live import book, run
from optlab.live.catalogue import CHAPTERS, entry
from optlab.live.checks import of

EVERY = [(chapter, e.name) for chapter, entries in CHAPTERS.items() for e in entries]


def edited(name, *changes):
    source = entry(name).source
    for old, new in changes:
        assert source.count(old) == 1, old
        source = source.replace(old, new)
    answer = run(source, name)
    assert answer["error"] is None
    return answer


def found(answer):
    return {check["id"]: check["holds"] for check in answer["checks"]}


def words(answer, check):
    return next(c["words"] for c in answer["checks"] if c["id"] == check)


@pytest.mark.parametrize(("chapter", "name"), EVERY)
def test_the_books_own_rules_find_what_the_book_says(chapter, name):
    checks = book(name, chapter)["checks"]
    assert len(checks) >= 3 or name == "adagrad_full_dual"
    assert {c["id"]: c["holds"] for c in checks} == {c["id"]: c["book"] for c in checks}
    assert all(c["words"].endswith((".", "4")) and c["title"] for c in checks)


def test_each_check_has_a_name_of_its_own():
    names = [c.name for _, name in EVERY for c in of(name)]
    assert len({*names}) == len({(c.name, c.title) for _, name in EVERY for c in of(name)})


@pytest.mark.parametrize("edit", EDITS)
def test_an_edit_changes_these_verdicts_and_no_others(edit):
    name, changes, others = EDITS[edit]
    answer = edited(name, *changes)
    differ = {c["id"] for c in answer["checks"] if c["holds"] is not c["book"]}
    assert differ == others, {c["id"]: c["words"] for c in answer["checks"]}


def test_every_check_can_come_out_otherwise():
    tried = {check for _, _, checks in EDITS.values() for check in checks}
    assert {check.name for _, name in EVERY for check in of(name)} == tried


def test_where_a_check_fails_it_says_on_which_numbers():
    answer = edited("adam", ("m / (1 - beta1**t)", "m"), ("v / (1 - beta2**t)", "v"))
    said = words(answer, "adam.first_step")
    assert said == "The first step is −0.1 and not −0.5 at α = 0.5, β₁ = 0.9, β₂ = 0.75, g = 0.25."
    by_hand = -0.5 * 0.1 * 0.25 / (0.25 * 0.0625) ** 0.5
    assert by_hand == pytest.approx(-0.1)


def test_a_check_that_cannot_be_asked_says_so():
    answer = edited("adam", ("m=zeros_like", "a=zeros_like"), ("s.m", "s.a"), ("m=m", "a=m"))
    assert found(answer)["adam.averages"] is None
    assert "cannot be asked of this rule. The state has no m" in words(answer, "adam.averages")
    assert found(answer)["adam.first_step"] is True
