"""Each page allows its own scripts and no others, and works without a server."""

import re
import sys
from pathlib import Path
from types import SimpleNamespace

sys.path.append(str(Path(__file__).parents[2] / "site/extensions"))

import blocked_storage
import content_policy


def test_each_page_has_a_policy(pages):
    for name, page in pages.items():
        meta = page.head.find("meta", {"http-equiv": "Content-Security-Policy"})
        assert meta is page.head.find("meta"), name  # it holds for what comes after it
        rules = dict(rule.split(" ", 1) for rule in meta["content"].split("; "))
        assert rules["default-src"] == "'none'"
        scripts = rules["script-src"].replace("'wasm-unsafe-eval'", "")  # of editors: test_live_*
        assert "unsafe" not in scripts
        assert not re.search(r"https?:|\*", meta["content"]), name
        handlers = [a for tag in page.find_all(True) for a in tag.attrs if a.startswith("on")]
        assert not handlers, name


def test_a_script_from_elsewhere_does_not_run(window, address):
    page = window(1280).new_page()
    page.goto(f"{address}/book/index.html")
    page.evaluate(
        """() => {
          const script = document.createElement("script");
          script.textContent = "window.foreign = true";
          document.body.append(script);
        }"""
    )
    assert page.evaluate("window.foreign") is None
    page.close()


def test_the_themes_buttons_still_work(window, address):
    page = window(1280).new_page()
    page.goto(f"{address}/notebooks/03-adam.html")
    page.evaluate("window.print = () => { window.printed = true }")
    page.evaluate("document.querySelector('[data-action=print]').click()")
    assert page.evaluate("window.printed") is True
    page.locator("[data-action=fullscreen]").first.click()
    page.locator("html:fullscreen").wait_for(state="attached")
    page.close()


def test_a_page_opened_as_a_file_has_formulas_and_search(window, site):
    page = window(1280).new_page()
    wrong = []
    page.on("pageerror", lambda error: wrong.append(str(error)))
    page.on("console", lambda message: message.type == "error" and wrong.append(message.text))
    page.goto(f"file://{site}/notebooks/03-adam.html")
    page.locator("mjx-container").nth(100).wait_for(state="attached")
    page.locator(".search-button-field").first.click()
    page.keyboard.type("decoupled")
    page.locator("#search-results li").nth(3).wait_for()
    assert not wrong
    page.close()


def test_a_page_that_a_second_build_leaves_alone_stays_as_it_is(tmp_path):
    page = tmp_path / "page.html"
    page.write_text("<html><head><script>localStorage.mode</script></head><body></body></html>")
    app = SimpleNamespace(builder=SimpleNamespace(name="html"), outdir=str(tmp_path))
    texts = []
    for _ in range(2):
        blocked_storage.add_store(app, None)
        content_policy.protect(app, None)
        texts.append(page.read_text())
    assert texts[0] == texts[1]
    assert texts[0].count("Content-Security-Policy") == texts[0].count("catch {") == 1
