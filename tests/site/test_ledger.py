"""The ledger and the errata say what the chapters' pages say, and lead to the place."""

import re
from pathlib import Path

import pytest

from optlab.report.claims import LETTERS, known, load
from optlab.report.ledger import NOT_YET, verdicts

STATEMENTS = known()  # the deck's, and then those of papers
ROOT = Path(__file__).parents[2]


@pytest.fixture(scope="module")
def page(pages):
    """Parsed pages by their path in the site."""
    return pages.__getitem__


def plain(text):
    """The characters that matter: no marks of indices, no quotes, which the page sets anew."""
    return re.sub(r"""[_^{}\s'"‘’“”]""", "", text)


def test_each_statement_is_there_once_in_its_order(page):
    cards = page("book/ledger.html").select(".ledger-entry")
    assert [card["id"] for card in cards] == list(STATEMENTS)
    for card in cards:
        statement = STATEMENTS[card["id"]]
        assert plain(card.select_one(".ledger-statement").text) == plain(statement.statement)
        heading = card.find_parent("section").find(["h2", "h3"])
        assert heading.text.startswith((statement.slide or statement.paper).split(", ")[0])
        assert heading.name == ("h3" if statement.paper else "h2")


def test_their_own_words_stand_beside_ours(page):
    for name, prefix in (("ledger", ""), ("errata", "erratum-")):
        assert "machine transcription" in page(f"book/{name}.html").select_one("article").text
        for card in page(f"book/{name}.html").select(".ledger-entry"):
            statement = STATEMENTS[card["id"].removeprefix(prefix)]
            quoted = card.select_one(".ledger-quote")
            assert plain(quoted.text if quoted else "") == plain(statement.quote)


def test_what_a_verdict_rests_on_is_said(page):
    for card in page("book/ledger.html").select(".ledger-entry"):
        statement, basis = STATEMENTS[card["id"]], card.select_one(".ledger-basis")
        assert (basis is not None) == bool(statement.verdict or statement.glyph)
        said = plain(basis.text) if basis else ""
        for words in (statement.evidence, statement.strength, statement.fails_if, statement.glyph):
            assert plain(words).removesuffix(".") in said
        for name, criterion in statement.criteria.items():
            assert plain(f"{name} {criterion.text}") in said


def found_under(dd):
    return dd.find_previous("dt").text.startswith("Found")


def words(text):
    """Letters and digits alone: a line of the ledger has other brackets than a list."""
    return "".join(c for c in text if c.isalnum())


def test_verdict_and_evidence_are_those_of_the_cell_that_it_links(page):
    judged = set()
    for card in page("book/ledger.html").select(".ledger-entry"):
        verdict = card.select_one(".verdict").text
        link = card.select_one(".ledger-head a")
        if link is None:
            assert verdict == NOT_YET
            continue
        name, anchor = link["href"].removeprefix("../").split("#")
        assert name == f"notebooks/{STATEMENTS[card['id']].notebook}.html"
        claim = page(name).find(id=anchor)
        assert claim.select("dd a code")[-1].text == card["id"]
        assert plain(claim.find("strong").text) == plain(verdict)
        evidence = card.select_one(".ledger-evidence")
        found = [dd.text for dd in claim.select("dd") if found_under(dd)]
        assert words(evidence.text if evidence else "") == words(" ".join(found))
        assert claim.find("a")["href"] == f"../book/ledger.html#{card['id']}"
        judged.add(card["id"])
    in_notebooks = [
        data["id"] for path in ROOT.glob("notebooks/*.ipynb") for data in verdicts(path)
    ]
    assert sorted(judged) == sorted(in_notebooks)


def test_the_counts_are_those_of_the_cards(page):
    ledger = page("book/ledger.html")
    counts = dict(item.text.rsplit(" ", 1) for item in ledger.select(".ledger-counts p"))
    cards = [card for card in ledger.select(".ledger-entry") if card["id"] in load()]
    shown = [card.select_one(".verdict").text for card in cards]
    assert counts == {verdict: str(shown.count(verdict)) for verdict in set(shown)}
    text = plain(ledger.select_one("section").text)
    assert plain(f"{len(load())} statements:") in text
    errata = [card for card in cards if card.select_one(".ledger-erratum")]
    assert plain(f"{len(errata)} of them are printed wrongly") in text


def test_each_erratum_stands_under_its_letter_with_both_formulas(page):
    errata = page("book/errata.html")
    expected = [s for s in STATEMENTS.values() if s.erratum]
    assert {section["id"] for section in errata.select("section section")} == {
        *(f"erratum-{letter}" for letter in LETTERS),
        "erratum-others",
    }
    for statement in expected:
        card = errata.find(id=f"erratum-{statement.id}")
        assert card.find_parent("section")["id"] == f"erratum-{statement.letter or 'others'}"
        assert plain(statement.erratum) in plain(card.text)
        formulas = [plain(math.text) for math in card.select("div.math")]
        forms = [statement.printed, statement.published] if statement.printed else []
        assert len(formulas) == len(forms)
        assert all(plain(form) in shown for form, shown in zip(forms, formulas, strict=True))
        if statement.check:
            assert plain(statement.check) in plain(card.find_parent("section").text)
    assert len(errata.select(".ledger-entry")) == len(expected)
