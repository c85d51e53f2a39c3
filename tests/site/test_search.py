"""What the search page shows beside a result, and what is shown as one types."""

from axe_playwright_python.sync_playwright import Axe
from reading import AXE


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
