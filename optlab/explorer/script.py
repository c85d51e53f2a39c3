"""The generated script of the explorer."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import sympy

from optlab.explorer import schedules
from optlab.explorer.landscapes import LANDSCAPES, Landscape, c, t, x, y
from optlab.explorer.optimizers import HESSIAN, OPTIMIZERS, Choice
from optlab.explorer.schedules import SCHEDULES, Shape
from optlab.ops import zeros_like
from optlab.report.style import PALETTE
from optlab.symbolic import JAVASCRIPT_OPERATIONS, javascript_of_layer

PATH = Path("site/static/explorer/rules.js")
MOST = 3 * len(PALETTE)  # each color with a solid, a dashed and a dotted line
HEAD = """\
// Made by `optlab javascript` from optlab.rules, optlab.schedules and optlab.explorer.
// Not edited by hand: the tests compare it with what these give, and run it beside torch."""


def rules_script() -> str:
    """The text of `PATH`: `explorerData`, an object of functions and plain data.

    - optimizers: by id {label, step, init, positive, sliders, constants, chapter}: step as
      `javascript_of_layer` writes it, init the names of the state, which is zero at first
    - hessian: Sophia's average of curvatures
    - schedules: by id {label, multiplier(t, T, c), slider}
    - landscapes: by id the plain fields of `Landscape`, and value(x, y, t, c),
      gradient(x, y, t, c), curvature(x, y, t, c)
    - palette: the colors of the book's figures
    """
    if len(OPTIMIZERS) > MOST:
        raise ValueError(f"the page tells {MOST} optimizers apart, and here are {len(OPTIMIZERS)}")
    parts = [
        _entries("optimizers", {k: _optimizer(k, o) for k, o in OPTIMIZERS.items()}),
        f"  hessian: {_indented(javascript_of_layer(HESSIAN, 'hessian'))},",
        _entries("schedules", {k: _schedule(s) for k, s in SCHEDULES.items()}),
        _entries("landscapes", {k: _landscape(s) for k, s in LANDSCAPES.items()}),
        f"  palette: {json.dumps(PALETTE)},",
    ]
    body = "\n".join(parts)
    return (
        f"{HEAD}\nvar explorerData = (() => {{\n{JAVASCRIPT_OPERATIONS}\n"
        f"return {{\n{body}\n}};\n}})();\n"
    )


def _entries(name: str, entries: dict[str, dict[str, str]]) -> str:
    lines = [f"  {name}: {{"]
    for key, fields in entries.items():
        lines.append(f"    {json.dumps(key)}: {{")
        lines += [f"      {field}: {_indented(text, 6)}," for field, text in fields.items()]
        lines.append("    },")
    return "\n".join([*lines, "  },"])


def _indented(text: str, by: int = 2) -> str:
    """The text, its comment moved into the function that it is about."""
    comment = [line for line in text.splitlines() if line.startswith("//")]
    rest = [line for line in text.splitlines() if not line.startswith("//")]
    lines = [rest[0], *(f"  {line}" for line in comment), *rest[1:]]
    return f"\n{' ' * by}".join(lines)


def _plain(value: Any) -> str:
    return json.dumps(value, ensure_ascii=False)


def _optimizer(key: str, choice: Choice) -> dict[str, str]:
    if any(make is not zeros_like for make in choice.rule.initial.values()):
        raise ValueError(f"{key}: the page starts every state at zero, and this rule does not")
    return {
        "label": _plain(choice.label),
        "chapter": _plain(choice.chapter),
        "init": _plain(list(choice.rule.initial)),
        "positive": _plain(choice.positive),
        "sliders": _plain([slider.data() for slider in choice.sliders]),
        "constants": _plain(choice.constants),
        "step": javascript_of_layer(choice.rule, "step", **choice.fixed),
    }


def _schedule(shape: Shape) -> dict[str, str]:
    formula = shape.schedule(schedules.t)
    return {
        "label": _plain(shape.label),
        "slider": _plain(shape.slider and shape.slider.data()),
        "multiplier": f"(t, T, c) => {_line(formula)}",
    }


def _landscape(land: Landscape) -> dict[str, str]:
    point = f"({x}, {y}, {t}, {c})"
    fields = ("label", "about", "view", "start", "minima", "shown", "rates", "settings", "steps")
    plain = {name: _plain(getattr(land, name)) for name in fields}
    return {
        **plain,
        "slider": _plain(land.slider and land.slider.data()),
        "noise": _plain(land.noise),
        "game": _plain(land.mean is not None),
        "value": f"{point} => {_line(land.value)}",
        "gradient": f"{point} => [{', '.join(map(_line, land.gradient))}]",
        "curvature": f"{point} => [{', '.join(map(_line, land.curvature))}]",
    }


def _line(formula: sympy.Expr) -> str:
    return " ".join(sympy.jscode(sympy.sympify(formula)).split())
