"""What follows from the reader's text, as data that the page shows."""

from __future__ import annotations

import difflib
import math
from collections.abc import Iterator, Mapping
from functools import cache
from typing import Any

import sympy

from optlab.live import checks, exercises
from optlab.live.catalogue import CHAPTERS, Entry, entry
from optlab.live.checks.check import Check, Finding
from optlab.live.reading import mistake, read
from optlab.rules.names import label
from optlab.rules.rule import Rule
from optlab.symbolic import assignments, javascript_of_layer

Answer = dict[str, Any]  # JSON


def run(source: str, name: str, chapter: str | None = None, exercise: str | None = None) -> Answer:
    """What a text gives in the place of the book's rule `name`, as a chapter writes it.

    error: None, or `line` and `message`; all else is then empty.
    formula: lines, each `left`, `right` and both as `latex`; `changed` if the book's has no such.
    javascript: a step on arrays, as `javascript_of_layer` writes it, or None; `javascript_error`
        then says why.
    state: what each state variable starts at: a number, or JavaScript in p, the parameter.
    hyperparameters: `name`, `label` and `value` (None if it has no default); `fixed` if it is
        no number.
    checks: of the rule, each with `id`, `title`, what it found (`holds`, None if that is open,
        and `words`), and whether it holds for the book's own rule (`book`).
    exercise: None, or of the one that was asked for `id`, `right` and `words`.

    Raises:
        ValueError: there is no such rule to edit, or no such exercise on it.
    """
    answer = _empty()
    for part in parts(source, name, chapter, exercise):
        answer |= part
    return answer


def parts(
    source: str, name: str, chapter: str | None = None, exercise: str | None = None
) -> Iterator[Answer]:
    """The entries of the answer of `run`, a few at a time: what is known first comes first.

    `checks` comes again and again, each time with one more.
    """
    place, asked = entry(name, chapter), exercises.find(exercise, name, chapter)
    try:
        made, rule = read(source, place)
        formula = _formula(rule, place.shown)
    except Exception as error:
        wrong = mistake(error)
        yield {"error": {"line": wrong.line, "message": wrong.message}}
        return
    yield {
        "formula": _marked(formula, _books(name, chapter)),
        **_javascript(rule, name),
        "state": {k: _start(make) for k, make in rule.initial.items()},
        "hyperparameters": _hyperparameters(rule, place),
    }
    found: list[Answer] = []
    for check in checks.of(name):
        found = [*found, _asked(check, made, name)]
        yield {"checks": found}
    if asked:
        finding = exercises.judge(asked, rule)
        yield {"exercise": {"id": asked.name, "right": bool(finding.holds), "words": finding.words}}


def _asked(check: Check, made: Any, name: str) -> Answer:
    try:
        finding = check(made)
    except Exception as error:  # the rule has no such state, say
        words = f"It cannot be asked of this rule. {mistake(error).message}"
        finding = Finding(None, words)
    return {
        "id": check.name,
        "title": check.title,
        "holds": finding.holds,
        "words": finding.words,
        "book": name not in check.fails,
    }


def chapters() -> dict[str, Answer]:
    """What the pages offer, by chapter.

    rules: `name`, `title`, and `source` as the chapter prints it.
    exercises: `id`, `title`, `text`, the `rule` and the `source` that the reader starts from.
    """
    return {
        chapter: {
            "rules": [{"name": e.name, "title": e.title, "source": e.source} for e in entries],
            "exercises": [
                {"id": x.name, "title": x.title, "text": x.text, "rule": x.rule, "source": x.source}
                for x in exercises.EXERCISES
                if x.chapter == chapter
            ],
        }
        for chapter, entries in CHAPTERS.items()
    }


@cache
def book(name: str, chapter: str | None = None) -> Answer:
    """What the book's own text gives. Not to be changed: it is kept."""
    return run(entry(name, chapter).source, name, chapter)


def _empty() -> Answer:
    return {
        "error": None,
        "formula": [],
        "javascript": None,
        "javascript_error": None,
        "state": {},
        "hyperparameters": [],
        "checks": [],
        "exercise": None,
    }


def _formula(rule: Rule, shown: Mapping[str, Any]) -> list[tuple[str, str]]:
    """The lines of the formula; what the rule no longer has is not asked for."""
    general = {"names", "parameter", "gradient", "inline"}
    options = {k: x for k, x in shown.items() if k in general or k in rule.hyperparameters}
    return assignments(rule, **options)


@cache
def _books(name: str, chapter: str | None) -> list[tuple[str, str]]:
    place = entry(name, chapter)
    return _formula(place.rule, place.shown)


def _marked(lines: list[tuple[str, str]], books: list[tuple[str, str]]) -> list[dict[str, Any]]:
    matcher = difflib.SequenceMatcher(None, books, lines, autojunk=False)
    kept = {
        i for block in matcher.get_matching_blocks() for i in range(block.b, block.b + block.size)
    }
    return [
        {"left": left, "right": right, "latex": f"{left} = {right}", "changed": i not in kept}
        for i, (left, right) in enumerate(lines)
    ]


def _javascript(rule: Rule, name: str) -> Answer:
    try:
        text = javascript_of_layer(rule, name)
        if "matmul(" in text:  # the landscapes have two weights, and no matrix
            return {"javascript_error": "the rule is one of matrices"}
        return {"javascript": text}
    except Exception as error:  # whatever it is, the formula stays
        return {"javascript_error": mistake(error).message}


def _start(make: Any) -> float | str:
    value = sympy.sympify(make(sympy.Symbol("p")))
    return float(value) if value.is_number else str(sympy.jscode(value))


def _hyperparameters(rule: Rule, place: Entry) -> list[dict[str, Any]]:
    """Those of the rule. A default in the text goes before the book's."""
    defaults = place.rule.defaults | rule.defaults
    return [
        {
            "name": name,
            "label": label(name),
            "value": _plain(defaults.get(name)),
            "fixed": name in rule.flags,
        }
        for name in rule.hyperparameters
    ]


def _plain(value: Any) -> float | None:
    """A number or a truth value; None for anything else."""
    return value if isinstance(value, int | float) and math.isfinite(value) else None
