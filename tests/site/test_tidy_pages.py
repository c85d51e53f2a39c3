"""Nothing on a page is there twice, without a name, or for another site's sake."""

import sys
from collections import Counter
from copy import copy
from pathlib import Path

import pytest
from bs4 import BeautifulSoup

ROOT = Path(__file__).parents[2]
sys.path.insert(0, str(ROOT / "site/extensions"))
from ledger_pages import with_scripts  # noqa: E402


def test_an_id_is_on_one_element(pages):
    for name, page in pages.items():
        counts = Counter(element["id"] for element in page.select("[id]"))
        assert not [i for i, count in counts.items() if count > 1], name


def test_links_within_the_ledger_lead_to_cards(pages):
    cards = pages["book/ledger.html"].select(".ledger-entry")
    assert len(cards) == len({card["id"] for card in cards}) > 50
    slides = pages["book/ledger.html"].select("section[id^=slide-]")
    assert not {slide["id"] for slide in slides} & {card["id"] for card in cards}


def test_a_page_has_one_meta_of_each_name(pages):
    for name, page in pages.items():
        names = Counter(tag["name"] for tag in page.select("meta[name]"))
        assert names["viewport"] == 1, name
        assert max(names.values()) == 1, (name, names)


def test_no_column_heading_is_empty(pages):
    for name, page in pages.items():
        empty = [th for th in page.select("th") if not th.get_text(strip=True)]
        assert not empty, (name, empty)


def test_no_place_is_kept_for_advertisements(pages):
    for name, page in pages.items():
        assert not page.select("[id*=ethical], [data-ea-publisher]"), name


def test_a_title_does_not_say_the_same_twice(pages):
    for name, page in pages.items():
        parts = page.title.text.split(" — ")
        assert len(parts) == len(set(parts)), name
    assert pages["book/index.html"].title.text == "Deep-learning optimizers, proved and run"


def test_the_root_says_where_it_leads(site):
    page = BeautifulSoup((site / "index.html").read_text(), "html.parser")
    assert page.html["lang"] == "en"
    assert page.title.text == "Deep-learning optimizers, proved and run"
    assert page.title.text in page.find("meta", {"name": "description"})["content"]
    assert (site / page.a["href"]).is_file()
    assert page.find("meta", {"http-equiv": "Refresh"})["content"].endswith(page.a["href"])


@pytest.mark.parametrize(
    ("claim", "shown"),
    [
        (
            "<p>w_{t+1} = w_t − η g_t</p>",
            "<p>w<sub>t+1</sub> = w<sub>t</sub> − η g<sub>t</sub></p>",
        ),
        ("<b>β^t</b>", "<b>β<sup>t</sup></b>"),
        ("<p>λ_∞ &lt; 2^{-k}</p>", "<p>λ<sub>∞</sub> &lt; 2<sup>-k</sup></p>"),
        (
            '<code>a_b</code><i class="c_d">e_f</i>',
            '<code>a_b</code><i class="c_d">e<sub>f</sub></i>',
        ),
        ("<p>β₁^(3-t) x</p>", "<p>β₁<sup>3-t</sup> x</p>"),
        ("<p>cut_frac</p>", "<p>cut_frac</p>"),
    ],
)
def test_indices_of_a_claim_stand_low_or_high(claim, shown):
    assert with_scripts(claim) == shown


def test_no_claim_shows_marks_of_indices(pages):
    claims = 0
    for name, page in pages.items():
        for claim in map(copy, page.select(".optlab-claim")):
            claims += 1
            for code in claim.select("code"):
                code.clear()
            assert "^" not in claim.text, (name, claim.text)
            assert "_{" not in claim.text, (name, claim.text)
    assert claims > 50
