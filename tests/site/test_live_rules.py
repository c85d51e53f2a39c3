"""The rule that a reader edits, in Chromium: what follows from her text, and what cannot."""

import gzip
import json
from urllib.parse import urlencode

import pytest
from reading import FITS, violations

from optlab import live
from optlab.live.exercises import EXERCISES as TASKS

CHAPTERS = live.chapters()
RULES = [
    (chapter, rule["name"]) for chapter, offered in CHAPTERS.items() for rule in offered["rules"]
]
EXERCISES = {f"{task.chapter} {task.name}": task for task in TASKS}
HEAVIEST = 12_000_000  # bytes, compressed, of all that an editor loads
PATIENT = 60_000  # ms, on a machine that does much else
DONE = """() => {
  const status = document.querySelector(".live-status").textContent;
  return status && !/^(Running|Loading|The book.s own)/.test(status) && status;
}"""


@pytest.fixture(scope="module")
def made(site):
    """The folder of what the editor needs."""
    folder = site / "_static/live"
    if not (folder / "files.json").exists():
        pytest.skip("npm's packages are missing")
    return folder


@pytest.fixture(scope="module")
def shared(browser, address, made):
    """One page, with one Python, for all that does not ask for a new one."""
    context = browser.new_context(viewport={"width": 1280, "height": 900}, reduced_motion="reduce")
    page = context.new_page()
    page.asked, page.wrong = [], []
    context.on("request", lambda request: page.asked.append(request.url))
    page.on("pageerror", lambda error: page.wrong.append(str(error)))
    page.on("console", lambda m: m.type == "error" and page.wrong.append(m.text))
    page.goto(f"{address}/book/live.html")
    page.locator(".cm-content").wait_for()
    yield page
    context.close()
    assert not page.wrong
    hosts = {url.split("/a/book/")[0] for url in page.asked if url.startswith("http")}
    assert hosts == {address.removesuffix("/a/book")}


def choose(page, chapter, rule, exercise=""):
    page.get_by_label("Rule", exact=True).select_option(f"{chapter} {rule}")
    if exercise:
        page.get_by_label("Exercise", exact=True).select_option(exercise)


def write(page, text):
    page.locator(".cm-content").click()
    page.keyboard.press("Control+a")
    page.keyboard.insert_text(text)


def run(page):
    """Run the text; what the page then says."""
    page.evaluate("document.querySelector('.live-status').textContent = ''")
    page.locator(".live-run").click()
    return page.wait_for_function(DONE, timeout=PATIENT).json_value()


def source(chapter, rule):
    return next(r["source"] for r in CHAPTERS[chapter]["rules"] if r["name"] == rule)


def edited(page, chapter, rule, *changes):
    """Run the book's text with pieces replaced; what the page then says."""
    text = source(chapter, rule)
    for old, new in changes:
        assert old in text
        text = text.replace(old, new)
    choose(page, chapter, rule)
    write(page, text)
    return run(page)


def marks(page):
    return page.locator(".live-checks .live-sign").all_inner_texts()


@pytest.mark.parametrize(("chapter", "rule"), RULES)
def test_an_unedited_rule_is_the_books(shared, chapter, rule):
    expected = live.book(rule, chapter)
    choose(shared, chapter, rule)
    said = run(shared)
    assert said.startswith("The formula is the book’s.")
    assert shared.locator(".live-formula li").count() == len(expected["formula"])
    assert shared.locator(".live-changed").count() == 0
    signs = {True: "✓", False: "✗", None: "–"}
    assert marks(shared) == [signs[check["holds"]] for check in expected["checks"]]
    assert "; for the book’s rule" not in shared.locator(".live-results").inner_text()
    if expected["javascript"]:
        shared.locator(".live-ends:not(:empty)").wait_for()
        ends = shared.locator(".live-ends").inner_text()
        books, yours = ends.split("the book’s ")[1].rstrip(".").split(", yours ")
        assert books == yours, ends
    else:
        assert "There is none" in shared.locator(".live-results").inner_text()


@pytest.mark.parametrize("task", EXERCISES.values(), ids=EXERCISES)
def test_an_exercise_is_solved_by_its_answer_and_not_by_its_text(shared, task):
    choose(shared, task.chapter, task.rule, task.name)
    assert run(shared).startswith("Not yet right.")
    assert "should be" in shared.locator(".live-judged").inner_text()
    write(shared, task.solution)
    assert run(shared).startswith("Right.")


