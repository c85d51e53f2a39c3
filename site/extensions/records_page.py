"""The page of recorded runs and benches: what is in book/results, beside what the book has now.

Two directives: `records`, and `benches` with the kind of bench.
"""

from collections.abc import Callable
from dataclasses import dataclass
from itertools import groupby
from pathlib import Path

from docutils import nodes
from ledger_pages import badge, paragraph, text
from sphinx.util.docutils import SphinxDirective
from status_page import table
from take_along import html

from optlab.bench import grid, saving, steps, together
from optlab.experiments.scales import SCALES
from optlab.records import RESULTS, read
from optlab.report.ledger import verdicts
from optlab.running.recording import settings_in_the_code


class Page(SphinxDirective):
    """What both directives share."""

    def run(self):
        self.env.note_reread()  # what is in book/results is no source of this page
        self.source = Path(self.env.srcdir)
        try:
            return list(self.content_nodes())
        except ValueError as error:
            raise self.error(str(error)) from None

    def link(self, document, name, anchor=""):
        uri = self.env.app.builder.get_relative_uri(self.env.docname, document)
        return nodes.reference("", name, internal=True, refuri=uri + anchor)

    def commit(self, commit):
        """A commit's first digits, a link where the repository's address is known."""
        if not commit or commit == "unknown":
            return nodes.Text("commit unknown")
        sha, _, changed = commit.partition("-")
        name = f"{sha[:7]} and changes" if changed else sha[:7]
        if repository := self.config.html_theme_options.get("repository_url"):
            return nodes.reference("", name, refuri=f"{repository}/commit/{sha}")
        return nodes.literal("", name)


class Records(Page):
    """A row for each recorded run, and below it what the runs found that the chapters did not."""

    def content_nodes(self):
        notebooks = {path.stem: path for path in sorted(self.source.glob("notebooks/*.ipynb"))}
        found = {name: [] for name in notebooks}
        for path in sorted((self.source / RESULTS).glob("*.json")):
            made = read(path)
            if made.chapter not in found or made.scale not in SCALES:
                what = f"no notebook is called {made.chapter}, or no scale {made.scale}"
                raise ValueError(f"{path}: {what}; remove the file")
            found[made.chapter].append(made)
        rows, verdict, evidence = [], [], []
        for name, records in found.items():
            own = {claim["id"]: claim for claim in verdicts(notebooks[name])}
            rows += self.rows(name, sorted(records, key=lambda r: SCALES.index(r.scale)), own)
            for made in records:
                for claim in made.verdicts:
                    mine = own.get(claim["id"])
                    if mine is None or mine["verdict"] != claim["verdict"]:
                        verdict.append(self.other(made, claim, mine))
                    elif mine["evidence"] != claim["evidence"]:
                        evidence.append(self.other(made, claim, mine))
        runs = table(["Chapter", "Scale", "Verdicts", "Settings", "Run", "Code"], rows)
        runs["classes"].append("records")
        yield runs
        if verdict:
            yield paragraph("", nodes.Text("Verdicts that are not those of the chapter:"))
            yield nodes.bullet_list("", *verdict, classes=["other-verdicts"])
        if evidence:
            yield from folded(
                f"The same verdict with other figures: {len(evidence)} statements",
                nodes.bullet_list("", *evidence, classes=["other-evidence"]),
            )

    def rows(self, name, records, own):
        if not records:
            missing = [[nodes.Text("not recorded")], *([nodes.Text("")] for _ in range(4))]
            yield [[self.link(f"notebooks/{name}", name)], *missing]
        for made in records:
            now = settings_in_the_code(name, made.scale, self.source / "notebooks")
            changed = [line.split(":")[0] for line in made.outdated(now)]
            settings = f"changed since: {', '.join(changed)}" if changed else "current"
            yield self.row(made, own, settings, vars(made))
            for earlier in made.earlier:
                yield self.row(made, own, "of that version", earlier)

    def row(self, made, own, settings, run):
        versions = run["versions"]
        code = nodes.Text(f"optlab {versions['optlab']}, torch {versions['torch']}, ")
        return [
            [self.link(f"notebooks/{made.chapter}", made.chapter)],
            [nodes.Text(made.scale)],
            [nodes.Text(agreement(run["verdicts"], own))],
            [nodes.Text(settings)],
            [nodes.Text(f"{run['seconds']:.0f} s, {run['device']}, seed {made.seed}")],
            [code, self.commit(run["commit"])],
        ]

    def other(self, made, claim, mine):
        """A statement's verdict and evidence in a run, and in the chapter."""
        link = self.link(f"notebooks/{made.chapter}", claim["id"], f"#claim-{claim['id']}")
        parts = [link if mine else nodes.Text(claim["id"]), nodes.Text(f" at {made.scale}: ")]
        parts += finding(claim)
        if mine:
            parts += [nodes.Text(" In the chapter: "), *finding(mine)]
        else:
            parts += [nodes.Text(" The chapter has no such claim.")]
        return nodes.list_item("", paragraph("", *parts))


