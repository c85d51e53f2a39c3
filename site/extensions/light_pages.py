"""After the build: pages that show their text sooner, and weigh what they use.

- Of the theme's 2,000 icons, the fonts and the style sheet keep those that appear on a page.
- Light or dark is known before the first text is drawn, which therefore stays where it is.
- Scripts no longer hold up the page: they run, in the same order, when its text is there.
- The style sheets of a page are one file, of the rules that some page uses: each would cost a
  round trip before the first text, and most of their rules are for what the book has not.
"""

import logging
import re
from pathlib import Path

from built_pages import built_pages
from fontTools.subset import Options, Subsetter
from fontTools.ttLib import TTFont
from style_sheets import join_sheets, keep_rules, words

# Each of its tables is a line at level INFO, which some of Jupyter Book's libraries have shown.
logging.getLogger("fontTools").setLevel(logging.WARNING)

ICON_RULE = re.compile(r'((?:\.fa-[\w-]+:before,?)+)\{content:"[^"]*"\}')
ICON = re.compile(r"\bfa-[\w-]+")
# An icon in a style sheet: its number, or the character itself, which the theme gives a name.
ESCAPE = re.compile(r"\\([0-9a-f]{2,5})(?![0-9a-f])", re.I)
ITSELF = re.compile(r'--pst-icon-([\w-]+):\s*"([\ue000-\uf8ff])"')
NAMED = {"exclamation-triangle", "info-circle", "pencil", "search-minus"}  # pages show these
SCRIPT = re.compile(r"<script (?![^>]*\b(?:defer|async)\b)(?=[^>]*\bsrc=)")
# Inline scripts write into what this one defines, so that it cannot wait.
FIRST = "documentation_options.js"


def keep_icons(out, used):
    """Leave, in style sheets and fonts, the icons named in `used`."""
    sheets = sorted(out.rglob("*.css"))
    for sheet in sheets:
        text = sheet.read_text("utf-8")

        def rule(found):
            return found[0] if used & set(ICON.findall(found[1])) else ""

        if (kept := ICON_RULE.sub(rule, text)) != text:
            sheet.write_text(kept, "utf-8")
    text = "".join(sheet.read_text("utf-8") for sheet in sheets)
    codes = {int(c, 16) for c in ESCAPE.findall(text)} | {
        ord(icon) for name, icon in ITSELF.findall(text) if name in NAMED
    }
    options = Options(layout_features=[], hinting=False, notdef_outline=True, flavor="woff2")
    for path in sorted(out.rglob("fontawesome/webfonts/*.woff2")):
        with TTFont(path, recalcTimestamp=False) as font:
            subset = Subsetter(options)
            subset.populate(unicodes=codes)
            subset.subset(font)
            font.flavor = "woff2"
            font.save(path)


# The theme's script says "auto" until its long script has run, and for "auto" there are no colors,
# and no widths of lines. Without scripts a page is light.
AUTO = 'localStorage.getItem("theme") || "auto"'
KNOWN = """({ light: "light", dark: "dark" })[document.documentElement.dataset.mode]
      ?? (matchMedia("(prefers-color-scheme: dark)").matches ? "dark" : "light")"""


def with_theme(html):
    """The page with its colors known before anything is drawn."""
    return html.replace(AUTO, KNOWN, 1).replace(' data-theme="auto"', ' data-theme="light"', 1)


def defer(html):
    """The page with every script of its head deferred, but the first."""
    head, mark, body = html.partition("</head>")

    def tag(found):
        rest = head[found.end() : found.end() + 200].split(">")[0]
        return found[0] if FIRST in rest else "<script defer "

    return SCRIPT.sub(tag, head) + mark + body


def lighten(app, exception):
    if exception or app.builder.name != "html":
        return
    out = Path(app.outdir)
    pages = built_pages(out)
    used = set()
    for page in pages:
        text = page.read_text("utf-8")
        used.update(ICON.findall(text))
        page.write_text(defer(with_theme(text)), "utf-8")
    keep_icons(out / "_static", used)
    keep_rules(out / "_static", words([*pages, *sorted(out.rglob("*.js"))]))
    for page in pages:
        html = page.read_text("utf-8")
        page.write_text(join_sheets(page, html, out / "_static"), "utf-8")


def setup(app):
    app.connect("build-finished", lighten, priority=950)  # after what is not used was taken away
    return {"parallel_read_safe": True, "parallel_write_safe": True}
