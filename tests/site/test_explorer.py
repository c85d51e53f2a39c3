"""The explorer, worked as a reader would: by keyboard, by mouse, and by its address."""

import re
import sys
from math import inf
from pathlib import Path
from statistics import median

import numpy as np
import pytest
from axe_playwright_python.sync_playwright import Axe
from reading import AXE

from optlab.explorer.landscapes import LANDSCAPES
from optlab.explorer.still import _path

sys.path.append(str(Path(__file__).parents[2] / "site/extensions"))

import explorer_pages

PAGE = "book/explorer.html"
HOME = "book/index.html"
# A picture's bytes, the path of the focused optimizer, and what a screen reader is told.
PATHS = "document.querySelectorAll('.explorer-map canvas')[1].toDataURL()"
ENDS = ".explorer-ends"


@pytest.fixture
def explorer(window, address):
    """A function of settings: the explorer's page, opened on these, without complaints."""
    opened, wrong = [], []

    def open_(settings="", width=1280):
        page = window(width).new_page()
        page.on("pageerror", lambda error: wrong.append(str(error)))
        page.on("console", lambda message: message.type == "error" and wrong.append(message.text))
        page.goto(f"{address}/{PAGE}{settings}")
        page.locator(f"{ENDS} li, {ENDS} p").first.wait_for()
        opened.append(page)
        return page

    yield open_
    for page in opened:
        page.close()
    assert not wrong


def ends(page):
    page.wait_for_timeout(450)  # a summary follows when the reader has paused
    return page.locator(ENDS).inner_text()


def press(page, *keys):
    for key in keys:
        page.keyboard.press(key)


def fragment(page):
    return page.evaluate("location.hash.slice(1)")


def test_an_optimizer_is_chosen_and_set_by_keyboard_and_the_address_keeps_it(explorer):
    page = explorer()
    assert "AMSGrad" not in ends(page)
    page.get_by_role("checkbox", name="AMSGrad").focus()
    press(page, "Space")
    assert "AMSGrad at" in (chosen := ends(page))
    assert page.get_by_label("Settings of").input_value() == "amsgrad"

    before = page.evaluate(PATHS)
    page.get_by_label("Learning rate").focus()
    press(page, *["ArrowRight"] * 4)
    assert page.get_by_label("Learning rate").get_attribute("aria-valuetext") == "0.16"
    assert ends(page) != chosen
    assert page.evaluate(PATHS) != before
    opening = explorer_pages.OPENING.split("&")
    changed = {"shown=gd,momentum,adam,amsgrad", "amsgrad.lr=0.16"}
    usual = {"shown=gd,momentum,adam", "steps=100", "focus=gd"}
    assert set(fragment(page).split("&")) == changed | (set(opening) - usual)

    page.get_by_label("Landscape", exact=True).select_option("saddle")  # as arrow keys on it do
    assert page.evaluate("document.activeElement.tagName") == "SELECT"
    assert "Saddle, after 100 steps" in ends(page)
    assert fragment(page) == "landscape=saddle"


VIEW = (
    "#landscape=rosenbrock&start=0.5,1.5&steps=50&step=20&shown=adam,lamb,sophia&focus=lamb"
    "&schedule=cosine&schedule.cosine=0.1&adam.beta1=0.5&lamb.lr=0.2&sophia.k=5"
)


