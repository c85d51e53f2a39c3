"""The pages made of claims.yml, papers.yml and the notebooks' stored outputs, when the book is
built.

Three directives: `ledger` and `errata` of the deck's statements, `papers` of those after it.
"""

import re
from collections import Counter
from itertools import groupby
from pathlib import Path

import yaml
from docutils import nodes
from sphinx.util.docutils import SphinxDirective

from optlab.report.claims import LETTERS, VERDICTS, parse
from optlab.report.ledger import NOT_YET, ledger

TRANSCRIPT = """The deck was read as a machine transcription: a text without pictures, colors or
bold type, in which an exponent or a single sign may have been lost. Quotes are verbatim parts of
that text, formulas in its notation. Where a verdict hangs on such a sign, the entry says so."""
LEDGER, ERRATA = "book/ledger", "book/errata"
ORDER = [*VERDICTS, NOT_YET]
SCRIPT = re.compile(r"([_^])(\{[^{}]*\}|\([^()]*\)|[A-Za-z0-9α-ω]+|[∞*])")
WORD = re.compile(r"[A-Za-z]{2}$")
MARKUP = re.compile(r"(<code>.*?</code>|<[^>]*>)", re.S)


class Page(SphinxDirective):
    """What both pages share: the data, links, and small pieces of text."""

    file = "claims.yml"

    def run(self):
        self.env.note_reread()  # the outputs of a notebook are no source of this page
        source = Path(self.env.srcdir)
        entries = yaml.safe_load((source / "optlab/report" / self.file).read_text("utf-8"))
        self.verdicts = list(ledger(parse(entries, self.file).values(), source / "notebooks"))
        return list(self.content_nodes())

    def link(self, document, anchor, text):
        uri = self.env.app.builder.get_relative_uri(self.env.docname, document)
        return nodes.reference("", text, internal=True, refuri=f"{uri}#{anchor}")

    def chapter(self, entry):
        """A link to the cell that judged the statement, or where it will be judged."""
        number = int(entry.statement.notebook.split("-")[0])
        if entry.verdict == NOT_YET:
            return nodes.Text(f"chapter {number}")
        anchor = f"claim-{entry.statement.id}"
        return self.link(f"notebooks/{entry.statement.notebook}", anchor, f"chapter {number}")

    def finding(self, entry):
        """The verdict, the chapter that found it, and the evidence, as paragraphs."""
        found = [
            paragraph("ledger-head", badge(entry.verdict), nodes.Text(" "), self.chapter(entry))
        ]
        if entry.evidence:
            found.append(paragraph("ledger-evidence", *text(entry.evidence)))
        return [*found, *self.basis(entry.statement)]

    def basis(self, statement):
        """What the verdict rests on, and what would have overturned it, as a list."""
        rows = {
            "Evidence": ": ".join(x for x in (statement.evidence, statement.strength) if x),
            "Would have failed if": statement.fails_if,
            "Asked for beforehand": "; ".join(
                f"{name} {criterion.text}" for name, criterion in statement.criteria.items()
            ),
            "Chosen after looking": statement.chosen_after,
            "Hangs on the transcription": statement.glyph,
            "Source": statement.source,
        }
        items = [
            nodes.list_item(
                "", paragraph("", nodes.strong("", f"{title}: "), *text(row.removesuffix(".")))
            )
            for title, row in rows.items()
            if row
        ]
        if items:
            yield nodes.bullet_list("", *items, classes=["ledger-basis"])

    def quote(self, statement):
        """The deck's own words, as the transcription has them, or the paper's."""
        if statement.quote:
            words = nodes.literal("", " ".join(statement.quote.split()))
            yield paragraph("ledger-quote", words)


class Ledger(Page):
    """Counts by verdict, then every statement under its slide."""

    def content_nodes(self):
        yield paragraph("", nodes.Text(" ".join(TRANSCRIPT.split())))
        yield self.counts()
        ids = {entry.statement.id for entry in self.verdicts}
        for slide, entries in groupby(self.verdicts, key=slide_of):
            anchor = nodes.make_id(slide)
            anchor = f"slide-{anchor}" if anchor in ids else anchor
            yield section(slide, anchor, map(self.entry, entries))

    def counts(self):
        counts = Counter(entry.verdict for entry in self.verdicts)
        order = sorted(counts, key=lambda name: ORDER.index(name) if name in ORDER else -1)
        items = [
            nodes.list_item("", paragraph("", badge(name), nodes.Text(f" {counts[name]}")))
            for name in order
        ]
        total = paragraph("", nodes.Text(f"{len(self.verdicts)} statements:"))
        listed = nodes.bullet_list("", *items, classes=["ledger-counts"])
        wrong = sum(bool(entry.statement.erratum) for entry in self.verdicts)
        note = f"{wrong} of them are printed wrongly or lack a condition; these carry an erratum."
        return nodes.container("", total, listed, paragraph("", nodes.Text(note)))

    def entry(self, entry):
        statement = entry.statement
        line = place_of(entry).removeprefix(slide_of(entry)).lstrip(", ")
        kind = f" · {statement.kind}, {line}" if line else f" · {statement.kind}"
        head, *evidence = self.finding(entry)
        head += nodes.inline("", kind, classes=["ledger-kind"])
        said = paragraph("ledger-statement", *text(statement.statement))
        erratum = [self.erratum(statement)] if statement.erratum else []
        quote = self.quote(statement)
        return card(statement.id, [head, *quote, said, *evidence, *erratum])

    def erratum(self, statement):
        name = f"Erratum ({statement.letter})" if statement.letter else "Erratum"
        link = self.link(ERRATA, f"erratum-{statement.id}", name)
        return paragraph("ledger-erratum", link, nodes.Text(": "), *text(statement.erratum))


