"""For each claim, a change under which its verdict no longer comes out.

A claim that holds whatever the rule, the data or the deck's words are says nothing. So each has a
`Mutation` in the table of its chapter (`chapter_NN.py`), and the chapter's second run tries them:
after the cell of a claim, a copy of the kernel runs the changed cells again and says what the
verdict becomes. The copy ends there; the notebook goes on as if nothing had been.
"""

from __future__ import annotations

import inspect
import json
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from importlib import import_module
from pathlib import Path
from typing import Any

from nbformat.v4 import new_code_cell

from mutations import child
from optlab.report.claims import known, overturned
from optlab.report.claims.statements import UNJUDGED

MARK = "mutated: "


@dataclass(frozen=True)
class Mutation:
    """What is changed for one claim. Each text must be there exactly once, so that none is left
    behind by a change of the chapter.

    edits: texts of the chapter's cells, and what takes their place. rules: for a rule's name, a
    text of its source and what takes its place; with its module, such as "schedules.cosine", so
    for any function of optlab. quotes: the same in the deck's words, as the claim's entry has
    them. again: texts of further cells that are to run again, changed or not, since they lie
    between the change and the claim. The claim's own cell always does.
    """

    edits: Mapping[str, str] = field(default_factory=dict)
    rules: Mapping[str, tuple[str, str]] = field(default_factory=dict)
    quotes: Mapping[str, str] = field(default_factory=dict)
    again: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        if not (self.edits or self.rules or self.quotes):
            raise ValueError("a mutation changes something: give edits, rules or quotes")


def table(chapter: str) -> dict[str, Mutation]:
    """The mutations of a chapter, by the ids of its claims. chapter: such as "03-adam"."""
    if not Path(__file__).with_name(f"chapter_{chapter[:2]}.py").exists():
        return {}
    found: dict[str, Mutation] = import_module(f"mutations.chapter_{chapter[:2]}").MUTATIONS
    return found


def due(chapter: str) -> set[str]:
    """The claims of a chapter that something decides."""
    return {id for id, s in known().items() if s.notebook == chapter and s.verdict not in UNJUDGED}


def insert(book: Any, mutations: Mapping[str, Mutation]) -> None:
    """Put a cell after the cell of each claim, which tries its mutation. `book` is changed.

    ValueError: a text is not there exactly once, or lies after the claim."""
    code = [c for c in book.cells if c.cell_type == "code"]
    tries: dict[int, dict[str, Any]] = {}
    for id, mutation in mutations.items():
        at = cell_of_claim(code, id)
        tries.setdefault(at, {})[id] = {
            "cells": sources(code, at, mutation),
            "rules": {name: list(change) for name, change in mutation.rules.items()},
            "quotes": dict(mutation.quotes),
        }
    for at, asked in tries.items():
        lines = [inspect.getsource(child), f"for _id, _asked in {asked!r}.items():"]
        lines += [f"    print({MARK!r} + try_out(_id, _asked))"]
        cell = new_code_cell("\n".join(lines), id=f"mutated-{at}")
        book.cells.insert(book.cells.index(code[at]) + 1, cell)


def sources(code: list[Any], at: int, mutation: Mutation) -> list[str]:
    """The cells that run again, changed, in their order. at: the claim's cell."""
    changed = {at: code[at].source}
    for text in (*mutation.again, *mutation.edits):
        i = cell_of(code, text)
        if i > at:
            raise ValueError(f"{text!r} lies after the claim that it is to change")
        changed.setdefault(i, code[i].source)
        if text in mutation.edits:
            if changed[i].count(text) != 1:
                raise ValueError(f"{text!r} is not there once after the other edits")
            changed[i] = changed[i].replace(text, mutation.edits[text])
    return [changed[i] for i in sorted(changed)]


def cell_of_claim(code: list[Any], id: str) -> int:
    """The one cell that judges it."""
    judges = re.compile(rf'report\.claim\(\s*"{re.escape(id)}"')
    [at] = [i for i, cell in enumerate(code) if judges.search(cell.source)]
    return at


def cell_of(code: list[Any], text: str) -> int:
    """The one cell that has this text, once."""
    times = [cell.source.count(text) for cell in code]
    if sum(times) != 1:
        raise ValueError(f"{text!r} is {sum(times)} times in the code, not once")
    return times.index(1)


def found(book: Any) -> dict[str, str]:
    """For each claim that was tried in an executed notebook, what became of its verdict."""
    texts = [o.get("text", "") for c in book.cells for o in c.get("outputs", [])]
    lines = [line for text in texts for line in text.splitlines() if line.startswith(MARK)]
    return dict(json.loads(line.removeprefix(MARK)) for line in lines)


def survivors(verdicts: Mapping[str, str], mutated: Mapping[str, str]) -> dict[str, str]:
    """The claims whose verdict came out all the same, or came to none. verdicts: of the same run,
    without mutations."""
    return {
        id: verdict
        for id, verdict in mutated.items()
        if verdict == verdicts.get(id) or not overturned(verdict)
    }
