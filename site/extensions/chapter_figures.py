"""Figures of the chapters: numbered by chapter, full width, with their numbers in a fold as a
table, and a menu to save and cite them.

A figure is what `optlab.report.figure` has put into a notebook's outputs. Its name is also a label:
{ref}`fig-adam-line-4` in a chapter's text becomes "Figure 3.2".
"""

import re
from html import escape

from docutils import nodes

CHAPTER = re.compile(r"notebooks/(\d+)-")
FIGURE = re.compile(r'<figure id="(?P<name>[a-z0-9-]+)" class="optlab-figure"')
CAPTION = re.compile(
    r"<figcaption[^>]*>(?P<caption>.*?)\n"
    r'<div class="optlab-digest"[^>]*>(?P<digest>.*?)</div>\n</figcaption>\n</figure>',
    re.S,
)
PANELS = re.compile(r'(<div role="img" aria-label="[^"]*") style="display: flex[^"]*"')
PANEL = re.compile(
    r'<div style="flex: 1 1 300px[^"]*"'
    r'(?P<rest>[^>]*>(?:(?!</div>).)*?viewBox="0 0 (?P<width>[\d.]+))',
    re.S,
)
LETTERS, LEGIBLE = 9.7, 12  # the size of lettering, in points of a panel, and the least in pixels
NARROW = 290  # points; a wider panel has letters that a phone's width makes too small, and scrolls
LINE = re.compile(
    r"(?P<label>.*): (?P<size>\d+ points?|\d+ × \d+)"
    r"(?:, x (?P<start>[^\s,]+) to (?P<end>[^\s,]+))?(?P<rest>.*)"
)
VALUES = re.compile(
    r", (?P<name>y|value|u|v) "
    r"(?:(?P<nowhere>nowhere finite)|(?P<first>[^\s,]+) … (?P<last>[^\s,]+), "
    r"min (?P<low>[^\s,]+), max (?P<high>[^\s,]+), mean (?P<mean>[^\s,]+)|(?P<all>[^\s,]+))"
)
HEADING = re.compile(r"(\d+)\. ?(.*)")
# matplotlib's names for what has no label in the figure, and a reader's
UNNAMED = re.compile(r"(line|bars|shape|collection|image) (\d+)")
WORDS = {"line": "curve", "shape": "area", "collection": "marks", "image": "map"}
COLUMNS = ("Points", "x from", "to", "First", "Last", "Least", "Greatest", "Mean")


def label_in_words(label):
    return UNNAMED.sub(lambda m: f"{WORDS.get(m[1], m[1])} {m[2]}", label)


def rows(digest):
    """The digest's lines as (label, cells), headings of panels as (text, None)."""
    found = []
    for line in digest.splitlines():
        if match := LINE.fullmatch(line):
            size = match["size"].split(" point")[0]
            start, end = match["start"] or "", match["end"] or ""
            label = label_in_words(match["label"])
            for v in VALUES.finditer(match["rest"]) if match["rest"] else [None]:
                of = {"value": ", color", "u": ", across", "v": ", up"}.get(v and v["name"], "")
                names = ("first", "last", "low", "high", "mean")
                shown = [(v["all"] or v[name] or "") if v else "" for name in names]
                found.append((f"{label}{of}", [size, start, end, *shown]))
        elif match := HEADING.fullmatch(line):
            found.append((f"Panel {match[1]}" + (f": {match[2]}" if match[2] else ""), None))
        elif line.strip():
            found.append((label_in_words(line), None))
    return found


def table(digest):
    """The digest as a table."""
    body = []
    for label, cells in rows(digest):
        if cells is None:
            body.append(f'<tr><th colspan="{len(COLUMNS) + 1}" scope="colgroup">{label}</th></tr>')
        else:
            numbers = "".join(f"<td>{cell.replace('-', '−')}</td>" for cell in cells)
            body.append(f'<tr><th scope="row">{label}</th>{numbers}</tr>')
    head = "".join(f'<th scope="col">{name}</th>' for name in COLUMNS)
    return (
        '<div class="pst-scrollable-table-container"><table class="table figure-table">'
        f'<thead><tr><th scope="col">Curve</th>{head}</tr></thead>'
        f"<tbody>{''.join(body)}</tbody></table></div>"
    )