class Papers(Ledger):
    """Every statement under its paper."""

    file = "papers.yml"

    def content_nodes(self):
        for paper, entries in groupby(self.verdicts, key=slide_of):
            yield section(paper, nodes.make_id(paper), map(self.entry, entries))


class Errata(Page):
    """The errata by letter, then those without one."""

    def content_nodes(self):
        yield paragraph("", nodes.Text(" ".join(TRANSCRIPT.split())))
        entries = [entry for entry in self.verdicts if entry.statement.erratum]
        for letter in LETTERS:
            group = [entry for entry in entries if entry.statement.letter == letter]
            slides = "; ".join(dict.fromkeys(slide_of(entry).split(":")[0] for entry in group))
            yield section(f"({letter}) {slides}", f"erratum-{letter}", self.letter(group))
        others = [entry for entry in entries if not entry.statement.letter]
        yield section("Without a letter", "erratum-others", map(self.entry, others))

    def letter(self, group):
        yield from map(self.entry, group)
        checks = [entry.statement.check for entry in group if entry.statement.check]
        label = nodes.strong("", "How the test tells the forms apart. ")
        yield paragraph("errata-check", label, *text(" ".join(checks)))

    def entry(self, entry):
        statement = entry.statement
        slide = [
            nodes.Text(" ("),
            self.link(LEDGER, statement.id, statement.slide),
            nodes.Text(")"),
        ]
        rows = {
            "The deck": [
                *self.quote(statement),
                paragraph("", *text(statement.statement), *slide),
                *formula(statement.printed),
            ],
            "Published": formula(statement.published),
            "Erratum": [paragraph("", *text(statement.erratum))],
            "Verdict": self.finding(entry),
        }
        items = [
            nodes.definition_list_item("", nodes.term("", title), nodes.definition("", *content))
            for title, content in rows.items()
            if content
        ]
        return card(f"erratum-{statement.id}", [nodes.definition_list("", *items)])


def place_of(entry):
    return entry.statement.slide or entry.statement.paper


def slide_of(entry):
    """The slide, or the paper, without the line or the section."""
    return place_of(entry).split(", ")[0]


def paragraph(kind, *parts):
    return nodes.paragraph("", "", *parts, classes=[kind] if kind else [])


def text(line):
    """Nodes for a line of claims.yml: w_{t+1} and β^t with their indices low and high."""
    kinds = {"": nodes.Text, "_": nodes.subscript, "^": nodes.superscript}
    for mark, part in scripts(line):
        yield kinds[mark](*([""] if mark else []), part)


def scripts(line):
    """The parts of a line, each after its mark: _ of what stands low, ^ of what high, or none."""
    done = 0
    for match in SCRIPT.finditer(line):
        mark, script = match.groups()
        if len(script) > 1 and script[0] not in "{(" and WORD.search(line[: match.start()]):
            continue  # a name such as cut_frac
        yield "", line[done : match.start()]
        yield mark, script.strip("{}()")
        done = match.end()
    yield "", line[done:]


def with_scripts(html):
    """The HTML of a claim, with indices low and high as in the ledger, but in its code."""
    tags = {"": "{}", "_": "<sub>{}</sub>", "^": "<sup>{}</sup>"}
    return "".join(
        part
        if part.startswith("<")
        else "".join(tags[mark].format(piece) for mark, piece in scripts(part))
        for part in MARKUP.split(html)
    )


def badge(text, verdict=None):
    kind = nodes.make_id(verdict or text)
    return nodes.inline("", text, classes=["verdict", f"verdict-{kind}"])


def formula(latex):
    return [nodes.math_block("", latex, nowrap=False, number=None)] if latex else []


def card(anchor, parts):
    return nodes.container("", *parts, ids=[anchor], classes=["ledger-entry"])


def section(title, anchor, parts):
    return nodes.section("", nodes.title("", title), *parts, ids=[anchor], names=[anchor])


def setup(app):
    app.add_directive("ledger", Ledger)
    app.add_directive("errata", Errata)
    app.add_directive("papers", Papers)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
