"""Formulas are typeset when the book is built: pages need no script to show them.

A formula that MathJax does not understand is a warning, with its place, and so ends the build.
"""

import html
import re
from base64 import b64encode
from collections import defaultdict
from pathlib import Path

from docutils import nodes
from fontTools.subset import Options, Subsetter
from fontTools.ttLib import TTFont
from sphinx.util import logging
from sphinx.util.math import get_node_equation_number
from typesetter import FONTS, Typesetter

logger = logging.getLogger(__name__)

SHEET = "formulas.css"
FACE = re.compile(r'font-family: ([\w-]+);\s*src: url\("formulas/([\w-]+)\.woff2"\)')
FAMILY = re.compile(r"\.(TEX-\w+) \{\s*font-family: MJXZERO, ([\w-]+);")
CONTENT = r'::before\s*\{[^}]*?content: "([^"]*)"'
GLYPH = re.compile(rf"mjx-c\.(mjx-c[0-9A-F]+)(?:\.(TEX-\w+))?{CONTENT}")
PART = re.compile(rf"mjx-stretchy-[vh]\.(mjx-c[0-9A-F]+) mjx-\w+ mjx-c{CONTENT}")
USED = re.compile(r'<mjx-c class="(mjx-c[0-9A-F]+)(?: (TEX-\w+))?')
STRETCHED = re.compile(r'<mjx-stretchy-[vh][^>]*class="(mjx-c[0-9A-F]+)')
BASE = "MJXTEX"  # of glyphs without the class of a font
TALL = ("MJXTEX-S1", "MJXTEX-S4", BASE, "MJXTEX-A")  # of the parts of what is stretched
ESCAPE = re.compile(r"\\([0-9A-F]+) ?", re.I)
# What stands by a formula without a space, and may not be parted from it by the end of a line.
OPENS = re.compile(r"[(\[“‘\"']*\Z")
CLOSES = re.compile(r"(?:[-‐]?\w{1,3}\b)?[.,;:!?)\]”’\"'%…]*")
# The least of the fonts gives every line of a formula its height: it is there with the sheet.
WITHIN = "MathJax_Zero"


def begin(app):
    if app.builder.format != "html":
        return
    app.typesetter = Typesetter(app.config.formula_macros)
    sheet = Path(app.outdir, "_static", SHEET)
    sheet.parent.mkdir(parents=True, exist_ok=True)
    data = b64encode((FONTS / f"{WITHIN}.woff").read_bytes()).decode()
    text = app.typesetter.style_sheet()
    text = text.replace(f"FONTS/{WITHIN}.woff", f"data:font/woff;base64,{data}")
    text = re.sub(r'"FONTS/([\w-]+)\.woff"\) format\("woff"\)', r'"formulas/\1.woff2")', text)
    # A formula that is selected is copied with its MathML, or by a script as TeX.
    text = re.sub(r"^\s*-\w+-(?:user-select|touch-callout): none;\n", "", text, flags=re.M)
    text = re.sub(r"^\s*user-select: none;\n", "", text, flags=re.M)
    sheet.write_text(f"{text}\nmjx-container {{ position: relative; }}\n", "utf-8")


def typeset(writer, node, tex, display):
    """The HTML of a formula; where it is not good TeX, its source and a warning."""
    try:
        return writer.builder.app.typesetter.formula(tex, display)
    except ValueError as error:
        logger.warning("formula %r: %s", tex, error, location=node, type="formula")
        return html.escape(tex)


def visit_math(self, node):
    self.body.append(self.starttag(node, "span", "", CLASS="math notranslate nohighlight"))
    self.body.append(typeset(self, node, node.astext(), False) + "</span>")
    raise nodes.SkipNode


def visit_math_block(self, node):
    self.body.append(self.starttag(node, "div", CLASS="math notranslate nohighlight"))
    if node["number"]:
        self.body.append(f'<span class="eqno">({get_node_equation_number(self, node)})')
        self.add_permalink_ref(node, "Link to this equation")
        self.body.append("</span>")
    self.body.append(typeset(self, node, displayed(node), True) + "</div>\n")
    raise nodes.SkipNode


def displayed(node):
    """The TeX of a displayed formula. As in Sphinx, an empty line begins another formula, and
    `\\\\` another line, both without an environment."""
    if node["nowrap"]:
        return node.astext()
    parts = [part for part in node.astext().split("\n\n") if part.strip()]
    parts = [rf"\begin{{split}}{part}\end{{split}}" if r"\\" in part else part for part in parts]
    whole = r"\\".join(parts)
    return whole if len(parts) < 2 else rf"\begin{{aligned}}{whole}\end{{aligned}}"


def hold_together(app, doctree, docname):
    """Let no line end between a formula in a line and a comma, a bracket or the end of its word."""
    for math in list(doctree.findall(nodes.math)):
        parent, place = math.parent, math.parent.index(math)
        before, after = (
            str(parent[i]) if 0 <= i < len(parent) and isinstance(parent[i], nodes.Text) else ""
            for i in (place - 1, place + 1)
        )
        opens, closes = OPENS.search(before)[0], CLOSES.match(after)[0]
        if not opens + closes:
            continue
        held = nodes.inline("", "", classes=["unbroken"])
        if after:
            parent[place + 1] = nodes.Text(after[len(closes) :])
        parent[place] = held
        if before:
            parent[place - 1] = nodes.Text(before[: len(before) - len(opens)])
        held += [nodes.Text(opens), math, nodes.Text(closes)]


def characters(content):
    """The code points of a rule's content; an escape is one of them."""
    escaped = {int(code, 16) for code in ESCAPE.findall(content)}
    return escaped | set(map(ord, ESCAPE.sub("", content)))


def keep_glyphs(app, exception):
    """Beside the style sheet, the fonts of the glyphs that are on some page."""
    if exception or app.builder.format != "html":
        return
    out = Path(app.outdir)
    used, stretched = set(), set()
    for page in out.rglob("*.html"):
        text = page.read_text("utf-8")
        used.update(USED.findall(text))
        stretched.update(STRETCHED.findall(text))
    sheet = (out / "_static" / SHEET).read_text("utf-8")
    shown = {(glyph, style): content for glyph, style, content in GLYPH.findall(sheet)}
    family = {"": BASE, **dict(FAMILY.findall(sheet))}
    codes = defaultdict(set)  # by the font's family
    for glyph, style in used:
        codes[family[style]] |= characters(shown.get((glyph, style), ""))
    for glyph, content in PART.findall(sheet):
        if glyph in stretched:
            for name in TALL:
                codes[name] |= characters(content)
    target = out / "_static" / "formulas"
    target.mkdir(exist_ok=True)
    options = Options(layout_features=[], hinting=False, notdef_outline=True, flavor="woff2")
    options.drop_tables += ["FFTM"]  # when the font was made, by which program
    for face, name in FACE.findall(sheet):
        with TTFont(FONTS / f"{name}.woff", recalcTimestamp=False) as font:
            subset = Subsetter(options)
            subset.populate(unicodes=codes[face])
            subset.subset(font)
            font.flavor = "woff2"
            font.save(target / f"{name}.woff2")


def setup(app):
    app.add_config_value("formula_macros", {}, "html")
    app.add_html_math_renderer("typeset", (visit_math, None), (visit_math_block, None))
    app.add_css_file(SHEET)
    app.connect("builder-inited", begin)
    app.connect("doctree-resolved", hold_together, priority=990)  # when texts are as they will be
    app.connect("build-finished", keep_glyphs, priority=940)  # before rules that no page uses go
    # V8 lives in one process: pages are written there.
    return {"parallel_read_safe": True, "parallel_write_safe": False}