def citation(app, number, docname, anchor):
    chapter = app.env.titles[docname].astext() if docname in app.env.titles else ""
    config = app.config
    base = (config.html_baseurl or "").rstrip("/")
    address = f"{base}/{app.builder.get_target_uri(docname)}#{anchor}" if base else f"#{anchor}"
    return (
        f"{escape(config.author)} ({escape(config.copyright)}). {number}. "
        f"In <cite>{escape(config.html_title or config.project)}</cite>, chapter "
        f"{number.split()[1].split('.')[0]}, “{escape(chapter)}”. "
        f'<a class="figure-address" href="{address}">{escape(address)}</a>. CC BY 4.0.'
    )


def panel(found):
    if (width := float(found["width"])) <= NARROW:
        return f'<div class="figure-panel"{found["rest"]}'
    legible = f"--legible:{width * LEGIBLE / LETTERS:.0f}px"
    classes = "figure-panel pst-scrollable-table-container"  # which the keyboard reaches
    return f'<div class="{classes}" style="{legible}"{found["rest"]}'


def rewrite(app, html, number, docname):
    """A figure's HTML for the page, in two parts: between them the code that drew it may stand."""
    anchor = FIGURE.search(html)["name"]
    found = CAPTION.search(html)
    html = PANELS.sub(r'\1 class="figure-panels"', html[: found.start()])
    html = PANEL.sub(panel, html)
    html = re.sub(r'(<figure [^>]*?) style="[^"]*"', r"\1", html, count=1)
    start = (
        f'{html}<figcaption><a class="figure-number" href="#{anchor}">{number}</a> '
        f"{found['caption'].strip()}</figcaption>\n"
        '<div class="figure-more">\n<details class="folded figure-numbers">'
        f"<summary>Numbers in this figure</summary>{table(found['digest'])}</details>\n"
        '<details class="folded figure-menu"><summary>Save or cite</summary>'
        f'<p class="figure-save"><button type="button" data-save="svg">SVG</button> '
        f'<button type="button" data-save="png">PNG</button> '
        f'<button type="button" data-save="csv">Data (CSV)</button></p>'
        f'<p class="figure-cite">{citation(app, number, docname, anchor)}</p></details>\n'
    )
    return anchor, start, "</div>\n</figure>"


def number(app, doctree):
    docname = app.env.docname
    if not (chapter := CHAPTER.match(docname)):
        return
    domain, count = app.env.domains["std"], 0
    for raw in list(doctree.findall(nodes.raw)):
        if not (FIGURE.search(raw.astext()) and CAPTION.search(raw.astext())):
            continue
        count += 1
        name = f"Figure {int(chapter[1])}.{count}"
        anchor, start, end = rewrite(app, raw.astext(), name, docname)
        # A raw node with classes is written in an element of its own, which cannot be in two parts.
        start = f'<div class="{" ".join(raw["classes"])}">{start}'
        parts = [
            nodes.raw("", start, format="html"),
            nodes.raw("", f"{end}</div>", format="html", figure_end=True),
        ]
        within, place = raw.parent, raw.parent.index(raw)
        within.remove(raw)
        within.insert(place, parts)
        domain.anonlabels[anchor] = docname, anchor
        domain.labels[anchor] = docname, anchor, name
        node = parts[0]
        while node is not None and node.get("nb_element") != "cell_code":
            node = node.parent
        if node is not None:
            node["figure_number"] = name


def setup(app):
    app.connect("doctree-read", number, priority=550)
    return {"env_version": 5, "parallel_read_safe": True, "parallel_write_safe": True}
