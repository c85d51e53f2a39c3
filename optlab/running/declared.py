"""A notebook's parameters as its text declares them; nothing is run, torch is not loaded."""

from __future__ import annotations

import ast
import difflib
import io
import json
import tokenize
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from optlab.report.parameters import Kind, describe, problems
from optlab.running.errors import RunError


@dataclass(frozen=True)
class Parameter:
    """One line of a parameters cell: `lr: float = 0.01  # what it is`."""

    name: str
    annotation: str
    default: Any
    meaning: str


@dataclass(frozen=True)
class Parameters:
    """A notebook's parameters and the rules by which its check cell accepts them."""

    all: dict[str, Parameter]
    rules: dict[str, Any]

    def describe(self) -> list[str]:
        """One line for each: name, what is allowed, default, meaning."""
        lines = []
        for name, p in self.all.items():
            allowed = describe(Kind.of(p.annotation), self.rules[name])
            lines.append(f"{name}: {allowed} (default {p.default!r})  {p.meaning}".rstrip())
        return lines

    def accept(self, texts: Iterable[tuple[str, str]]) -> dict[str, Any]:
        """Names and values as written on the command line, as values of the declared types.

        RunError, with a line for each name or value that is refused.
        """
        refused, given = [], {}
        for name, text in texts:
            if name in given:
                refused.append(f"{name} is set twice; give it one value")
            elif name in self.all:
                given[name] = read_value(text, Kind.of(self.all[name].annotation))
            else:
                near = difflib.get_close_matches(name, self.all, n=1)
                hint = f"did you mean {near[0]}?" if near else f"there are {', '.join(self.all)}"
                refused.append(f"{name} is not a parameter of this notebook; {hint}")
        annotations = {name: p.annotation for name, p in self.all.items()}
        values = {name: p.default for name, p in self.all.items()} | given
        refused += [line for _, line in problems(annotations, values, self.rules)]
        if refused:
            raise RunError("\n".join(refused))
        return given


def read_value(text: str, kind: Kind) -> Any:
    """Text as a value of the declared type; where it is none, the text, for the check to refuse."""
    if kind.container:
        inner = text.strip().removeprefix("[").removesuffix("]")
        parts = [part.strip() for part in inner.split(",") if part.strip()]
        return [read_value(part, Kind(kind.scalar or _guess(part))) for part in parts]
    try:
        if kind.scalar == "bool":
            return {"true": True, "false": False}[text.lower()]
        return {"int": int, "float": float, "str": str}[kind.scalar or "str"](text)
    except (KeyError, ValueError):
        return text


def _guess(text: str) -> str:
    try:
        return type(ast.literal_eval(text)).__name__
    except (ValueError, SyntaxError):
        return "str"


def read_parameters(notebook: Path) -> Parameters:
    """Parameters and rules from the notebook's text; nothing is run, and torch is not loaded."""
    code = _code_cells(notebook)
    tagged = [i for i, c in enumerate(code) if "parameters" in c["metadata"].get("tags", [])]
    if len(tagged) != 1 or tagged[0] + 1 >= len(code):
        raise RunError(f"{notebook} has no parameters cell with a check after it")
    declared, check = ("".join(code[i]["source"]) for i in (tagged[0], tagged[0] + 1))
    rules = _rules(check)
    if rules is None:
        raise RunError(f"{notebook}: the cell after the parameters does not call check_parameters")
    return Parameters({p.name: p for p in _declarations(declared)}, rules)


def read_settings(notebook: Path, scale: str) -> dict[str, Any]:
    """What tables in the notebook's text, literals written `{...}[scale]`, hold for a scale.

    {} where there are none: optlab.experiments.scales has the settings of other chapters.
    """
    held: dict[str, Any] = {}
    for cell in _code_cells(notebook):
        for node in ast.walk(ast.parse("".join(cell["source"]))):
            if (
                isinstance(node, ast.Subscript)
                and isinstance(node.value, ast.Dict)
                and ast.unparse(node.slice) == "scale"
            ):
                held |= ast.literal_eval(node.value).get(scale, {})
    return held


def _code_cells(notebook: Path) -> list[dict[str, Any]]:
    try:
        cells = json.loads(notebook.read_text(encoding="utf-8"))["cells"]
    except (ValueError, KeyError) as error:
        raise RunError(f"{notebook} is not a notebook: {error}") from None
    return [cell for cell in cells if cell["cell_type"] == "code"]


def _declarations(source: str) -> Iterator[Parameter]:
    comments = {
        token.start[0]: token.string.lstrip("# ")
        for token in tokenize.generate_tokens(io.StringIO(source).readline)
        if token.type == tokenize.COMMENT
    }
    for line in ast.parse(source).body:
        if isinstance(line, ast.AnnAssign) and isinstance(line.target, ast.Name) and line.value:
            yield Parameter(
                line.target.id,
                ast.unparse(line.annotation),
                ast.literal_eval(line.value),
                comments.get(line.end_lineno or line.lineno, ""),
            )


def _rules(source: str) -> dict[str, Any] | None:
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Call):
            called = node.func
            name = called.attr if isinstance(called, ast.Attribute) else getattr(called, "id", "")
            if name == "check_parameters":
                return {k.arg: ast.literal_eval(k.value) for k in node.keywords if k.arg}
    return None
