"""While a page comes, on a phone, nothing that is drawn moves: neither by scripts, nor by fonts."""

from functools import partial

import pytest
from reading import ALONE, NAMES, OTHERS, PHONE, others

LARGEST_SHIFT = 0.05  # in the measure of Cumulative Layout Shift; from 0.1 on it is called poor
WATCH = """
const shifts = [];
const observer = new PerformanceObserver((list) => shifts.push(...list.getEntries()));
observer.observe({ type: "layout-shift", buffered: true });
window.whatMoved = () => {
  shifts.push(...observer.takeRecords());
  const name = (node) => `${node?.nodeName} ${(node?.textContent ?? "").trim().slice(0, 40)}`;
  return shifts.map((shift) => [shift.value, ...shift.sources.map((s) => name(s.node))]);
};
"""
# Asked in each frame, since a page's policy lets nothing else be waited for.
UNTIL = """new Promise((done) => {
  const look = () => (%s) ? done() : requestAnimationFrame(look);
  look();
})"""
DRAWN = UNTIL % "performance.getEntriesByName('first-contentful-paint').length > 0"
# What is put on the page at its opening, not when a reader comes near.
COMPLETE = UNTIL % "!document.querySelector('.explorer:not([data-small], .explorer-ready)')"
TWO_FRAMES = """new Promise((done) =>
  requestAnimationFrame(() => requestAnimationFrame(() => setTimeout(done))))"""


def movement(browser, address, fonts="**/*.woff2", keep=lambda page: None):
    """What moves until the page is complete, [how much, what…] each, though fonts come only when
    text has been drawn; and the fonts that it asks for. keep: called when its text has come."""
    context = browser.new_context(viewport={"width": PHONE, "height": 844}, is_mobile=True)
    page = context.new_page()
    page.add_init_script(WATCH)
    asked, held = [], []

    def hold(route):
        asked.append(route.request.url)
        if held is None:
            route.continue_()
        else:
            held.append(route)

    page.route(fonts, hold)
    page.goto(address, wait_until="commit")
    page.evaluate(DRAWN)
    late, held = held, None
    for route in late:
        route.continue_()
    page.wait_for_load_state("domcontentloaded")
    keep(page)
    page.wait_for_load_state("load")
    page.evaluate(COMPLETE)
    page.evaluate("document.fonts.ready")
    page.evaluate(TWO_FRAMES)
    moved = page.evaluate("whatMoved()")
    context.close()
    return moved, asked


@pytest.mark.parametrize("name", [*NAMES, ALONE, OTHERS])
def test_nothing_moves_on_a_phone(name, browser, address, site, visits):
    for path in others(site) if name == OTHERS else [name]:
        keep = partial(visits.keep, name=path, width=PHONE)
        moved, fonts = movement(browser, f"{address}/{path}", keep=keep)
        assert sum(value for value, *_ in moved) <= LARGEST_SHIFT, (path, moved)
        assert any("/formulas/" in font for font in fonts) or not path.startswith("notebooks/")


PUSHED = """<style>hr { height: 300px }</style><p class="explorer">A text.</p><script>
requestAnimationFrame(() => setTimeout(() => {
  document.body.prepend(document.createElement("hr"));
  document.querySelector("p").classList.add("explorer-ready");
}, 200));
</script>"""


def test_what_moves_is_seen(browser, tmp_path):
    page = tmp_path / "page.html"
    page.write_text(PUSHED)
    moved, _ = movement(browser, page.as_uri())
    assert sum(value for value, *_ in moved) > 0
    assert "P A text." in str(moved)