# An edit, a line of the formula that it gives, and the checks that then come out otherwise.
EDITS = {
    "maximum": (
        "03-adam adam",
        [("beta2 * s.v + (1 - beta2) * g**2", "maximum(beta2 * s.v, g**2)")],
        r"v_t = \max\left(g_t^{2}, \beta_2 v_{t-1}\right)",
        {"adam.averages", "adam.first_step", "adam.beside_root"},
    ),
    "AMSGrad": (
        "03-adam adam",
        EXERCISES["03-adam amsgrad"].answer,
        r"\hat{v}_t = \max\left(\hat{v}_{t-1}, \frac{v_t}{1 - \beta_2^{t}}\right)",
        {"adam.never_falls"},
    ),
    "inside the root": (
        "03-adam adam",
        EXERCISES["03-adam inside"].answer,
        r"\theta_t = \theta_{t-1} - \frac{\alpha \hat{m}_t}{\sqrt{\hat{v}_t + \epsilon}}",
        {"adam.beside_root"},
    ),
    "line 4 as printed": (
        "03-adam adam",
        EXERCISES["03-adam line-4"].start,
        r"v_t = \beta_2 v_{t-1} + \left(1 - \beta_2\right) \left\lVert g_t \right\rVert^{2}",
        {"adam.own_gradient"},
    ),
    "decoupled": (
        "06-weight-decay with_l2",
        EXERCISES["06-weight-decay decoupled"].answer,
        r"m_t = \beta_1 m_{t-1} + \left(1 - \beta_1\right) g_t",
        {
            "decay.heavy_l2",
            "decay.first_step_l2",
            "decay.share",
            "decay.moments",
            "decay.same_share",
        },
    ),
}


@pytest.mark.parametrize("edit", EDITS.values(), ids=EDITS)
def test_an_edit_gives_its_formula_and_the_checks_that_it_changes(shared, edit):
    place, changes, line, otherwise = edit
    edited(shared, *place.split(), *changes)
    marked = shared.locator(".live-changed")
    assert line in marked.evaluate_all("lines => lines.map(line => line.dataset.tex)")
    found = shared.locator(".live-checks li:has-text('; for the book’s rule')")
    assert set(found.evaluate_all("items => items.map(item => item.dataset.id)")) == otherwise


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (("m_hat = m", "m_hat = = m"), "Line 6: Python cannot read this line"),
        (("m_hat = m", "m_hat = n"), "Line 6: "),
        (("@rule", "import numpy\n@rule"), "Line 1: There is no module numpy here."),
        (("m_hat = m", "while True: pass\n    m_hat = m"), "Stopped after 10 seconds"),
        (("beta1**t)", "beta1**(t + 10**10**10))"), "Stopped after 10 seconds"),
    ],
    ids=["syntax", "name", "import", "endless", "power"],
)
def test_a_mistake_is_one_line_and_the_next_run_works(shared, change, said):
    told = edited(shared, "03-adam", "adam", change)
    assert told.startswith(said)
    assert "\n" not in told
    assert shared.locator(".live-results").is_hidden()
    shared.get_by_role("button", name="Reset").click()
    assert run(shared).startswith("The formula is the book’s.")


def test_what_an_editor_loads_is_light(site, made):
    listed = json.loads((made / "files.json").read_text())
    compressed = sum(file["size"] for file in listed["files"].values())
    for file in listed["files"].values():
        assert (made / file["name"]).stat().st_size == file["size"]
    others = [
        *made.glob("*.js"),
        *made.glob("*.json"),
        *made.glob("*.css"),
        *made.glob("pyodide*/*"),
    ]
    others += [*(site / "_static/explorer").iterdir()]
    compressed += sum(len(gzip.compress(path.read_bytes())) for path in others)
    compressed += sum(path.stat().st_size for path in made.glob("fonts/*"))
    assert compressed < HEAVIEST


def test_an_address_keeps_the_text_and_runs_nothing(browser, address, made):
    context = browser.new_context(permissions=["clipboard-read", "clipboard-write"])
    page = context.new_page()
    asked = []
    context.on("request", lambda request: asked.append(request.url))
    page.goto(f"{address}/book/live.html")
    choose(page, "03-adam", "adam")
    text = source("03-adam", "adam").replace("sqrt(v_hat) + eps", "sqrt(v_hat + eps)  # ε inside")
    write(page, text)
    page.get_by_role("button", name="Copy the address").click()
    page.get_by_text("is copied").wait_for()
    copied = page.evaluate("navigator.clipboard.readText()")
    asked.clear()
    stranger = context.new_page()
    stranger.goto(copied)
    stranger.get_by_text("it runs when you press Run").wait_for()
    lines = stranger.locator(".cm-line").all_inner_texts()
    assert "\n".join(lines) == text
    assert stranger.get_by_label("Rule", exact=True).input_value() == "03-adam adam"
    stranger.wait_for_timeout(500)
    assert stranger.locator(".live-results").is_hidden()
    assert not [url for url in asked if url.endswith(".bin") or "pyodide" in url]
    context.close()