def test_an_address_brings_back_the_view(explorer):
    page = explorer(VIEW)
    assert "Rosenbrock's valley, after 50 steps" in (told := ends(page))
    assert re.findall(r"^(Adam|LAMB|Sophia) at", told, re.M) == ["Adam", "LAMB", "Sophia"]
    assert page.get_by_label("Schedule", exact=True).input_value() == "cosine"
    assert page.get_by_label("End, as a fraction").get_attribute("aria-valuetext") == "0.1"
    assert page.get_by_label("Settings of").input_value() == "lamb"
    assert page.get_by_label("Learning rate").get_attribute("aria-valuetext") == "0.2"
    assert page.get_by_label("Start x").input_value() == "0.5"
    assert "After 20 steps" in page.locator("table caption").inner_text()
    picture = page.evaluate(PATHS)
    page.get_by_label("Step", exact=True).focus()
    press(page, "ArrowRight", "ArrowLeft")
    ends(page)
    assert sorted(fragment(page).split("&")) == sorted(VIEW.removeprefix("#").split("&"))
    again = explorer(f"#{fragment(page)}")
    assert ends(again) == told
    assert again.evaluate(PATHS) == picture


@pytest.mark.parametrize(
    "nonsense",
    [
        "#landscape=moon&start=a,b&steps=-5&shown=adam,sgdx&adam.lr=lots&adam.beta1=7&schedule=x",
        "#steps=1e99&start=1&step=nan&schedule.cosine=-1&seed=&focus=constructor&shown=gd",
        "#landscape=toString&shown=&focus=hasOwnProperty&schedule=valueOf",
        "#%E0%A4%A",
    ],
)
def test_an_address_that_makes_no_sense_is_as_good_as_none(explorer, nonsense):
    page = explorer(nonsense)
    assert "Ill-conditioned quadratic, after" in ends(page) or "No optimizer" in ends(page)
    for slider in page.locator("input[type=range]").all():
        assert "undefined" not in slider.get_attribute("aria-valuetext")


def test_links_of_the_page_change_the_view_and_lead_back_to_it(explorer):
    page = explorer()
    links = page.locator("main li a[href*='landscape=']").all()
    assert len(links) >= 5
    for link in links:
        link.click()
        settings = link.get_attribute("href")
        told = ends(page)
        assert page.locator(".explorer-map").evaluate("m => m.getBoundingClientRect().top") >= 0
        kept = fragment(page).split("&")
        assert set(kept) <= set(settings.removeprefix("#").split("&")), "a setting that is usual"
        assert "undefined" not in told


def test_a_link_to_a_section_of_the_page_changes_no_setting(explorer):
    page = explorer("#landscape=beale")
    told = ends(page)
    page.get_by_role("link", name="listed with their explanations").click()
    assert ends(page) == told
    heading = page.get_by_role("heading", name="Views to begin with")
    assert 0 <= heading.evaluate("h => h.getBoundingClientRect().top") < 200


def test_the_legend_keeps_its_samples_when_the_controls_are_made_anew(explorer):
    page = explorer()
    samples = "[...document.querySelectorAll('.explorer-sample')].map(c => c.toDataURL())"
    drawn = page.evaluate(samples)
    page.get_by_label("Schedule", exact=True).select_option("cosine")
    ends(page)
    assert page.evaluate(samples) == drawn
    page.get_by_role("button", name="Back to the first settings").click()
    ends(page)
    assert page.evaluate(samples) == drawn


def test_the_start_is_moved_by_keys_and_by_dragging(explorer):
    page = explorer()
    told = ends(page)
    handle = page.locator(".explorer-start")
    handle.focus()
    press(page, "ArrowRight", "ArrowUp", "Shift+ArrowDown")
    assert (moved := ends(page)) != told  # which waits; the label follows in the next frame
    assert handle.get_attribute("aria-label").startswith("Start point, x −1.856, y 0.803.")
    assert "start=-1.856,0.803" in fragment(page)

    handle.scroll_into_view_if_needed()
    box = handle.bounding_box()
    x, y = box["x"] + box["width"] / 2, box["y"] + box["height"] / 2
    page.mouse.move(x, y)
    page.mouse.down()
    page.mouse.move(x + 60, y + 20, steps=5)
    page.mouse.up()
    assert ends(page) != moved
    now = handle.bounding_box()
    assert now["x"] == pytest.approx(box["x"] + 60, abs=1)
    assert now["y"] == pytest.approx(box["y"] + 20, abs=1)

    page.get_by_label("Start x").fill("99")
    press(page, "Enter")
    assert page.get_by_label("Start x").input_value() == "2.2"  # the edge of the picture


