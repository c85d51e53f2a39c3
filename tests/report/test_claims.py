"""claim: one line for each verdict, its data beside it; the list of statements is sound."""

import numpy as np
import pytest
import torch

from optlab.experiments import Interval
from optlab.report import claim
from optlab.report.claims import (
    MIME,
    VERDICTS,
    Criterion,
    Verdict,
    known,
    load,
    load_papers,
    overturned,
    parse,
)

ENTRY = {
    "id": "a-b",
    "slide": "Algorithm 3",
    "kind": "claim",
    "statement": "x < y & z",
    "notebook": "03-adam",
}
JUDGED = {
    **ENTRY,
    "quote": "the deck's words",
    "verdict": "false",
    "evidence": "counterexample",
    "strength": "one game",
    "fails_if": "the regret stayed below the bound",
}
MEASURED = {
    **JUDGED,
    "verdict": "reproduced",
    "evidence": "experiment",
    "criteria": {"gap": "< 0", "same": "within 0.5"},
}
NONE = {**JUDGED, "verdict": "not testable", "evidence": "none"}


@pytest.fixture
def listed(monkeypatch):
    """The list holds the given entry alone."""

    def put(entry):
        statements = parse([entry])
        monkeypatch.setattr("optlab.report.claims.statements.load", lambda: statements)
        return "a-b"

    return put


TRUE = [True, np.bool_(True), torch.tensor(True), np.array(True)]
FALSE = [False, np.bool_(False), torch.tensor(False)]


@pytest.mark.parametrize("true", TRUE)
def test_the_verdict_is_the_list_s(listed, true, capsys):
    claim(listed(JUDGED), true, evidence="201 against 175")
    assert capsys.readouterr().out == "[false] a-b: x < y & z (201 against 175)\n"


@pytest.mark.parametrize("false", FALSE)
def test_a_verdict_that_does_not_come_out_is_said_so(listed, false, capsys):
    claim(listed(JUDGED), false)
    assert capsys.readouterr().out.startswith("[not false] a-b: ")


BELOW, ABOVE = Interval(-0.3, -0.5, -0.1), Interval(0.9, 0.6, 1.2)
NEAR, OPEN = Interval(0.1, -0.2, 0.4), Interval(0.3, -0.1, 0.7)


@pytest.mark.parametrize(
    ("gap", "same", "verdict"),
    [
        ([BELOW] * 3, [NEAR] * 3, "reproduced"),
        ([BELOW, BELOW, OPEN], [NEAR] * 3, "not reproduced, but undecided here"),
        ([BELOW, BELOW, ABOVE], [NEAR] * 3, "not reproduced, but undecided here"),
        ([ABOVE] * 3, [NEAR] * 3, "not reproduced, but not reproduced here"),
        ([BELOW] * 3, [ABOVE] * 3, "not reproduced, but not reproduced here"),
        ([BELOW] * 3, [NEAR, OPEN, NEAR], "not reproduced, but undecided here"),
    ],
)
def test_estimates_decide(listed, gap, same, verdict, capsys):
    claim(listed(MEASURED), estimates={"gap": gap, "same": same})
    assert capsys.readouterr().out.startswith(f"[{verdict}] a-b: ")


def test_estimates_are_shown_with_what_was_asked_for(listed, capsys):
    claim(listed(MEASURED), evidence="digits", estimates={"gap": [BELOW] * 3, "same": [NEAR] * 3})
    assert capsys.readouterr().out.endswith(
        "(digits; gap -0.30 [-0.50, -0.10], -0.30 [-0.50, -0.10], -0.30 [-0.50, -0.10]; "
        "asked for < 0; same 0.10 [-0.20, 0.40], 0.10 [-0.20, 0.40], 0.10 [-0.20, 0.40]; "
        "asked for within 0.5)\n"
    )


def test_what_a_verdict_does_not_take(listed):
    claim(listed(NONE), evidence="a title")
    for entry, given in [
        (JUDGED, {"estimates": {"gap": [BELOW] * 3}}),
        (MEASURED, {}),
        (MEASURED, {"estimates": {"gap": [BELOW] * 3}}),
        (MEASURED, {"estimates": {"gap": [BELOW] * 2, "same": [NEAR] * 3}}),
        (NONE, {}),
        (JUDGED, {"confirmed": True}),
    ]:
        with pytest.raises(TypeError):
            claim(listed(entry), **given)
    with pytest.raises(TypeError, match="by them alone"):
        claim(listed(MEASURED), True, estimates={"gap": [BELOW] * 3, "same": [NEAR] * 3})
    with pytest.raises(TypeError, match="no condition"):
        claim(listed(NONE), True, evidence="a title")


