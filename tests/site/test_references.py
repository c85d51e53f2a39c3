"""What the list of the literature links to: identifiers by their form, and who has none."""

import re
from collections import Counter
from pathlib import Path

import pytest
from pybtex.database import parse_file

ROOT = Path(__file__).parents[2]
ENTRIES = parse_file(ROOT / "book/references.bib").entries
FORMS = {
    "doi": r"10\.\d{4,5}/[^\s{}%]+",
    "eprint": r"\d{2}(0[1-9]|1[0-2])\.\d{4,5}",
    "url": r"https://[\w.-]+/[^\s{}]+",
}
# No identifier of theirs could be verified: slides, and proceedings of before such numbers.
WITHOUT = {
    "gu2023deck",
    "hanson1988",
    "krogh1995",
    "lee2001nmf",
    "nesterov1983",
    "radford2019",
    "tieleman2012rmsprop",
    "zinkevich2003",
}


@pytest.mark.parametrize("key", ENTRIES)
def test_identifiers_have_their_form(key):
    fields = ENTRIES[key].fields
    for name, form in FORMS.items():
        if name in fields:
            assert re.fullmatch(form, fields[name]), f"{name} = {fields[name]}"
    if "eprint" in fields:
        assert fields["archiveprefix"] == "arXiv"
        # A preprint is hardly ever put there long after publication, or long before it.
        assert -4 <= 2000 + int(fields["eprint"][:2]) - int(fields["year"]) <= 1
    elsewhere = " ".join(fields.get(name, "") for name in ("note", "howpublished", "journal"))
    assert not re.search(r"arxiv|doi|https?:", elsewhere, re.I), "this is no link"


def test_no_two_entries_share_an_identifier():
    found = Counter(e.fields[n].lower() for e in ENTRIES.values() for n in FORMS if n in e.fields)
    assert [i for i, count in found.items() if count > 1] == []


def test_all_others_have_a_link(pages):
    linked = {key for key, entry in ENTRIES.items() if set(FORMS) & set(entry.fields)}
    assert set(ENTRIES) - linked == WITHOUT
    citations = pages["book/references.html"].select(".citation")
    assert len(citations) == len(ENTRIES)
    links = [[a["href"] for a in c.select("a.external[href^='https://']")] for c in citations]
    assert sum(map(bool, links)) == len(linked)
    shown = {link for found in links for link in found}
    for entry in ENTRIES.values():
        doi, eprint = (entry.fields.get(name) for name in ("doi", "eprint"))
        assert not doi or f"https://doi.org/{doi}" in shown
        assert not eprint or f"https://arxiv.org/abs/{eprint}" in shown
