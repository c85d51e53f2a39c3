"""TeX as HTML, by MathJax in V8: what a browser would otherwise do for each reader anew.

Both come by pip, MathJax in the wheel sphinx-mathjax-offline and V8 in mini-racer. The HTML is
MathJax's CHTML, whose style sheet knows the size of each glyph, so that nothing moves when fonts
come, and beside it, for assistive technology, MathML with the source as its annotation.
"""

import html
import json
import re
from functools import cache
from importlib.util import find_spec
from pathlib import Path

from sphinx.errors import ConfigError

try:
    from py_mini_racer import MiniRacer
except (ImportError, OSError) as error:  # not there, or not for this system's libraries
    raise ConfigError(
        "formulas are typeset by V8, which pip has in mini-racer for Linux with glibc 2.27 or musl,"
        " macOS and Windows, on x86-64 and ARM: build the book on one of these, or install"
        f" mini-racer from requirements.lock if it was left out ({error})"
    ) from None

MATHJAX = Path(find_spec("sphinx-mathjax-offline").origin).parent / "static" / "mathjax"
FONTS = MATHJAX / "output" / "chtml" / "fonts" / "woff-v2"
# In this order: each finds those that it needs.
PARTS = (
    "startup",
    "core",
    "adaptors/liteDOM",
    "input/tex",
    "output/chtml",
    "output/chtml/fonts/tex",
    "a11y/assistive-mml",
)
# noundefined would print an unknown macro in red; the others would load more of MathJax.
WITHOUT = ["noundefined", "autoload", "require"]
BEGIN = """
MathJax.startup.getComponents();
MathJax.startup.makeMethods();
const adaptor = MathJax.startup.adaptor;
function typeset(tex, display) {
  // Sizes are relative to the text's, and a width matters to no formula without a tag.
  const size = { em: 16, ex: 8, containerWidth: 1280 };
  return adaptor.outerHTML(MathJax.tex2chtml(tex, { display, ...size }));
}
0
"""
ERROR = re.compile(r'data-mjx-error="([^"]*)"')
MATH = re.compile(r"<math xmlns=[^>]*?(?: display=\"block\")?>(.*)</math>", re.S)
# Said again in the style sheet, or to browsers that are gone.
NEEDLESS = (' style="position: relative;"', ' unselectable="on"', ' class=" MJX-TEX"')


class Typesetter:
    """One engine with the book's macros, as MathJax takes them: {name: body or [body, count]}."""

    def __init__(self, macros):
        self._engine = MiniRacer()
        config = {
            "startup": {"typeset": False},
            "chtml": {"adaptiveCSS": False, "fontURL": "FONTS"},
            "tex": {"packages": {"[-]": WITHOUT}, "macros": macros},
        }
        self._engine.eval(f"globalThis.MathJax = {json.dumps(config)}; 0")
        self._engine.eval("MathJax.startup.ready = () => {}; 0")
        for part in PARTS:
            self._engine.eval((MATHJAX / f"{part}.js").read_text("utf-8") + ";0")
        self._engine.eval(BEGIN)
        self.formula = cache(self._formula)

    def _formula(self, tex, display):
        """The formula's HTML; ValueError, with MathJax's message, if it is not good TeX."""
        made = self._engine.eval(f"typeset({json.dumps(tex)}, {json.dumps(display)})")
        if error := ERROR.search(made):
            raise ValueError(html.unescape(error[1]))
        for words in NEEDLESS:
            made = made.replace(words, ' class="MJX-TEX"' if "MJX" in words else "")
        return MATH.sub(lambda found: _with_source(found[1], tex, display), made, count=1)

    def style_sheet(self):
        """The style sheet of all formulas that MathJax knows; fonts at FONTS/NAME.woff."""
        return self._engine.eval("adaptor.textContent(MathJax.chtmlStylesheet())")


def _with_source(mathml, tex, display):
    block = ' display="block"' if display else ""
    source = html.escape(tex.strip(), quote=False)
    annotation = f'<annotation encoding="application/x-tex">{source}</annotation>'
    return f"<math{block}><semantics><mrow>{mathml}</mrow>{annotation}</semantics></math>"
