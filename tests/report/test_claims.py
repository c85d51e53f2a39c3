"""claim: one line for each verdict, its data beside it; the list of statements is sound."""

import numpy as np
import pytest
import torch

from optlab.report import claim
from optlab.report.claims import MIME, Verdict, load, parse

ENTRY = {
    "id": "a-b",
    "slide": "Algorithm 3",
    "kind": "claim",
    "statement": "x < y & z",
    "notebook": "03-adam",
}


@pytest.mark.parametrize("true", [True, np.bool_(True), torch.tensor(True), np.array(True)])
@pytest.mark.parametrize("verdict", ["proved", "checked", "reproduced", "refuted"])
def test_a_verdict_is_one_line(verdict, true, capsys):
    claim("adam-line-4", **{verdict: true}, evidence="gap 0.1")
    line = capsys.readouterr().out
    assert line == f"[{verdict}] adam-line-4: {load()['adam-line-4'].statement} (gap 0.1)\n"


@pytest.mark.parametrize("false", [False, np.bool_(False), torch.tensor(False)])
def test_a_condition_that_fails_is_said_so(false, capsys):
    claim("adam-line-4", proved=false)
    assert capsys.readouterr().out.startswith("[not proved] adam-line-4: ")


def test_out_of_reach_gives_the_reason(capsys):
    claim("intro-adam-dominant", out_of_reach="needs a survey")
    line = capsys.readouterr().out
    assert line.startswith("[out of reach] ")
    assert line.endswith("(needs a survey)\n")


@pytest.mark.parametrize("condition", [1, 0.5, "yes", np.array([True]), torch.ones(2) > 0])
def test_only_a_bool_is_a_condition(condition):
    with pytest.raises(TypeError, match="must be a bool"):
        claim("adam-line-4", proved=condition)


def test_exactly_one_verdict():
    with pytest.raises(TypeError, match=r"exactly one of .*; got none"):
        claim("adam-line-4")
    with pytest.raises(TypeError, match="got proved, refuted"):
        claim("adam-line-4", proved=True, refuted=False)
    with pytest.raises(TypeError, match="must say why"):
        claim("adam-line-4", out_of_reach="")


def test_an_unknown_id_names_those_near_it():
    with pytest.raises(KeyError, match="no claim 'adam-lin-4'; near it: adam-line-4"):
        claim("adam-lin-4", proved=True)


def test_what_a_notebook_stores():
    verdict = Verdict(parse([ENTRY])["a-b"], "proved", "1 < 2")
    bundle = verdict._repr_mimebundle_()
    assert bundle[MIME] == {"id": "a-b", "verdict": "proved", "evidence": "1 < 2"}
    assert bundle["text/plain"] == "[proved] a-b: x < y & z (1 < 2)"
    assert "x &lt; y &amp; z <small>(1 &lt; 2)</small>" in bundle["text/html"]


@pytest.mark.parametrize(
    ("entries", "words"),
    [
        ([ENTRY, ENTRY], r"entry 2 \(a-b\): this id is taken"),
        ([{**ENTRY, "kind": "lemma"}], "kind 'lemma' is not one of definition"),
        ([{**ENTRY, "page": "3"}], "unexpected keyword argument 'page'"),
        ([{k: v for k, v in ENTRY.items() if k != "slide"}], "missing .* 'slide'"),
        ([{**ENTRY, "statement": " "}], "statement must be text"),
        ([{**ENTRY, "slide": 3}], "slide must be text"),
        ([{**ENTRY, "letter": "a"}], "go with an erratum"),
        ([{**ENTRY, "erratum": "e", "letter": "r"}], "letter 'r' is not one of"),
        ([{**ENTRY, "erratum": "e", "letter": "ab"}], "letter 'ab' is not one of"),
        ([{**ENTRY, "erratum": "e", "printed": "x"}], "printed and published go together"),
    ],
)
def test_a_faulty_list_is_refused(entries, words):
    with pytest.raises(ValueError, match=words):
        parse(entries)


def test_the_list_of_this_book_is_sound():
    assert {"gd-update", "adam-line-4", "adam-regret-bound"} <= load().keys()
    for statement in load().values():
        assert "\n" not in statement.statement
        assert not statement.statement.endswith(".")
