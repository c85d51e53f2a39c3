"""Formulas are on the page when it comes: typeset, without a script, and they stay in place."""

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest
from bs4 import BeautifulSoup
from fontTools.ttLib import TTFont

ROOT = Path(__file__).parents[2]
EXTENSIONS = ROOT / "site/extensions"
sys.path.insert(0, str(EXTENSIONS))
from typesetter import Typesetter  # noqa: E402

MOST = "notebooks/05-amsgrad.html"  # of all pages it has the most formulas


@pytest.fixture(scope="module")
def typesetter():
    return Typesetter({"R": r"\mathbb{R}", "norm": [r"\lVert #1 \rVert", 1]})


def test_every_formula_is_typeset_with_its_source_and_no_tab_stop(pages):
    count = 0
    for name, page in pages.items():
        for formula in page.select(".math"):
            count += 1
            assert formula.select_one("mjx-container > mjx-math"), (name, formula.text)
            assert formula.select_one("math > semantics > annotation").text.strip(), name
            assert not formula.select("[tabindex]"), (name, formula.text)
        assert not re.search(r"mathjax|\\\(|\\\[", str(page.head), re.I), name
        assert not page.select("mjx-merror"), name
    assert count > 5000


def test_a_macro_is_known_or_an_error(typesetter):
    assert '<mi mathvariant="double-struck">R</mi>' in typesetter.formula(r"x \in \R^d", False)
    assert "‖" in BeautifulSoup(typesetter.formula(r"\norm{x}", True), "html.parser").text
    with pytest.raises(ValueError, match=r"Undefined control sequence \\nrom"):
        typesetter.formula(r"\nrom{x}", False)
    with pytest.raises(ValueError, match="Missing close brace"):
        typesetter.formula(r"\frac{1}{2", False)


def test_the_source_is_beside_the_formula_as_it_was_written(typesetter):
    tex = r"a < b \text{ & } c > d"
    page = BeautifulSoup(typesetter.formula(tex.replace("&", r"\&"), True), "html.parser")
    assert page.annotation.text == tex.replace("&", r"\&")
    assert page.annotation["encoding"] == "application/x-tex"
    assert page.math["display"] == "block"
    assert page.select_one("mjx-math")["aria-hidden"] == "true"  # MathML is read aloud, once


FACE = re.compile(r'font-family: ([\w-]+);\s*src: url\("formulas/([\w-]+)\.woff2"\)')
FAMILY = re.compile(r"\.((?:MJX-)?TEX(?:-\w+)?) \{\s*font-family: MJXZERO, ([\w-]+);")
RULE = re.compile(r'mjx-c\.(mjx-c[0-9A-F]+)(?:\.(TEX-\w+))?::before\s*\{[^}]*content: "([^"]*)"')
GLYPH = re.compile(r'<mjx-c class="(mjx-c[0-9A-F]+)(?: (TEX-\w+))?">')
STRETCHED = re.compile(r'<mjx-stretchy-[vh][^>]*class="(mjx-c[0-9A-F]+)')
PART = re.compile(
    r'mjx-stretchy-[vh]\.(mjx-c[0-9A-F]+) mjx-\w+ mjx-c::before \{[^}]*content: "(.*)"'
)
TALL = ("MJXTEX", "MJXTEX-S1", "MJXTEX-S4", "MJXTEX-A")  # of parts of what is stretched


def characters(font):
    with TTFont(font) as font:
        return set(map(chr, font.getBestCmap() or ()))


def test_each_glyph_is_in_the_font_of_its_class(site):
    static = site / "_static"
    sheet = (static / "formulas.css").read_text()
    known = {face: characters(static / f"formulas/{f}.woff2") for face, f in FACE.findall(sheet)}
    family = dict(FAMILY.findall(sheet))
    shown = {(glyph, style): content for glyph, style, content in RULE.findall(sheet)}
    pages = [page for page in site.rglob("*.html") if "_static" not in page.parts]
    used = {glyph for page in pages for glyph in GLYPH.findall(page.read_text())}
    assert len(used) > 150
    for glyph, style in used:
        content = re.sub(
            r"\\([0-9A-F]+) ?", lambda code: chr(int(code[1], 16)), shown[glyph, style]
        )
        fonts = [family[style]] if style else TALL
        assert any(set(content) <= known[font] for font in fonts), (glyph, style, content)
    stretched = {glyph for page in pages for glyph in STRETCHED.findall(page.read_text())}
    assert stretched
    for glyph, content in PART.findall(sheet):
        if glyph in stretched:
            assert any(set(content) <= known[font] for font in TALL), (glyph, content)


