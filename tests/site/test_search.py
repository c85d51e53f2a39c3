"""What the search page shows beside a result, and what is shown as one types."""

import json
from pathlib import Path

import pytest
import yaml
from axe_playwright_python.sync_playwright import Axe
from reading import AXE

SEARCHES = yaml.safe_load(Path(__file__).with_name("searches.yml").read_text("utf-8"))
# [page, anchor, title], the best first.
RANK = """(query) => Search._performSearch(...Search._parseQuery(query)).reverse()
    .map(([page, title, anchor]) => [page, anchor.slice(1), title])"""
# A browser that is told to keep nothing of a site: to name the store throws.
BLOCKED = """for (const name of ["localStorage", "sessionStorage"]) {
  Object.defineProperty(window, name, {
    get() { throw new DOMException("blocked", "SecurityError"); }, configurable: true,
  });
}"""


@pytest.fixture(scope="module")
def search(window, address):
    """A function of a query: its results."""
    page = window(1280).new_page()
    page.goto(f"{address}/search.html?q=adam")
    page.locator("#search-results li").first.wait_for()
    yield lambda query: page.evaluate(RANK, query)
    page.close()


def is_right(result, pages):
    name = result[0].rpartition("/")[2]
    return name in pages or (pages == ["chapter"] and result[0].startswith("notebooks/"))


def test_readers_find_what_they_search_for(search):
    first, third = [], []
    for query, pages, anchors in SEARCHES:
        best = search(query)[:3]
        if not best or not is_right(best[0], pages):
            first.append((query, best))
        right = [r for r in best if is_right(r, pages) and (not anchors or r[1] in anchors)]
        if not right:
            third.append((query, best))
    assert len(SEARCHES) >= 31
    assert len(first) <= len(SEARCHES) * 3 // 31, first
    assert len(third) <= len(SEARCHES) * 6 // 31, third


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("β₂", "beta2"),
        ("warm-up", "warmup"),
        ("Warm up", "warmup"),
        ("how do I install it?", "install"),
        ("what is the trust ratio", "trust ratio"),
        ("L₂ regularization", "l2 regularization"),
        ("RMS-Prop", "rmsprop"),
    ],
)
def test_ways_of_saying_the_same(search, one, other):
    assert search(one)
    assert search(one) == search(other)


def test_half_a_word_and_a_word_that_is_not_wanted(search):
    assert search("adafac")[0][0] == "notebooks/04-adafactor"
    assert search("xyzzy") == []
    assert search("") == []
    top = ["notebooks/12-sgdr", ""]  # its title has the word
    assert top in [result[:2] for result in search("restarts")]
    without = [result[:2] for result in search("restarts -cosine")]
    assert without
    assert top not in without


def test_code_is_not_in_the_index_and_the_index_is_not_in_a_page(site, pages):
    index = json.loads((site / "searchindex.js").read_text()[len("Search.setIndex(") : -1])
    assert not {"def", "elif", "ndarray", "lambdas"} & set(index["words"])
    assert "beta2" in index["words"]
    for name, page in pages.items():
        loads = [s["src"] for s in page.select("script[src]") if "searchindex" in s["src"]]
        assert bool(loads) == (name == "search.html"), name


def test_arrow_keys_and_storage_that_is_blocked(window, address):
    page = window(1280).new_page()
    wrong = []
    page.on("pageerror", lambda error: wrong.append(str(error)))
    page.add_init_script(BLOCKED)
    page.emulate_media(color_scheme="dark")
    page.goto(f"{address}/notebooks/03-adam.html")
    assert page.evaluate("document.documentElement.dataset.theme") == "dark"
    page.keyboard.press("Control+k")
    page.keyboard.type("bias correction")
    page.locator("#search-results li a").nth(2).wait_for()
    page.keyboard.press("ArrowDown")
    page.keyboard.press("ArrowDown")
    page.keyboard.press("ArrowUp")
    at = "document.activeElement === document.querySelector('#search-results li a')"
    assert page.evaluate(at)
    page.keyboard.press("Enter")
    page.wait_for_url("**/03-adam.html#bias-correction")
    assert wrong == []
    page.close()


def test_excerpts_are_of_the_article(window, address):
    page = window(360).new_page()
    page.goto(f"{address}/search.html?q=AdamW")
    page.locator("#search-results p.context").nth(5).wait_for()
    page.get_by_text("Search finished").wait_for()
    excerpts = page.locator("#search-results p.context").all_inner_texts()
    page.close()
    assert len(excerpts) > 5
    for text in excerpts:
        assert ".pdf" not in text, text
        assert "\\" not in text, text
        assert len(text) > 60, text


def test_results_read_well_as_one_types_in_both_themes(window, address):
    page = window(360).new_page()
    page.goto(f"{address}/book/index.html")
    page.get_by_role("button", name="Search", exact=True).click()
    page.keyboard.type("adamw")
    page.locator("#pst-search-dialog p.context").nth(3).wait_for()
    for theme in ("light", "dark"):
        page.evaluate(f"document.documentElement.dataset.theme = '{theme}'")
        page.wait_for_timeout(300)
        found = Axe().run(page, context="#pst-search-dialog", options=AXE).response["violations"]
        assert [v["id"] for v in found if v["impact"] in ("serious", "critical")] == []
    page.close()