def agreement(judged, own):
    """How many verdicts of a run are those of the chapter."""
    if not own and not judged:
        return "no claims"
    if not judged:
        return "not kept"
    same = sum(own.get(c["id"], {}).get("verdict") == c["verdict"] for c in judged)
    return f"{same} of {len(judged)}"


def finding(claim):
    return badge(claim["verdict"]), nodes.Text(" "), *text(f"{claim['evidence']}.".lstrip("."))


def folded(summary, *content):
    yield html(f'<details class="folded"><summary>{summary}</summary>')
    yield from content
    yield html("</details>")


@dataclass(frozen=True)
class Kind:
    """How the rows of a bench are shown: the table they belong to, their name in it, numbers."""

    module: object
    head: str
    title: Callable
    label: Callable
    numbers: Callable


def step_numbers(row):
    others = {name: f"{1 / ratio:.2f}" for name, ratio in row.ratios.items()}
    if row.shapes != "transformer":  # what is small stays in the cache
        return others
    return {"of copy": f"{row.of_copy_bandwidth:.0%}"} | others


KINDS = {
    "steps": Kind(
        module=steps,
        head="Optimizer",
        title=lambda row: f"{row.shapes}, {row.parameters:,} weights, {row.execution}",
        label=lambda row: row.algorithm,
        numbers=step_numbers,
    ),
    "grid": Kind(
        module=grid,
        head="Configurations",
        title=lambda row: row.network,
        label=lambda row: str(row.configurations),
        numbers=lambda row: {"loop / grid": f"{row.ratio:.1f}"},
    ),
    "together": Kind(
        module=together,
        head="Optimizer",
        title=lambda row: "",
        label=lambda row: row.algorithm,
        numbers=lambda row: {f"of {together.UNIT}'s": f"{row.ratio:.2f}"},
    ),
}
SAID_ELSEWHERE = ("device", "machine", "threads", "optlab", "date", "commit")


class Benches(Page):
    """For each machine its runs, newest first, and tables of ratios with a row for each run."""

    required_arguments = 1

    def content_nodes(self):
        name = self.arguments[0]
        benches = saving.recorded(name, self.source / RESULTS)
        if not benches:
            said = [nodes.Text("None is recorded. To record one: ")]
            how = nodes.literal("", f".venv/bin/optlab bench{saving.KINDS[name]} --record")
            yield paragraph("", *said, how)
        for machine, same in groupby(sorted(benches, key=machine_of), key=machine_of):
            yield from self.of_machine(KINDS[name], machine, list(same))

    def of_machine(self, kind, machine, benches):
        yield paragraph("", nodes.strong("", machine), nodes.Text(". "), *self.runs(benches))
        rows = [(bench, row) for bench in benches for row in bench.rows]
        for title in dict.fromkeys(kind.title(row) for _, row in rows):
            if title:
                yield paragraph("", nodes.emphasis("", title))
            yield ratios(kind, [(b, row) for b, row in rows if kind.title(row) == title])
        yield from printed(kind, benches)

    def runs(self, benches):
        for bench in benches:
            conditions = {k: v for k, v in bench.conditions.items() if k not in SAID_ELSEWHERE}
            version, date = bench.conditions["optlab"], bench.conditions.get("date")
            told = [f"{name} {number(value)}" for name, value in conditions.items()]
            dated = f"optlab {version} of {date}" if date else f"optlab {version}, undated"
            yield nodes.Text(f"{dated}: {', '.join(told)}, ")
            yield self.commit(bench.conditions.get("commit", ""))
            yield nodes.Text(". ")


def ratios(kind, rows):
    """A table: rows of the same name one under the other, in the order of their runs."""
    several = len({id(bench) for bench, _ in rows}) > 1
    numbers = list(dict.fromkeys(name for _, row in rows for name in kind.numbers(row)))
    labels = list(dict.fromkeys(kind.label(row) for _, row in rows))
    cells = []
    for bench, row in sorted(rows, key=lambda pair: labels.index(kind.label(pair[1]))):
        shown = [kind.label(row), *([bench.conditions["optlab"]] if several else [])]
        shown += [kind.numbers(row).get(name, "–") for name in numbers]
        cells.append([[nodes.Text(text)] for text in shown])
    return table([kind.head, *(["optlab"] if several else []), *numbers], cells)


def printed(kind, benches):
    """What the command printed of each bench, times included, folded."""
    for bench in benches:
        summary = f"What optlab {bench.conditions['optlab']} printed, in milliseconds"
        lines = "\n".join(kind.module.table(row) for row in bench.rows)
        yield from folded(summary, nodes.literal_block(lines, lines, language="none"))


def machine_of(bench):
    return bench.machine


def number(value):
    return f"{value:.1f}" if isinstance(value, float) else f"{value}"


def setup(app):
    app.add_directive("records", Records)
    app.add_directive("benches", Benches)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