TEXT = r"""
A page
======

In a line, :math:`x_1`, and displayed, with a number, a few lines, and two formulas:

.. math:: y = x^2
   :label: square

.. math::

   a &= b \\
     &= c

.. math::

   u = v

   w = z \tag{*}

.. math::
   :nowrap:

   \begin{align*} p &= q \end{align*}

See :eq:`square`.
"""
CONF = f"""
import sys
sys.path.insert(0, {str(EXTENSIONS)!r})
extensions = ["formulas"]
html_math_renderer = "typeset"
html_theme = "basic"
"""


def build(folder, text, **environment):
    (folder / "conf.py").write_text(CONF)
    (folder / "index.rst").write_text(text)
    command = [sys.executable, "-m", "sphinx", "-W", "-q", "-b", "html", folder, folder / "out"]
    environment = {**os.environ, **environment}
    return subprocess.run(command, capture_output=True, text=True, env=environment)


def test_all_ways_to_write_a_formula(tmp_path):
    done = build(tmp_path, TEXT.replace(r" \tag{*}", ""))
    assert not done.returncode, done.stderr
    page = BeautifulSoup((tmp_path / "out/index.html").read_text(), "html.parser")
    assert [math.annotation.text for math in page.select(".math")] == [
        "x_1",
        "y = x^2",
        "\\begin{split}a &= b \\\\\n  &= c\\end{split}",
        r"\begin{aligned}u = v\\w = z\end{aligned}",
        r"\begin{align*} p &= q \end{align*}",
    ]
    assert page.select_one("#equation-square .eqno").text.startswith("(1)")
    assert page.select_one("p a[href='#equation-square']").text == "(1)"
    rows = [len(math.select("mjx-math mjx-mtr")) for math in page.select("div.math")]
    assert rows == [0, 2, 2, 1]
    sheet = (tmp_path / "out/_static/formulas.css").read_text()
    fonts = re.findall(r'url\("(formulas/[^"]+)"\)', sheet)
    assert len(fonts) > 10
    assert all((tmp_path / "out/_static" / font).is_file() for font in fonts)


def test_a_formula_with_a_mistake_ends_the_build_and_is_named(tmp_path):
    done = build(tmp_path, TEXT.replace("x_1", r"\nrom{x}"))
    assert done.returncode
    assert "index.rst" in done.stderr
    assert r"Undefined control sequence \nrom" in done.stderr


def test_a_page_that_is_built_anew_leaves_the_others_their_glyphs(tmp_path):
    other = tmp_path / "other.rst"
    for tex in (r"\Omega", r"\Psi \nabla A"):
        other.write_text(f":orphan:\n\nB\n=\n\n:math:`{tex}`\n")
        assert not build(tmp_path, TEXT.replace(r" \tag{*}", "")).returncode
    assert "Omega" not in (tmp_path / "out/other.html").read_text()
    main, italic = (
        characters(tmp_path / f"out/_static/formulas/MathJax_{name}.woff2")
        for name in ("Main-Regular", "Math-Italic")
    )
    assert {"1", "2", "=", "Ψ", "∇"} <= main
    assert "Ω" not in main
    assert {"A", "x", "y"} <= italic


@pytest.mark.parametrize("error", ["ImportError('none')", "OSError('no GLIBC_2.27')"])
def test_where_there_is_no_v8_a_line_says_what_is_needed(error, tmp_path):
    package = tmp_path / "without/py_mini_racer"
    package.mkdir(parents=True)
    (package / "__init__.py").write_text(f"raise {error}")
    done = build(tmp_path, TEXT, PYTHONPATH=str(package.parent))
    assert done.returncode
    (said,) = (line for line in done.stderr.splitlines() if "mini-racer" in line)
    assert said.startswith("formulas are typeset by V8, which pip has in mini-racer for Linux")
    assert "Traceback" not in done.stderr
    assert not (tmp_path / "out/index.html").exists()


