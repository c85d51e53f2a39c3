"""The page for addresses that lead nowhere: readable, and complete at any depth."""

import pytest
from reading import FITS, LOOK, violations


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_it_reads_well_and_asks_for_nothing(window, address, theme):
    page = window(360).new_page()
    asked = []
    page.on("request", lambda request: asked.append(request.url))
    page.emulate_media(color_scheme=theme)
    page.goto(f"{address}/404.html")
    assert asked == [f"{address}/404.html"]
    assert page.title() == "No such page — Deep-learning optimizers, proved and run"
    assert page.evaluate(LOOK) + page.evaluate(FITS) == []
    assert violations(page) == []
    page.get_by_text("The book begins here").click()
    page.wait_for_url(f"{address}/book/index.html")
    page.close()