def test_a_touch_that_scrolls_the_page_leaves_the_slider_where_it_was(browser, address):
    context = browser.new_context(
        viewport={"width": 390, "height": 844}, is_mobile=True, has_touch=True
    )
    page = context.new_page()
    page.goto(f"{address}/{PAGE}#gd.lr=0.0123&focus=gd")
    told = ends(page)
    slider = page.get_by_label("Learning rate")
    touch = context.new_cdp_session(page)

    def swipe(dx, dy):
        slider.evaluate("it => it.scrollIntoView({block: 'center', behavior: 'instant'})")
        page.wait_for_timeout(300)
        box = slider.bounding_box()
        x, y = box["x"] + 0.9 * box["width"], box["y"] + box["height"] / 2
        for i in range(11):
            points = [{"x": x + i * dx / 10, "y": y + i * dy / 10}]
            kind = "touchMove" if i else "touchStart"
            touch.send("Input.dispatchTouchEvent", {"type": kind, "touchPoints": points})
            page.wait_for_timeout(16)
        touch.send("Input.dispatchTouchEvent", {"type": "touchEnd", "touchPoints": []})

    before = page.evaluate("scrollY")
    swipe(0, -200)
    assert ends(page) == told
    assert page.evaluate("scrollY") > before + 50
    assert "gd.lr=0.0123" in fragment(page)
    swipe(-60, 0)
    assert ends(page) != told
    context.close()


def test_a_step_is_shown_in_pictures_and_in_numbers(explorer):
    page = explorer("#landscape=quadratic&shown=gd&focus=gd")
    rows = page.locator(".explorer-table tr")
    page.get_by_label("Step", exact=True).focus()
    before = page.evaluate(PATHS)
    press(page, "Home", "ArrowRight")
    page.wait_for_timeout(50)
    assert page.evaluate(PATHS) != before
    # The first step from (-1.9, 1.1) on (x² + 20 y²)/2 at rate 0.08.
    assert [row.split() for row in rows.all_inner_texts()[1:]] == [
        ["position", "−1.75", "−0.66"],
        ["gradient", "−1.9", "22"],
        ["step", "0.152", "−1.76"],
    ]
    ends(page)
    assert "step=1" in fragment(page).split("&")


def test_what_diverges_is_said_to(explorer):
    page = explorer("#landscape=rosenbrock&shown=gd&gd.lr=0.1")
    assert re.search(r"Gradient descent diverges, beyond the picture at step \d+", ends(page))


def test_the_step_that_runs_is_the_rule(explorer):
    page = explorer("#shown=lars&focus=lars")
    page.locator("summary", has_text="The step that runs here").click()
    code = page.locator(".explorer-code pre").inner_text()
    assert "You, Gitman and Ginsburg (2017), Algorithm 1" in code
    assert "norm(g)" in code


def test_a_redraw_is_fast_enough_for_60_frames_a_second(explorer):
    page = explorer()
    page.locator(".explorer-start").focus()
    press(page, "ArrowRight")
    # Time of the processor, since other tests run beside this one.
    session = page.context.new_cdp_session(page)
    session.send("Performance.enable", {"timeDomain": "threadTicks"})

    def spent():
        metrics = session.send("Performance.getMetrics")["metrics"]
        return 1000 * next(m["value"] for m in metrics if m["name"] == "ScriptDuration")

    times = []
    for _ in range(40):
        before = spent()
        press(page, "ArrowRight")
        page.evaluate("new Promise(requestAnimationFrame)")
        times.append(spent() - before)
    assert 0.2 < median(times) < 8


