"""Statements, one entry each, and what an entry must have: the deck's are in claims.yml, those
of papers after it in papers.yml."""

from __future__ import annotations

import difflib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from functools import cache
from importlib.resources import files
from typing import Any

from optlab.report.claims.criteria import Criterion

KINDS = ("definition", "theorem", "claim", "figure", "table")
LETTERS = "abcdefghijklmnopq"  # the names of the errata

# Each verdict, and the kinds of evidence that it may rest on.
VERDICTS: dict[str, frozenset[str]] = {
    "proved": frozenset({"proof"}),
    "proved under conditions": frozenset({"proof"}),
    "checked": frozenset({"independent program", "transcription"}),
    "reproduced": frozenset({"experiment"}),
    "false": frozenset({"counterexample"}),
    "misprint": frozenset({"counterexample", "independent program", "transcription"}),
    "differs from its source": frozenset({"counterexample", "experiment", "transcription"}),
    "differs from an earlier text": frozenset({"transcription"}),
    "not reproduced here": frozenset({"experiment"}),
    "undecided here": frozenset({"experiment"}),
    "needs the paper's scale": frozenset({"experiment", "none"}),
    "not testable": frozenset({"none"}),
    "definition": frozenset({"independent program", "proof", "counterexample"}),
}
EVIDENCE = frozenset().union(*VERDICTS.values())
# Verdicts that the estimates of an experiment decide.
MEASURED = ("reproduced", "not reproduced here", "undecided here")
# Verdicts without a condition that could fail.
UNJUDGED = ("needs the paper's scale", "not testable")


@dataclass(frozen=True)
class Statement:
    """One entry of claims.yml, or of papers.yml; the files' heads explain the fields."""

    id: str
    kind: str
    statement: str
    notebook: str
    slide: str = ""
    paper: str = ""
    quote: str = ""
    context: tuple[str, ...] = ()
    verdict: str = ""
    evidence: str = ""
    strength: str = ""
    fails_if: str = ""
    criteria: Mapping[str, Criterion] = field(default_factory=dict)
    chosen_after: str = ""
    glyph: str = ""
    source: str = ""
    erratum: str = ""
    letter: str = ""
    check: str = ""
    printed: str = ""
    published: str = ""

    @property
    def quotes(self) -> tuple[str, ...]:
        """The quote, and what else of the deck it is read with."""
        return (self.quote, *self.context) if self.quote else self.context


@cache
def load() -> dict[str, Statement]:
    """The deck's statements by id. ValueError names the entry at fault."""
    return _read("claims.yml")


@cache
def load_papers() -> dict[str, Statement]:
    """The statements of papers after the deck by id. ValueError names the entry at fault."""
    return _read("papers.yml")


def known() -> dict[str, Statement]:
    """All statements by id, the deck's first."""
    return {**load(), **load_papers()}


def find(id: str) -> Statement:
    """The statement of that id, the deck's or a paper's. KeyError names those near it."""
    statements = known()
    if id not in statements:
        near = difflib.get_close_matches(id, statements, n=3, cutoff=0.4)
        hint = f"; near it: {', '.join(near)}" if near else ""
        raise KeyError(f"claims.yml has no claim {id!r}{hint}")
    return statements[id]


def parse(entries: Iterable[Mapping[str, Any]], file: str = "claims.yml") -> dict[str, Statement]:
    """Validate entries: known fields, all filled, known words, unique ids."""
    statements: dict[str, Statement] = {}
    for number, entry in enumerate(entries, start=1):
        where = f"{file}, entry {number} ({entry.get('id', 'no id')})"
        try:
            statement = _statement(entry)
        except (TypeError, ValueError) as error:
            raise ValueError(f"{where}: {str(error).split('__init__() ')[-1]}") from None
        if statement.id in statements:
            raise ValueError(f"{where}: this id is taken")
        statements[statement.id] = statement
    return statements


def _read(file: str) -> dict[str, Statement]:
    import yaml  # type: ignore[import-untyped]

    text = files("optlab.report").joinpath(file).read_text(encoding="utf-8")
    return parse(yaml.safe_load(text), file)


def _statement(entry: Mapping[str, Any]) -> Statement:
    if entry.get("verdict") is False:  # YAML's reading of the word
        entry = {**entry, "verdict": "false"}
    texts = {key: x for key, x in entry.items() if key not in ("context", "criteria")}
    if empty := [key for key, x in texts.items() if not (isinstance(x, str) and x.strip())]:
        raise ValueError(f"{', '.join(empty)} must be text")
    context = entry.get("context", [])
    if not (isinstance(context, list) and all(isinstance(x, str) and x.strip() for x in context)):
        raise ValueError("context must be a list of texts")
    criteria = entry.get("criteria", {})
    if not isinstance(criteria, dict):
        raise ValueError("criteria must name estimates, each with a condition such as '< 0'")
    statement = Statement(
        **texts,
        context=tuple(context),
        criteria={str(name): Criterion.read(text) for name, text in criteria.items()},
    )
    if bool(statement.slide) == bool(statement.paper):
        raise ValueError("an entry says where it stands: a slide, or a paper")
    if statement.paper and statement.erratum:
        raise ValueError("errata are the deck's")
    if statement.kind not in KINDS:
        raise ValueError(f"kind {statement.kind!r} is not one of {', '.join(KINDS)}")
    if not statement.erratum and set(entry) & {"letter", "check", "printed", "published"}:
        raise ValueError("letter, check, printed and published go with an erratum")
    if bool(statement.printed) != bool(statement.published):
        raise ValueError("printed and published go together")
    if statement.letter not in ("", *LETTERS):
        raise ValueError(f"letter {statement.letter!r} is not one of {LETTERS}")
    _check_verdict(statement)
    return statement


def _check_verdict(statement: Statement) -> None:
    together = {"verdict", "evidence", "strength", "fails_if", "quote"}
    given = {name for name in together if getattr(statement, name)}
    if given != together:
        raise ValueError(f"an entry needs {', '.join(sorted(together - given))} as well")
    if statement.verdict not in VERDICTS:
        raise ValueError(f"verdict {statement.verdict!r} is not one of {', '.join(VERDICTS)}")
    if statement.evidence not in VERDICTS[statement.verdict]:
        allowed = ", ".join(sorted(VERDICTS[statement.verdict]))
        raise ValueError(
            f"evidence {statement.evidence!r} does not carry {statement.verdict!r}: {allowed} does"
        )
    if statement.verdict in MEASURED and not statement.criteria:
        raise ValueError(f"{statement.verdict!r} needs criteria, fixed before the run")
    if statement.criteria and statement.evidence != "experiment":
        raise ValueError("criteria are for experiments")
    if statement.verdict.startswith("differs") and not statement.source:
        raise ValueError(f"{statement.verdict!r} needs source: which edition, and who read it")