def test_a_formula_is_not_parted_from_what_stands_by_it(tmp_path):
    text = "(:math:`a`), :math:`b`; the :math:`k`-th of :math:`c` or :math:`d`-dimensional."
    assert not build(tmp_path, f"A\n=\n\n{text}\n").returncode
    page = BeautifulSoup((tmp_path / "out/index.html").read_text(), "html.parser")
    for part in page.select("mjx-math, annotation"):
        part.clear()
    assert [held.text for held in page.select(".unbroken")] == ["(a),", "b;", "k-th"]
    assert page.p.text == "(a), b; the k-th of c or d-dimensional."


def test_formulas_look_the_same_without_scripts(browser, address):
    shown = []
    for scripts in (True, False):
        context = browser.new_context(
            viewport={"width": 390, "height": 844}, java_script_enabled=scripts
        )
        page = context.new_page()
        page.goto(f"{address}/{MOST}")
        formula = page.locator("div.math mjx-math").first
        formula.scroll_into_view_if_needed()
        box = formula.bounding_box()
        shown.append((round(box["width"]), round(box["height"])))
        context.close()
    assert shown[0] == shown[1]
    assert min(shown[1]) > 10


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_colors_are_known_before_scripts_that_wait(scheme, browser, address):
    context = browser.new_context(color_scheme=scheme)
    page = context.new_page()
    page.route("**/*.js*", lambda route: route.abort())
    page.goto(f"{address}/book/index.html")
    assert page.evaluate("document.documentElement.dataset.theme") == scheme
    context.close()


def test_without_scripts_a_page_has_the_colors_of_the_light_theme(browser, address):
    context = browser.new_context(java_script_enabled=False, color_scheme="dark")
    page = context.new_page()
    page.goto(f"{address}/notebooks/03-adam.html")
    link = page.locator(".bd-article a.reference:not(.glossary-word)").first
    assert link.evaluate("(link) => getComputedStyle(link).color") == "rgb(10, 88, 202)"
    assert page.evaluate("getComputedStyle(document.body).backgroundColor") == "rgb(255, 255, 255)"
    context.close()


# Letters in each line of prose but the last of a paragraph.
LINES = """() => [...document.querySelectorAll(".bd-article section > p")].flatMap((p) => {
  if (p.querySelector("mjx-container, code, sup")) return [];
  const walker = document.createTreeWalker(p, NodeFilter.SHOW_TEXT);
  const range = document.createRange();
  const lines = [];
  let left = Infinity;
  while (walker.nextNode()) {
    for (let i = 0; i < walker.currentNode.length; i++) {
      range.setStart(walker.currentNode, i);
      range.setEnd(walker.currentNode, i + 1);
      const box = range.getBoundingClientRect();
      if (!box.width) continue;
      if (box.left < left) lines.push(0);
      left = box.left;
      lines[lines.length - 1] += 1;
    }
  }
  return lines.slice(0, -1);
})"""


def test_lines_of_prose_are_of_seventy_letters_at_most(window, address):
    page = window(1280).new_page()
    lengths = []
    for name in ("book/index.html", "book/rerun.html", "notebooks/06-weight-decay.html"):
        page.goto(f"{address}/{name}")
        lengths += page.evaluate(LINES)
    page.close()
    assert len(lengths) > 20
    assert 50 < sum(lengths) / len(lengths) <= 70, sorted(lengths)


def test_what_is_selected_is_copied_as_tex(browser, address):
    page = browser.new_page()
    page.goto(f"{address}/notebooks/03-adam.html")
    copied = page.evaluate(
        """() => {
          const data = new DataTransfer();
          const copy = (range) => {
            getSelection().removeAllRanges();
            getSelection().addRange(range);
            document.dispatchEvent(new ClipboardEvent("copy", { clipboardData: data }));
            return data.getData("text/plain");
          };
          const range = document.createRange();
          const formula = document.querySelector("p .math");
          range.selectNodeContents(formula.closest("p"));
          const whole = copy(range);
          range.selectNodeContents(formula.querySelector("mi, mn"));
          const part = copy(range);
          const tex = formula.querySelector("annotation").textContent;
          return { whole, part, tex, text: formula.closest("p").firstChild.textContent };
        }"""
    )
    assert copied["part"] == f"${copied['tex']}$"  # of a formula, the whole of it
    assert copied["part"] in copied["whole"]
    assert "\\" not in copied["text"]
    assert "annotation" not in copied["whole"]
    page.locator("p mjx-container").first.dblclick()
    assert page.locator("mjx-container[data-selected]").count() == 1
    page.close()