@pytest.mark.parametrize(
    "nonsense", ["#chapter=99&rule=x&text=%%%", "#text=AAAA", "#chapter=toString"]
)
def test_an_address_that_makes_no_sense_is_as_good_as_none(browser, address, made, nonsense):
    page = browser.new_page()
    wrong = []
    page.on("pageerror", lambda error: wrong.append(str(error)))
    page.goto(f"{address}/book/live.html{nonsense}")
    page.locator(".cm-content").wait_for()
    assert page.locator(".cm-content").inner_text()
    assert not wrong
    page.close()


def test_in_a_chapter_by_keyboard_alone(browser, address, made):
    page = browser.new_page(viewport={"width": 1280, "height": 900})
    page.goto(f"{address}/notebooks/03-adam.html")
    assert not page.evaluate(
        "performance.getEntriesByType('resource').some(r => r.name.includes('live/live'))"
    )
    page.get_by_role("button", name="Edit this rule").focus()
    page.keyboard.press("Enter")
    page.locator(".cm-content:focus").wait_for()
    page.keyboard.press("Control+End")
    page.keyboard.insert_text("  # mine")
    page.keyboard.press("Control+z")
    assert "# mine" not in page.locator(".cm-content").inner_text()
    page.keyboard.press("Control+Home")
    page.keyboard.press("Tab")
    assert page.locator(".cm-line").first.inner_text().startswith("    @rule")
    page.keyboard.press("Control+z")
    page.keyboard.press("Control+Enter")
    page.wait_for_function(DONE, timeout=PATIENT)
    assert page.locator(".live-status").get_attribute("role") == "status"
    page.keyboard.press("Escape")
    page.keyboard.press("Tab")
    assert page.locator(".live-run:focus").count() == 1
    page.close()


@pytest.mark.parametrize("theme", ["light", "dark"])
@pytest.mark.parametrize("width", [1280, 360])
def test_it_fits_and_can_be_read(shared, width, theme):
    shared.set_viewport_size({"width": width, "height": 900})
    shared.emulate_media(color_scheme=theme)
    change = ("sqrt(v_hat) + eps", "sqrt(v_hat + eps)")
    edited(shared, "03-adam", "adam", change)
    shared.get_by_role("button", name="Compare").click()
    assert shared.evaluate(FITS) == []
    assert violations(shared) == []
    shared.get_by_role("button", name="Compare").click()
    shared.set_viewport_size({"width": 1280, "height": 900})


def test_the_text_can_ask_no_other_host(shared):
    reach = """
    from pyodide.ffi import run_sync
    from js import fetch
    try:
        run_sync(fetch("https://example.org/"))
    except Exception as error:
        raise ValueError(f"refused: {error}")
"""
    told = edited(shared, "03-adam", "adam", ("    m = beta1", f"{reach}    m = beta1"))
    assert "formula" not in told
    shared.wrong.clear()  # the browser tells of what it refused
    shared.asked[:] = [url for url in shared.asked if "example.org" not in url]


def test_a_page_opened_as_a_file_says_why_it_cannot(browser, site, made):
    page = browser.new_page()
    page.goto(f"file://{site}/book/live.html")
    page.get_by_text("comes from a server").or_(page.get_by_text("come from a server")).wait_for()
    page.close()


def test_pages_without_an_editor_have_the_strict_policy(pages, made):
    for name, page in pages.items():
        editor = bool(page.select(".live-open, .live-page"))
        policy = page.head.find("meta", {"http-equiv": "Content-Security-Policy"})["content"]
        assert ("'wasm-unsafe-eval'" in policy) == ("blob:" in policy) == editor, name
        assert bool(page.select('script[src*="live/later.js"]')) == editor, name


def test_each_chapter_that_shows_a_rule_has_its_editor(pages, made):
    for chapter, offered in CHAPTERS.items():
        links = [a["href"] for a in pages[f"notebooks/{chapter}.html"].select(".live-open a")]
        asked = [
            f"../book/live.html#{urlencode({'chapter': chapter, 'rule': r['name']})}"
            for r in offered["rules"]
        ]
        assert links == asked