def test_decay_and_penalty_rest_at_different_places(explorer):
    """As chapter 6 has it: near the minimum of the loss, (3, ½), and at that of the penalized."""
    begin = "#landscape=beale&shown=adam,adamw,adam-l2&adam.lr=0.05&adamw.lr=0.05&adam-l2.lr=0.05"
    found = {}
    for steps in (600, 20_000):
        page = explorer(f"{begin}&steps={steps}")
        told = ends(page)
        assert f"after {steps} steps" in told
        found[steps] = {
            name: [float(x) for x in where.split(", ")]
            for name, where in re.findall(r"^(.+) at \((.+?)\)", told, re.M)
        }
    assert found[600]["AdamW"] == pytest.approx([2.32, 0.28], abs=0.01)
    assert found[20_000]["AdamW"] == pytest.approx([3, 0.5], abs=0.05)  # there are bursts
    for steps in found:
        assert found[steps]["Adam with L2"] == pytest.approx([2.59, 0.38], abs=0.02)
    assert found[20_000]["Adam"] == pytest.approx([3, 0.5], abs=0.001)


def test_a_chapter_s_explorer_comes_with_the_reader_and_leads_to_the_page(window, address):
    page = window(1280).new_page()
    asked = []
    page.on("request", lambda request: asked.append(request.url))
    page.goto(f"{address}/notebooks/05-amsgrad.html")
    page.locator(".explorer[data-small]").scroll_into_view_if_needed()
    page.locator(f"{ENDS} li").nth(2).wait_for()
    assert [url for url in asked if url.endswith("explorer/explorer.js")]
    told = ends(page)
    assert "Reddi's counterexample" in told
    page.get_by_label("β₂").focus()
    press(page, "End")
    assert ends(page) != told
    assert fragment(page) == ""  # a chapter's address is the chapter's
    page.get_by_role("link", name="Open in the explorer").click()
    page.locator(f"{ENDS} li").nth(2).wait_for()
    assert fragment(page) == "landscape=game&focus=adam&adam.beta2=0.9999"
    assert "Adam at x = −0.8" in ends(page)
    page.close()


def test_a_chapter_s_explorer_has_a_choice_of_schedules_where_it_is_about_them(window, address):
    page = window(360).new_page()
    page.goto(f"{address}/notebooks/12-sgdr.html")
    page.locator(".explorer[data-small]").scroll_into_view_if_needed()
    page.get_by_label("Steps of the first cycle").wait_for()
    told = ends(page)
    page.get_by_label("Schedule", exact=True).select_option("constant")
    assert ends(page) != told
    assert page.get_by_label("Steps of the first cycle").count() == 0
    page.close()


@pytest.mark.parametrize(("landscape", "width"), [("game", 360), ("noisy", 1280)])
def test_it_is_accessible_in_both_themes_in_other_states(explorer, landscape, width):
    page = explorer(f"#landscape={landscape}&schedule=warmup&shown=adafactor,amsgrad", width)
    page.locator("summary", has_text="The step that runs here").click()
    for theme in ("light", "dark"):
        page.evaluate(f"document.documentElement.dataset.theme = '{theme}'")
        page.wait_for_timeout(100)
        found = Axe().run(page, context=".explorer", options=AXE).response["violations"]
        assert [v["id"] for v in found if v["impact"] in ("serious", "critical")] == []
        wide, room = page.evaluate(
            "[document.documentElement.scrollWidth, document.documentElement.clientWidth]"
        )
        assert wide <= room


STEP = "document.querySelector('.explorer-time input').value"
SHIFT = """() => new Promise((done) => {
  let sum = 0;
  new PerformanceObserver((list) => {
    for (const entry of list.getEntries()) if (!entry.hadRecentInput) sum += entry.value;
  }).observe({ type: "layout-shift", buffered: true });
  requestAnimationFrame(() => setTimeout(() => done(sum), 100));
})"""


