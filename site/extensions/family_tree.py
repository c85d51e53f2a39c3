"""The directive `family-tree`: which optimizer builds on which, drawn from site/family.yml.

There are two drawings, of which the style sheet shows the one that fits: a wide one, whose boxes
say what each method adds, and a narrow one for phones. The same is told in words below them.
"""

import re
from dataclasses import dataclass
from html import escape
from pathlib import Path
from textwrap import wrap

import yaml
from docutils import nodes
from pybtex.database import parse_file
from sphinx.util.docutils import SphinxDirective

DATA, SOURCES = "site/family.yml", "book/references.bib"
STYLE = "home.css"
CHAPTER = re.compile(r"notebooks/(\d+)-")
APART = 14  # pixels between the ends of two arrows at one box
TRACK = 6  # between two lines that would lie on each other
HEAD = 5  # the length of an arrow's head


@dataclass
class Method:
    name: str
    year: int
    page: str
    lane: int
    parents: list[str]
    adds: str
    schedule: bool
    row: int = 0

    @property
    def place(self):
        chapter = CHAPTER.match(self.page)
        return f"chapter {int(chapter[1])}" if chapter else "appendix"


@dataclass
class Size:
    """Of a drawing, in pixels: its width, the space between lanes, and what boxes hold."""

    name: str
    width: float
    gutter: float
    gap: float  # between rows
    line: float  # from one line of text to the next
    letters: int  # in a line of a box
    wordy: bool  # boxes say what a method adds


WIDE = Size("wide", width=880, gutter=26, gap=34, line=17, letters=26, wordy=True)
NARROW = Size("narrow", width=344, gutter=9, gap=26, line=15, letters=10, wordy=False)


def methods(source):
    """The methods by name, each with its row: below its parents, and no row goes back in time."""
    entries = yaml.safe_load(Path(source, DATA).read_text("utf-8"))
    years = parse_file(Path(source, SOURCES)).entries
    found = {
        e["name"]: Method(
            e["name"],
            int(years[e["cite"]].fields["year"]),
            e["page"],
            e["lane"],
            e["from"],
            e["adds"],
            e.get("schedule", False),
        )
        for e in entries
    }
    for method in found.values():
        if unknown := set(method.parents) - set(found):
            raise ValueError(f"{DATA}: {method.name} builds on {', '.join(unknown)}: not in it")
        if any(found[p].year > method.year for p in method.parents):
            raise ValueError(f"{DATA}: {method.name} is older than what it builds on")
    row, filled, placed = 0, set(), set()
    waiting = sorted(found.values(), key=lambda m: m.year)
    while waiting:
        # Of the oldest, one whose parents have their places.
        method = next(m for m in waiting if placed.issuperset(m.parents))
        if method.lane in filled or any(found[p].row == row for p in method.parents):
            row, filled = row + 1, set()
        method.row = row
        filled.add(method.lane)
        placed.add(method.name)
        waiting.remove(method)
    return found


def even(text, letters):
    """The text in as few lines as letters allow, of much the same length."""
    fewest = len(wrap(text, letters))
    return next(w for k in range(1, letters + 1) if len(w := wrap(text, k)) <= fewest)


