"""What the search page shows beside a result."""


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