@pytest.mark.parametrize("place", [PAGE, HOME])
def test_it_plays_once_unless_motion_is_to_be_reduced(browser, window, address, place):
    still = window(1280).new_page()
    still.goto(f"{address}/{place}")
    still.locator(f"{ENDS} li").first.wait_for()
    assert still.get_by_role("button", name="Play").count() == 0
    assert still.evaluate(STEP) == "100"
    still.close()
    context = browser.new_context(
        viewport={"width": 1280, "height": 900}, reduced_motion="no-preference"
    )
    page = context.new_page()
    page.goto(f"{address}/{place}")
    page.locator(".explorer-map").scroll_into_view_if_needed()
    page.get_by_role("button", name="Pause").wait_for()
    page.wait_for_function(f"0 < {STEP} && {STEP} < 100")
    assert fragment(page) == ""
    page.get_by_label("Learning rate").focus()
    press(page, "ArrowLeft")
    page.get_by_role("button", name="Play").wait_for()
    assert page.evaluate(STEP) == "100"
    page.get_by_role("button", name="Play").click()
    page.get_by_role("button", name="Pause").click()
    assert int(page.evaluate(STEP)) < 100
    context.close()


def test_it_opens_on_a_lesson_with_the_best_rates_of_the_sliders():
    """Of each optimizer: no other rate that its slider has ends lower after as many steps."""
    given = dict(pair.split("=") for pair in explorer_pages.OPENING.split("&"))
    land, c, steps = LANDSCAPES[given["landscape"]], float(given["c"]), int(given["steps"])
    ended = {}
    for name in given["shown"].split(","):
        own = {key: value for key, value in given.items() if key.startswith(f"{name}.")}

        def end(lr, name=name, own=own):
            path = _path(name, land, c, steps, {**own, f"{name}.lr": str(lr)})
            return (path[-1, 0] ** 2 + c * path[-1, 1] ** 2) / 2 if len(path) > steps else inf

        chosen = float(own[f"{name}.lr"])
        others = [float(f"{10**knob:.1e}") for knob in np.arange(-3, 0.01, 0.05)]
        assert chosen in others
        ended[name] = end(chosen)
        assert ended[name] <= min(map(end, others))
    assert ended["gd"] > 100 * max(ended["momentum"], ended["adam"])


def test_views_are_links_above_the_map_and_say_what_they_teach(explorer):
    page = explorer()
    views = page.locator(".explorer-views a")
    listed = page.locator("main li a[href*='landscape=']")
    assert views.count() == listed.count() >= 7
    assert views.first.get_attribute("aria-current") == "true"
    said = page.locator(".explorer-said")
    assert "gradient descent is left behind" in said.inner_text()
    assert views.last.bounding_box()["y"] < page.locator(".explorer-map").bounding_box()["y"]
    page.get_by_role("navigation", name="Views").get_by_role("link", name="Where Adam").click()
    assert "Reddi's counterexample" in ends(page)
    assert "outvote" in said.inner_text()
    assert page.locator(".explorer-views a[aria-current]").inner_text() == "Where Adam goes wrong"
    page.go_back()
    assert "Ill-conditioned quadratic" in ends(page)
    assert views.first.get_attribute("aria-current") == "true"


def test_what_diverges_has_a_cross_in_its_color_where_it_leaves_the_picture(explorer):
    """Gradient descent at more than 2/κ: it leaves the picture upwards or downwards."""
    count = """([from, to]) => {
      const canvas = document.querySelectorAll('.explorer-map canvas')[1];
      const [w, h] = [canvas.width, Math.round((to - from) * canvas.height)];
      const top = Math.round(from * canvas.height);
      const data = canvas.getContext('2d').getImageData(0, top, w, h).data;
      let n = 0;
      for (let i = 0; i < data.length; i += 4) {
        const [r, g, b, a] = data.slice(i, i + 4);
        n += a > 200 && Math.abs(r - 0x36) + Math.abs(g - 0x7e) + Math.abs(b - 0xcf) < 40;
      }
      return n;
    }"""
    begin = "#landscape=quadratic&c=100&shown=gd&start=2,0.01"
    calm, wild = explorer(f"{begin}&gd.lr=0.018"), explorer(f"{begin}&gd.lr=0.03")
    assert "diverges" in ends(wild)
    edges = [(0, 0.05), (0.9, 1)]
    assert sum(calm.evaluate(count, edge) for edge in edges) == 0
    assert sum(wild.evaluate(count, edge) for edge in edges) > 30