@pytest.mark.parametrize("text", ["<0", "< x", "0", "within -1", "within 0", "> inf", 3, None])
def test_a_criterion_is_a_condition_with_a_number(text):
    with pytest.raises(ValueError, match="a criterion is '< x'"):
        Criterion.read(text)


@pytest.mark.parametrize("condition", [1, 0.5, "yes", np.array([True]), torch.ones(2) > 0])
def test_only_a_bool_is_a_condition(listed, condition):
    with pytest.raises(TypeError, match="must be a bool"):
        claim(listed(JUDGED), condition)


def test_an_unknown_id_names_those_near_it():
    with pytest.raises(KeyError, match="no claim 'adam-lin-4'; near it: adam-line-4"):
        claim("adam-lin-4", True)


def test_what_a_notebook_stores():
    verdict = Verdict(parse([JUDGED])["a-b"], "proved", "1 < 2")
    bundle = verdict._repr_mimebundle_()
    assert bundle[MIME] == {"id": "a-b", "verdict": "proved", "evidence": "1 < 2"}
    assert bundle["text/plain"] == "[proved] a-b: x < y & z (1 < 2)"
    assert "x &lt; y &amp; z <small>(1 &lt; 2)</small>" in bundle["text/html"]


@pytest.mark.parametrize(
    ("entries", "words"),
    [
        ([JUDGED, JUDGED], r"entry 2 \(a-b\): this id is taken"),
        ([{**ENTRY, "kind": "lemma"}], "kind 'lemma' is not one of definition"),
        ([{**ENTRY, "page": "3"}], "unexpected keyword argument 'page'"),
        ([{k: v for k, v in ENTRY.items() if k != "slide"}], "where it stands: a slide, or"),
        ([{**JUDGED, "paper": "B (2024)"}], "where it stands: a slide, or a paper"),
        ([{**ENTRY, "statement": " "}], "statement must be text"),
        ([{**ENTRY, "slide": 3}], "slide must be text"),
        ([{**ENTRY, "letter": "a"}], "go with an erratum"),
        ([{**ENTRY, "erratum": "e", "letter": "r"}], "letter 'r' is not one of"),
        ([{**ENTRY, "erratum": "e", "letter": "ab"}], "letter 'ab' is not one of"),
        ([{**ENTRY, "erratum": "e", "printed": "x"}], "printed and published go together"),
        ([{**ENTRY, "evidence": "proof"}], "needs fails_if, quote, strength, verdict as well"),
        ([{k: v for k, v in JUDGED.items() if k != "strength"}], "needs strength as well"),
        ([{k: v for k, v in JUDGED.items() if k != "quote"}], "needs quote as well"),
        ([{**JUDGED, "verdict": "refuted"}], "'refuted' is not one of proved"),
        ([{**JUDGED, "evidence": "experiment"}], "does not carry 'false': counterexample does"),
        ([{**JUDGED, "evidence": "hearsay"}], "does not carry"),
        ([{**JUDGED, "criteria": {"a": "< 0"}}], "criteria are for experiments"),
        ([{**MEASURED, "criteria": {}}], "needs criteria, fixed before the run"),
        ([{**MEASURED, "criteria": {"a": "smaller"}}], "a criterion is '< x'"),
        ([{**JUDGED, "verdict": "differs from its source"}], "needs source"),
        (
            [
                {
                    **JUDGED,
                    "verdict": "differs from an earlier text",
                    "evidence": "transcription",
                }
            ],
            "'differs from an earlier text' needs source",
        ),
        ([{**ENTRY, "context": "line 2"}], "context must be a list of texts"),
    ],
)
def test_a_faulty_list_is_refused(entries, words):
    with pytest.raises(ValueError, match=words):
        parse(entries)


def test_errata_are_the_deck_s():
    later = {k: v for k, v in JUDGED.items() if k != "slide"} | {"paper": "B (2024), Lemma 1"}
    assert parse([later])["a-b"].paper == "B (2024), Lemma 1"
    with pytest.raises(ValueError, match="errata are the deck's"):
        parse([{**later, "erratum": "E"}])


def test_papers_and_the_deck_share_no_id():
    assert known() == {**load(), **load_papers()}
    assert len(known()) == len(load()) + len(load_papers())
    assert all(s.slide and not s.paper for s in load().values())
    assert all(s.paper and s.source and s.quote for s in load_papers().values())


def test_the_list_of_this_book_is_sound():
    assert {"gd-update", "adam-line-4", "adam-regret-bound"} <= load().keys()
    for statement in known().values():
        assert "\n" not in statement.statement
        assert not statement.statement.endswith(".")


@pytest.mark.parametrize("verdict", VERDICTS)
def test_only_what_did_not_come_out_is_overturned(verdict):
    assert not overturned(verdict)
    assert overturned(f"not {verdict}")
    assert overturned(f"not {verdict}, but undecided here")