class Drawing:
    """The boxes and lines of one drawing: `boxes` as {name: (left, top, right, bottom)}, `lines`
    as [(parent, child, points)]."""

    def __init__(self, found, size):
        self.found, self.size = found, size
        lanes = 1 + max(m.lane for m in found.values())
        self.pitch = (size.width - size.gutter) / lanes
        self.texts = {name: self._text(m) for name, m in found.items()}
        rows = 1 + max(m.row for m in found.values())
        lines = [
            max(len(self.texts[m.name]) for m in found.values() if m.row == r) for r in range(rows)
        ]
        self.tops, y = [], 2.0
        for count in lines:
            self.tops.append(y)
            y += count * size.line + 0.7 * size.line + size.gap
        self.height = y - size.gap + 2
        self.bottoms = [top - size.gap for top in [*self.tops[1:], self.height + size.gap - 2]]
        self.boxes = {name: self._box(m) for name, m in found.items()}
        self.tracks = {}
        self.lines = [
            (parent, m.name, self._route(found[parent], m))
            for m in sorted(found.values(), key=lambda m: m.row)
            for parent in m.parents
        ]

    def _text(self, m):
        """The lines in a box: its name, the year, and what it adds if there is room."""
        if self.size.wordy:
            return [m.name, *even(m.adds, self.size.letters)]
        return [*even(m.name, self.size.letters), str(m.year)]

    def _box(self, m):
        left = m.lane * self.pitch + self.size.gutter
        right = left + self.pitch - self.size.gutter
        return left, self.tops[m.row], right, self.bottoms[m.row]

    def _middle(self, m):
        left, _, right, _ = self.boxes[m.name]
        return (left + right) / 2

    def _track(self, line, owner):
        """How far from the middle of a passage this owner's line runs: each has its own."""
        owners = self.tracks.setdefault(line, [])
        if owner not in owners:
            owners.append(owner)
        n = owners.index(owner)
        return TRACK * ((n + 1) // 2) * (-1) ** n

    def _route(self, parent, child):
        """Down from the parent, across below it, down, across above the child, down to it."""
        x0, x1 = self._middle(parent), self._middle(child)
        others = [self.found[p] for p in child.parents if p != parent.name]
        if others and parent.lane != child.lane:
            x1 += APART if parent.lane > child.lane else -APART
        gutters = [k * self.pitch + self.size.gutter / 2 for k in range(8)]
        columns = [x1, x0, *sorted(gutters, key=lambda x: abs(x - x1) + abs(x - x0))]
        column = next(x for x in columns if self._is_free(x, parent.row, child.row))
        if column in gutters:
            column += self._track(("gutter", column), parent.name)
        start, end = self.bottoms[parent.row], self.tops[child.row]
        below = start + self.size.gap / 2 + self._track(parent.row, parent.name)
        points = [(x0, start), (x0, below), (column, below)]
        if column != x1:
            above = end - self.size.gap / 2 + self._track(child.row - 1, parent.name)
            points += [(column, above), (x1, above)]
        points.append((x1, end))
        return [p for i, p in enumerate(points) if i == 0 or p != points[i - 1]]

    def _is_free(self, x, above, below):
        between = (m for m in self.found.values() if above < m.row < below)
        return all(not self.boxes[m.name][0] <= x <= self.boxes[m.name][2] for m in between)

    def svg(self, uri):
        """The drawing, its boxes links: uri is a function of a page's name."""
        size = self.size
        parts = [
            f'<svg class="family-{size.name}" viewBox="0 0 {size.width:g} {self.height:g}" '
            'role="group" aria-label="Family tree: each box is an optimizer or a schedule, '
            'an arrow leads from an idea to what builds on it; in words below">'
        ]
        for _, _, points in self.lines:
            *rest, (x, y) = points
            way = " ".join(f"{a:g},{b:g}" for a, b in [*rest, (x, y - HEAD)])
            head = f"{x - HEAD:g},{y - 1.6 * HEAD:g} {x + HEAD:g},{y - 1.6 * HEAD:g} {x:g},{y:g}"
            parts.append(f'<polyline points="{way}"/><polygon points="{head}"/>')
        parts += [self._linked(m, uri) for m in self.found.values()]
        return "".join([*parts, "</svg>"])

    def _linked(self, m, uri):
        left, top, right, bottom = self.boxes[m.name]
        lines = self.texts[m.name]
        room = bottom - top - len(lines) * self.size.line
        tall = [top + room / 2 + (i + 0.78) * self.size.line for i in range(len(lines))]
        middle = (left + right) / 2
        name = len(lines) - 1 if not self.size.wordy else 1
        bold = ' class="family-name"'
        spans = "".join(
            f'<tspan x="{middle:g}" y="{y:g}"{bold if i < name else ""}>{escape(line)}'
            + (f' <tspan class="family-year">{m.year}</tspan>' if self.size.wordy and not i else "")
            + "</tspan>"
            for i, (line, y) in enumerate(zip(lines, tall, strict=True))
        )
        told = f"{m.name}, {m.year}, {m.place}: {m.adds}"
        kind = ' class="family-schedule"' if m.schedule else ""
        return (
            f'<a href="{uri(m.page)}" aria-label="{escape(told)}"{kind}>'
            f'<rect x="{left:g}" y="{top:g}" width="{right - left:g}" '
            f'height="{bottom - top:g}" rx="7"/><text>{spans}</text></a>'
        )


def in_words(found, uri):
    items = []
    for m in found.values():
        builds = f" builds on {' and '.join(m.parents)}:" if m.parents else ":"
        items.append(
            f'<li><a href="{uri(m.page)}">{escape(m.name)}</a> ({m.year}){builds} it '
            f"{escape(m.adds)}.</li>"
        )
    return (
        '<details class="folded"><summary>The tree in words</summary>'
        f"<ul>{''.join(items)}</ul></details>"
    )


class FamilyTree(SphinxDirective):
    def run(self):
        for file in (DATA, SOURCES):
            self.env.note_dependency(file)
        found = methods(self.env.srcdir)

        def uri(page):
            return self.env.app.builder.get_relative_uri(self.env.docname, page)

        pictures = "".join(Drawing(found, size).svg(uri) for size in (WIDE, NARROW))
        html = f'<figure class="family-tree">{pictures}{in_words(found, uri)}</figure>'
        return [nodes.raw("", html, format="html")]


def add_style(app, pagename, templatename, context, doctree):
    if doctree is not None and any(
        "family-tree" in raw.astext() for raw in doctree.findall(nodes.raw)
    ):
        app.add_css_file(STYLE)


def setup(app):
    app.add_directive("family-tree", FamilyTree)
    app.connect("html-page-context", add_style)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
