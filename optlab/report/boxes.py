r"""The algorithm boxes of the chapters, with formulas that the rules give.

A box is a `{prf:algorithm}` in a chapter's text. Its numbered lines are prose, and each of
its formulas `$left \leftarrow right$` is one that a rule gives when it runs on symbols, unless
the box here says why it stands apart. `renewed` writes the right sides.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

import sympy
from sympy.core.parameters import evaluate

from optlab import rules, schedules
from optlab.live.catalogue import entry
from optlab.symbolic import assignments, function_assignments, page

Lines = list[tuple[str, str]]


@dataclass(frozen=True)
class Box:
    """What a box states.

    lines: gives the left and right sides that the code has, in order.
    apart: by left side, the formulas that are only in the box or only in the code, or are
        there in another form, and why.
    """

    lines: Callable[[], Lines]
    apart: Mapping[str, str] = field(default_factory=dict)


def of_rule(rule: rules.Rule, **options: Any) -> Callable[[], Lines]:
    return lambda: assignments(rule, **options)


def as_shown(name: str, **more: Any) -> Callable[[], Lines]:
    """What a rule gives, in the letters of the first chapter that shows it."""
    return of_rule(entry(name).rule, **entry(name).shown, **more)


def _adam_with_decay() -> Lines:
    """First without decay, for Adam with L2, where the gradient has it; then AdamW."""
    names = {"eta": r"\eta_t", "step": "r", "weight_decay": r"\bar{\lambda}"}
    return [
        *assignments(rules.adamw, names=names, weight_decay=0),
        *assignments(rules.adamw, names=names),
    ]


def _adamwr() -> Lines:
    names = {"eta": r"\eta_k", "weight_decay": r"\lambda_i"}
    norm = {"norm": r"\lambda_{\mathrm{norm}}", "T": "T_i"}
    return [
        *function_assignments(schedules.normalized_weight_decay, norm, r"\lambda_i"),
        *assignments(rules.adamw, names=names, inline=["step"]),
    ]


def _sophia() -> Lines:
    names = {"beta2": r"\beta_2", "h": "h_{t-1}", "h_hat": r"\hat{h}_t"}
    moment, *step = assignments(rules.sophia, names={"step": "u"})
    return [moment, *function_assignments(rules.average_hessian, names, "h_t"), *step]


def sgdr_rate() -> tuple[sympy.Expr, sympy.Expr]:
    """The rate in a cycle, as published and as `schedules.cosine` gives it.

    The schedule is a multiplier of the largest rate and knows the smallest as a fraction of it.
    """
    high, low, length, current = sympy.symbols(
        r"\eta_{\max} \eta_{\min} T_i T_{\mathrm{cur}}", positive=True
    )
    schedule = schedules.cosine(T=length, eta_min=low / high)
    within_cycle, _ = schedule(current).args[0]
    with evaluate(False):
        published = low + (high - low) * (1 + sympy.cos(sympy.pi * (current / length))) / 2
    return published, high * within_cycle


GRADIENT = {"g_t": "the gradient is given to the rule"}
BOXES = {
    "alg-gd": Box(as_shown("gradient_descent")),
    "alg-gd-momentum": Box(as_shown("momentum"), GRADIENT),
    "alg-adagrad-diagonal": Box(as_shown("adagrad", inline=["h", "y"]), GRADIENT),
    "alg-adagrad": Box(
        as_shown("adagrad_full_dual"),
        {
            "H_t": "the rule solves a system with this matrix and does not store it",
            "z_t": "the box has the mean of the gradients, as published",
            "x_{t+1}": "the rule has the minimum in closed form; the chapter proves that it is",
        },
    ),
    "alg-adam": Box(as_shown("adam"), GRADIENT),
    "alg-adafactor-factored": Box(as_shown("factored_adam"), {"G_t": GRADIENT["g_t"]}),
    "alg-adafactor": Box(
        as_shown("adafactor", beta2_decay=sympy.Float("-0.8", 1)), {"G_t": GRADIENT["g_t"]}
    ),
    "alg-amsgrad": Box(as_shown("amsgrad", eps=0), GRADIENT),
    "alg-wd-adamw": Box(
        _adam_with_decay, {"g_t": "the gradient is given to the rule; L changes it before"}
    ),
    "alg-awr": Box(
        _adamwr,
        dict.fromkeys(
            ("m_t", "v_t", r"\hat{m}_t", r"\hat{v}_t"), "the box refers to AdamW for the moments"
        ),
    ),
    "alg-lars": Box(as_shown("lars")),
    "alg-lars-deck": Box(as_shown("lars_deck")),
    "alg-lamb": Box(as_shown("lamb"), GRADIENT),
    "alg-ld": Box(
        lambda: function_assignments(
            schedules.slanted_triangular,
            {"cut": "k", "cut_frac": "c", "ratio": "R"},
            r"\eta_t",
            factor=r"\eta_{\max}",
        )
    ),
    "alg-sgdr": Box(
        lambda: [(r"\eta", page(sgdr_rate()[0]))],
        dict.fromkeys(
            (r"T_{\mathrm{cur}}", "i", "T_i"), "`schedules.cycle` counts whole updates instead"
        ),
    ),
    "alg-sophia": Box(_sophia, GRADIENT),
    "alg-muon": Box(
        of_rule(rules.muon, parameter=("X_{t-1}", "X_t"), gradient="G_t"),
        {
            "G_t": GRADIENT["g_t"],
            **dict.fromkeys(
                ("P_t", "Q_t", "R_t", "S_t", "Z_t"),
                "the box counts the five steps, and the rule has them",
            ),
        },
    ),
}

# Boxes that state no rule.
WITHOUT_RULE = {"alg-snapshot": "what is done with copies of the weights"}

_BOX = re.compile(r"(?ms)^(:{3,})\{prf:algorithm\}[^\n]*\n:label: ([\w-]+)\n(.*?)^\1$")
_LEFT = re.compile(r"(?m)([^$\n]+?) \\leftarrow")
_FORMULA = re.compile(r"\$(?:\\displaystyle )?([^$\n]+?) \\leftarrow ([^$\n]+)\$")


def labels(text: str) -> list[str]:
    """The labels of the boxes in a chapter's text."""
    return [match[2] for match in _BOX.finditer(text)]


