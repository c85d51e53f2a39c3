"""The book as one file: links that led to another page lead to a place in it."""

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[2] / "book"))
from pdf import LINKS

PAGE = """
<span id="document-notebooks/03-adam"></span><h1 id="adam">Adam</h1>
<p>As <span class="bibtex-citation" id="id5"><a href="book/index.html#id5">they</a></span>.
<a href="notebooks/03-adam.html">chapter</a> <a href="book/ledger.html#claim-β">claim</a>
<a href="#landscape=beale&steps=600">view</a> <a href="_sources/03-adam.ipynb">notebook</a>
<a href="https://example.org/a.html#id5">site</a> <a href="mailto:a@example.org">mail</a></p>
<p id="claim-β">A claim.</p><div class="citation" id="id5">They (2015).</div>
"""


def test_links_lead_to_places_on_the_page(browser):
    page = browser.new_page()
    page.set_content(PAGE)
    page.evaluate(LINKS)
    found = page.evaluate("[...document.links].map((a) => [a.textContent, a.getAttribute('href')])")
    assert dict(found) == {
        "they": "#id5",
        "chapter": "#document-notebooks/03-adam",
        "claim": "#claim-β",
        "site": "https://example.org/a.html#id5",
        "mail": "mailto:a@example.org",
    }
    assert page.evaluate("document.getElementById('id5').textContent") == "They (2015)."
    page.close()