def test_the_loss_at_the_end_is_drawn_against_the_rate(explorer):
    page = explorer("#landscape=quadratic&c=100&shown=gd&gd.lr=0.01")
    final = page.get_by_role("img", name="Loss at the end, for each rate")
    ends(page)
    before = final.evaluate("it => it.toDataURL()")
    assert page.evaluate("document.createElement('canvas').toDataURL()") != before
    page.get_by_label("Condition number κ").focus()
    press(page, *["ArrowLeft"] * 8)
    ends(page)
    assert final.evaluate("it => it.toDataURL()") != before


def test_a_view_is_saved_as_a_picture_and_embedded(explorer, address):
    page = explorer("#landscape=saddle&shown=gd,adam")
    with page.expect_download() as saved:
        page.get_by_role("button", name="Save as PNG").click()
    assert saved.value.suggested_filename == "saddle.png"
    assert saved.value.path().read_bytes().startswith(b"\x89PNG")
    said = []
    page.on("dialog", lambda dialog: (said.append(dialog.default_value), dialog.dismiss()))
    page.evaluate("() => { navigator.clipboard.writeText = () => Promise.reject('not allowed') }")
    page.get_by_role("button", name="Copy HTML to embed").click()
    page.wait_for_timeout(100)
    [html] = said
    frame = re.search(r'<iframe src="([^"]*)" title="Saddle"', html)[1].replace("&amp;", "&")
    assert frame.startswith(f"{address}/{PAGE}?embed#landscape=saddle&shown=gd,adam")
    page.goto(frame)
    assert "Saddle" in ends(page)
    assert page.locator(".bd-sidebar-primary, .bd-footer, h1:not(.onlyprint *)").evaluate_all(
        "all => all.every((it) => it.getClientRects().length === 0)"
    )


@pytest.mark.parametrize("place", [PAGE, HOME])
@pytest.mark.parametrize("width", [390, 1280])
def test_nothing_moves_when_it_comes(window, address, place, width):
    page = window(width).new_page()
    page.goto(f"{address}/{place}")
    page.locator(".explorer-map").scroll_into_view_if_needed()
    page.locator(f"{ENDS} li").first.wait_for()
    page.wait_for_timeout(500)
    assert page.evaluate(SHIFT) <= 0.05
    page.close()


def test_without_a_script_it_is_a_picture_on_the_home_page(browser, address):
    context = browser.new_context(java_script_enabled=False, viewport={"width": 390, "height": 844})
    page = context.new_page()
    page.goto(f"{address}/{HOME}")
    picture = page.get_by_role("img", name="the paths of Gradient descent, Momentum and Adam")
    assert picture.bounding_box()["height"] > 200
    context.close()


def test_it_works_from_a_file(window, site):
    page = window(1280).new_page()
    wrong = []
    page.on("pageerror", lambda error: wrong.append(str(error)))
    page.goto(f"file://{site / PAGE}#landscape=beale")
    assert "Beale's function, after 300 steps" in page.locator(ENDS).inner_text()
    page.get_by_role("checkbox", name="Sophia").check()
    ends(page)
    assert "sophia" in fragment(page)
    assert not wrong
    page.close()


def test_only_pages_with_an_explorer_load_it(pages):
    for name, page in pages.items():
        scripts = [s["src"] for s in page.find_all("script", src=True) if "explorer/" in s["src"]]
        small = bool(page.select(".explorer[data-small]"))
        assert len(scripts) == (1 if small else 5 if page.select(".explorer") else 0), name