def renewed(text: str) -> str:
    """A chapter's text with the formulas in its boxes as the rules give them.

    Raises:
        ValueError: a box is not in BOXES, or its formulas are not those of its rule.
    """
    return _BOX.sub(lambda box: box[0].replace(box[3], _renewed(box[2], box[3])), text)


def _renewed(label: str, body: str) -> str:
    if label in WITHOUT_RULE:
        return body
    if label not in BOXES:
        raise ValueError(f"{label}: no rule is named for this box; add it to {__name__}.BOXES")
    box = BOXES[label]
    given = list(dict.fromkeys(box.lines()))
    written = [left.removeprefix(r"\displaystyle ").strip() for left in _LEFT.findall(body)]
    if stale := box.apart.keys() - {*written, *(left for left, _ in given)}:
        raise ValueError(f"{label}: neither box nor rule has {', '.join(sorted(stale))}")
    due = [(left, right) for left, right in given if left not in box.apart]
    order = list(dict.fromkeys(left for left, _ in due))
    found = [left for left in written if left not in box.apart]
    if list(dict.fromkeys(found)) != order or len(found) != len(due):
        raise ValueError(f"{label}: the box assigns {found}, the rule {[x for x, _ in due]}")
    rights = {left: [b for a, b in due if a == left] for left in order}

    def write(formula: re.Match[str]) -> str:
        if (left := formula[1]) not in rights:
            return formula[0]
        right = rights[left].pop(0)
        style = r"\displaystyle " if r"\frac" in right else ""
        return rf"${style}{left} \leftarrow {right}$"

    return _FORMULA.sub(write, body)
