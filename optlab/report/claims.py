"""Verdicts on the deck's statements: what a notebook proved, checked, reproduced or refuted."""

from __future__ import annotations

import difflib
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from html import escape
from importlib.resources import files
from typing import Any

MIME = "application/vnd.optlab.claim+json"
KINDS = ("definition", "theorem", "claim", "figure", "table")
LETTERS = "abcdefghijklmnopq"  # the names of the errata
VERDICTS = ("proved", "checked", "reproduced", "refuted")


@dataclass(frozen=True)
class Statement:
    """One entry of claims.yml; the file's head explains the fields."""

    id: str
    slide: str
    kind: str
    statement: str
    notebook: str
    erratum: str = ""
    letter: str = ""
    check: str = ""
    printed: str = ""
    published: str = ""


@dataclass(frozen=True)
class Verdict:
    """What a notebook found about a statement. A notebook shows it as one line; the same
    fields travel beside the line as data, under the MIME type `MIME`."""

    statement: Statement
    verdict: str
    evidence: str

    def __repr__(self) -> str:
        tail = f" ({self.evidence})" if self.evidence else ""
        return f"[{self.verdict}] {self.statement.id}: {self.statement.statement}{tail}"

    def _repr_html_(self) -> str:
        tail = f" <small>({escape(self.evidence)})</small>" if self.evidence else ""
        return (
            f'<div class="optlab-claim"><strong>{self.verdict}</strong> '
            f"<code>{self.statement.id}</code>: {escape(self.statement.statement)}{tail}</div>"
        )

    def _repr_mimebundle_(self, include: Any = None, exclude: Any = None) -> dict[str, Any]:
        data = {"id": self.statement.id, "verdict": self.verdict, "evidence": self.evidence}
        return {"text/plain": repr(self), "text/html": self._repr_html_(), MIME: data}


def claim(
    id: str,
    /,
    *,
    proved: bool | None = None,
    checked: bool | None = None,
    reproduced: bool | None = None,
    refuted: bool | None = None,
    out_of_reach: str | None = None,
    evidence: str = "",
) -> None:
    """Show the verdict on one of the deck's statements::

        claim("adam-line-4", refuted=gap > 0.1, evidence=f"largest gap {gap:.2f}")

    Of the five verdicts exactly one is given: of the first four, with the condition that
    decides it. Where that is false, the verdict reads "not proved" and so on.

    Args:
        id: an id of claims.yml.
        proved: it follows from algebra done here.
        checked: it was tested on cases that would have shown a failure.
        reproduced: an experiment's outcome came out the same.
        refuted: it is false as the deck prints it.
        out_of_reach: why this book cannot judge the statement.
        evidence: the figures behind the verdict, rounded to what survives another processor.

    Raises:
        KeyError: for an unknown id.
        TypeError: for a condition that is not a bool, or for none or several verdicts.
    """
    statements = load()
    if id not in statements:
        near = difflib.get_close_matches(id, statements, n=3, cutoff=0.4)
        hint = f"; near it: {', '.join(near)}" if near else ""
        raise KeyError(f"claims.yml has no claim {id!r}{hint}")
    given = {
        "proved": proved,
        "checked": checked,
        "reproduced": reproduced,
        "refuted": refuted,
        "out of reach": out_of_reach,
    }
    given = {name: value for name, value in given.items() if value is not None}
    if len(given) != 1:
        named = ", ".join(given) or "none"
        raise TypeError(
            f"claim {id!r} needs exactly one of {', '.join(VERDICTS)}, out_of_reach; got {named}"
        )
    [(name, value)] = given.items()
    if name == "out of reach":
        if not (isinstance(value, str) and value):
            raise TypeError(f"claim {id!r}: out_of_reach must say why")
        verdict = Verdict(statements[id], name, f"{value}; {evidence}" if evidence else value)
    else:
        verdict = Verdict(statements[id], name if _truth(id, value) else f"not {name}", evidence)

    from IPython.display import display

    display(verdict)  # type: ignore[no-untyped-call]


@cache
def load() -> dict[str, Statement]:
    """The statements of claims.yml by id. ValueError names the entry at fault."""
    import yaml  # type: ignore[import-untyped]

    text = files("optlab.report").joinpath("claims.yml").read_text(encoding="utf-8")
    return parse(yaml.safe_load(text))


def parse(entries: list[Mapping[str, str]]) -> dict[str, Statement]:
    """Validate the entries of claims.yml: known fields, all filled, known kinds, unique ids."""
    statements: dict[str, Statement] = {}
    for number, entry in enumerate(entries, start=1):
        where = f"claims.yml, entry {number} ({entry.get('id', 'no id')})"
        try:
            statement = Statement(**entry)
        except TypeError as error:
            raise ValueError(f"{where}: {str(error).split('__init__() ')[-1]}") from None
        empty = [
            field for field, text in entry.items() if not (isinstance(text, str) and text.strip())
        ]
        if empty:
            raise ValueError(f"{where}: {', '.join(empty)} must be text")
        if statement.kind not in KINDS:
            raise ValueError(f"{where}: kind {statement.kind!r} is not one of {', '.join(KINDS)}")
        if not statement.erratum and set(entry) & {"letter", "check", "printed", "published"}:
            raise ValueError(f"{where}: letter, check, printed and published go with an erratum")
        if bool(statement.printed) != bool(statement.published):
            raise ValueError(f"{where}: printed and published go together")
        if statement.letter not in ("", *LETTERS):
            raise ValueError(f"{where}: letter {statement.letter!r} is not one of {LETTERS}")
        if statement.id in statements:
            raise ValueError(f"{where}: this id is taken")
        statements[statement.id] = statement
    return statements


def _truth(id: str, value: Any) -> bool:
    """A bool or a bool scalar of numpy or torch; no number passes for true."""
    if (
        not isinstance(value, bool)
        and getattr(value, "shape", None) == ()
        and hasattr(value, "item")
    ):
        value = value.item()
    if not isinstance(value, bool):
        raise TypeError(f"claim {id!r}: the condition must be a bool, not {type(value).__name__}")
    return value
