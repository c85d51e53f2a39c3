"""The book as one file: links that led to another page lead to a place in it."""

import subprocess
import sys
from pathlib import Path

SITE = Path(__file__).parents[2] / "site"
sys.path.insert(0, str(SITE))
from pdf import LINKS  # noqa: E402

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


CONF = f"""import sys
sys.path.insert(0, {str(SITE / "extensions")!r})
extensions = ["myst_parser", "search_sections", "single_page", "tidy_pages"]
"""


def test_a_book_is_one_page(tmp_path):
    (tmp_path / "conf.py").write_text(CONF)
    (tmp_path / "index.md").write_text("# Book\n\n```{toctree}\n:numbered:\n\none\ntwo\n```\n")
    for name in ("one", "two"):
        (tmp_path / f"{name}.md").write_text(f"# Chapter {name}\n\n## The problem\n\nText.\n")
    command = [sys.executable, "-m", "sphinx", "-q", "-b", "singlehtml", tmp_path, tmp_path / "out"]
    subprocess.run(command, check=True)
    page = (tmp_path / "out/index.html").read_text()
    assert page.count("The problem<") == 2


SEEN = """() => {
  const shown = (selector) =>
    [...document.querySelectorAll(selector)].map((e) => e.checkVisibility());
  return {
    proofs: shown(".sd-dropdown .proof p"),
    solutions: shown(".solution section > p, .solution div > p"),
    code: shown(".cell_input pre"),
    numbers: shown(".figure-table"),
    menus: shown(".figure-menu"),
  };
}"""


def test_the_browser_s_own_printing_opens_what_is_folded(browser, address):
    tab = browser.new_page()
    tab.goto(f"{address}/notebooks/03-adam.html")
    before = tab.evaluate(SEEN)
    assert not any(before["proofs"])
    assert not any(before["numbers"])
    assert not all(before["code"])
    was = tab.evaluate("document.querySelectorAll('details[open]').length")
    tab.emulate_media(media="print")
    tab.evaluate("dispatchEvent(new Event('beforeprint'))")
    printed = tab.evaluate(SEEN)
    assert all(len(printed[part]) > 2 for part in printed), {k: len(v) for k, v in printed.items()}
    for part in ("proofs", "solutions", "code", "numbers"):
        assert all(printed[part]), part
    assert not any(printed["menus"])
    tab.evaluate("dispatchEvent(new Event('afterprint'))")
    assert tab.evaluate("document.querySelectorAll('details[open]').length") == was
    tab.close()


def test_it_is_printed_open_without_a_script(browser, address):
    context = browser.new_context(java_script_enabled=False)
    tab = context.new_page()
    tab.goto(f"{address}/notebooks/03-adam.html")
    tab.emulate_media(media="print")
    hidden = tab.evaluate(
        "[...document.querySelectorAll('.sd-dropdown .proof p, .cell_input pre, .figure-table')]"
        ".filter((e) => !e.checkVisibility({contentVisibilityAuto: true})).length"
    )
    assert hidden == 0
    context.close()


def test_an_explorer_that_was_not_loaded_is_printed_as_a_picture(browser, address, pages):
    small = [name for name, page in pages.items() if page.select(".explorer[data-small]")]
    assert len(small) >= 2
    context = browser.new_context(java_script_enabled=False)
    tab = context.new_page()
    for name in small:
        tab.goto(f"{address}/{name}")
        tab.emulate_media(media="print")
        still = tab.locator(".explorer-still svg").first
        assert still.is_visible(), name
        assert "has not run" not in tab.locator(".explorer").first.inner_text()
        assert still.bounding_box()["height"] > 150
    context.close()
