"""Verdicts on statements, the deck's and later papers': what a notebook proved, checked,
reproduced or disproved."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from html import escape
from typing import Any

from optlab.report.claims import statements
from optlab.report.claims.criteria import Criterion, Estimate, judge
from optlab.report.claims.quotes import assigned, letters, undeclared
from optlab.report.claims.statements import (
    KINDS,
    LETTERS,
    MEASURED,
    UNJUDGED,
    VERDICTS,
    Statement,
    known,
    load,
    load_papers,
    parse,
)

__all__ = [
    "KINDS",
    "LETTERS",
    "MEASURED",
    "MIME",
    "UNJUDGED",
    "VERDICTS",
    "Criterion",
    "Estimate",
    "Statement",
    "Verdict",
    "assigned",
    "claim",
    "judge",
    "known",
    "letters",
    "load",
    "load_papers",
    "overturned",
    "parse",
    "undeclared",
]

MIME = "application/vnd.optlab.claim+json"


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
    holds: bool | None = None,
    /,
    *,
    evidence: str = "",
    estimates: Mapping[str, Sequence[Estimate]] | None = None,
) -> None:
    """Show the verdict on one of the deck's statements, or of a later paper's.

    The verdict is that of claims.yml or papers.yml, and it must come out::

        claim("adam-line-4", gap > 0.1, evidence=f"largest gap {gap:.2f}")

    shows *misprint*, or *not misprint* where the condition is false. What an experiment
    found is decided by the criteria of claims.yml, for each of three sets of seeds::

        claim("adamw-conclusion", estimates={"AdamW less Adam, %": [first, second, third]})

    A statement that this book does not judge needs neither, but a reason as `evidence`.

    Args:
        id: an id of claims.yml or papers.yml.
        holds: the condition that decides the verdict.
        evidence: the figures behind the verdict, rounded to what survives another processor.
        estimates: for each criterion of the statement, a mean and interval from each set.

    Raises:
        KeyError: for an unknown id.
        TypeError: for a condition that is not a bool, or for what the verdict does not take.
    """
    statement = statements.find(id)
    verdict = _judged(statement, holds, evidence, estimates)

    from IPython.display import display

    display(verdict)  # type: ignore[no-untyped-call]


def overturned(verdict: str) -> bool:
    """Whether a verdict that was shown says that the one expected did not come out.

    >>> overturned("not proved"), overturned("not reproduced here")
    (True, False)
    """
    expected = verdict.removeprefix("not ").split(", but ")[0]
    return expected != verdict and expected in VERDICTS


def _judged(
    statement: Statement,
    holds: bool | None,
    evidence: str,
    estimates: Mapping[str, Sequence[Estimate]] | None,
) -> Verdict:
    id, word = statement.id, statement.verdict
    if word in MEASURED:
        if estimates is None or holds is not None:
            raise TypeError(f"claim {id!r}: {word!r} is decided by estimates, and by them alone")
        found, figures = judge(statement.criteria, estimates)
        evidence = f"{evidence}; {figures}" if evidence else figures
        name = found if found == word else f"not {word}, but {found}"
        return Verdict(statement, name, evidence)
    if estimates is not None:
        raise TypeError(f"claim {id!r}: {word!r} takes no estimates")
    if word in UNJUDGED:
        if holds is not None or not evidence:
            raise TypeError(f"claim {id!r}: {word!r} takes a reason as evidence, and no condition")
        return Verdict(statement, word, evidence)
    return Verdict(statement, word if _truth(id, holds) else f"not {word}", evidence)


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
