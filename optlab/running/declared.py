"""A notebook's parameters as its text declares them; nothing is run, torch is not loaded."""

from __future__ import annotations

import ast
import contextlib
import difflib
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from optlab.report.declarations import (
    Declaration,
    NoConstant,
    called,
    constant,
    declarations,
    parse,
)
from optlab.report.kinds import Kind
from optlab.report.parameters import describe, problems
from optlab.running.errors import RunError
from optlab.running.notebook import INJECTED, PARAMETERS, code_cells, load, tagged

CHECK = "check_parameters"


@dataclass(frozen=True)
class Parameter:
    """One line of a parameters cell: `lr: float = 0.01  # what it is`."""

    name: str
    annotation: str
    default: Any
    meaning: str
    injected: bool = False


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

        RunError, with a line for each name or value that is refused. What an earlier run has set
        comes first, as far as it is not set anew.
        """
        refused, given = [], {}
        for name, text in texts:
            if name in given:
                refused.append(f"{name} is set twice; give it one value")
            elif name in self.all:
                given[name] = read_value(text, Kind.of(self.all[name].annotation))
                if not _is_text(text):
                    refused.append(f"{name} is refused: {text!r} is no text in UTF-8")
                    given[name] = self.all[name].default
            else:
                near = difflib.get_close_matches(name, self.all, n=1)
                hint = f"did you mean {near[0]}?" if near else f"there are {', '.join(self.all)}"
                refused.append(f"{name} is not a parameter of this notebook; {hint}")
        annotations = {name: p.annotation for name, p in self.all.items()}
        values = {name: p.default for name, p in self.all.items()} | given
        refused += [line for _, line in problems(annotations, values, self.rules)]
        if refused:
            raise RunError("\n".join(refused))
        earlier = {name: p.default for name, p in self.all.items() if p.injected}
        return earlier | given


def read_value(text: str, kind: Kind) -> Any:
    """Text as a value of the declared type; where it is none, the text, for the check to refuse."""
    if kind.none and text.strip() in ("None", "none", "null"):
        return None
    if kind.container:
        inner = text.strip()
        for opening, closing in ("[]", "()"):
            if inner.startswith(opening) and inner.endswith(closing):
                inner = inner[1:-1]
                break
        parts = [part.strip() for part in inner.split(",") if part.strip()]
        kinds = kind.each if len(kind.each) == len(parts) else [kind.scalar] * len(parts)
        read = [_scalar(part, one) for part, one in zip(parts, kinds, strict=True)]
        return tuple(read) if kind.container == "tuple" else read
    if kind.choices and kind.scalar is None:  # a Literal of several types
        return next((one for one in kind.choices if str(one) == text), text)
    return _scalar(text, kind.scalar or "str")


def _scalar(text: str, scalar: str | None) -> Any:
    scalar = scalar or _guess(text)
    try:
        if scalar == "bool":
            return {"true": True, "false": False}[text.lower()]
        return {"int": int, "float": float}.get(scalar, str)(text)
    except (KeyError, ValueError):
        return text


def _is_text(text: str) -> bool:
    try:
        text.encode()
    except UnicodeEncodeError:  # bytes of the command line that are no UTF-8
        return False
    return True


def _guess(text: str) -> str:
    try:
        return type(ast.literal_eval(text)).__name__
    except (ValueError, SyntaxError, TypeError, MemoryError, RecursionError):
        return "str"


def read_parameters(notebook: Path) -> Parameters:
    """Parameters and rules from the notebook's text; nothing is run, and torch is not loaded.

    Of a notebook that is itself a run, what was set then is the default. RunError, in one line,
    says what of the notebook cannot be read.
    """
    return parameters_of(load(notebook), str(notebook))


def parameters_of(book: Mapping[str, Any], name: str) -> Parameters:
    """As `read_parameters`, of a notebook that is loaded. name: what errors call it."""
    code = [cell for cell in code_cells(book) if cell["source"].strip()]
    injected = [cell for cell in code if tagged(cell, INJECTED)]
    code = [cell for cell in code if not tagged(cell, INJECTED)]
    places = [i for i, cell in enumerate(code) if tagged(cell, PARAMETERS)]
    if len(places) != 1 or places[0] + 1 >= len(code):
        raise RunError(f"{name} has no parameters cell with a check after it")
    declared, check = (code[i]["source"] for i in (places[0], places[0] + 1))
    with _one_line(f"{name}, parameters cell"):
        parameters = {one.name: _parameter(one) for one in declarations(declared)}
    with _one_line(f"{name}, the cell after the parameters"):
        call = called(check, CHECK)
        if call is None:
            raise RunError(f"{name}: the cell after the parameters does not call {CHECK}")
        rules = _rules(call)
    for cell in injected[:1]:
        with _one_line(f"{name}, the cell that an earlier run has injected"):
            for key, value in _assigned(cell["source"]).items():
                if key in parameters:
                    parameters[key] = replace(parameters[key], default=value, injected=True)
    with _one_line(name):
        problems({n: p.annotation for n, p in parameters.items()}, _defaults(parameters), rules)
    return Parameters(parameters, rules)


def read_settings(notebook: Path, scale: str) -> dict[str, Any]:
    """What tables in the notebook's text, literals written `{...}[scale]`, hold for a scale.

    {} where there are none: optlab.experiments.scales has the settings of other chapters. Cells
    that are not Python are passed over.
    """
    held: dict[str, Any] = {}
    for cell in code_cells(load(notebook)):
        try:
            tree = parse(cell["source"])
        except SyntaxError:
            continue
        for node in ast.walk(tree):
            if (
                isinstance(node, ast.Subscript)
                and isinstance(node.value, ast.Dict)
                and ast.unparse(node.slice) == "scale"
            ):
                with contextlib.suppress(ValueError, TypeError):
                    held |= ast.literal_eval(node.value).get(scale, {})
    return held


def _parameter(one: Declaration) -> Parameter:
    if one.value is None:
        raise TypeError(f"line {one.line}: parameter {one.name} has no value; give it a default")
    try:
        default = constant(one.value)
    except NoConstant as error:
        raise TypeError(
            f"line {one.line}: the default of {one.name}, {error}, is no constant; write a literal"
            " or arithmetic with literals"
        ) from None
    kind = Kind.of(one.annotation)
    if kind.container == "tuple" and isinstance(default, list):
        default = tuple(default)
    return Parameter(one.name, one.annotation, default, one.comment)


def _defaults(parameters: Mapping[str, Parameter]) -> dict[str, Any]:
    return {name: parameter.default for name, parameter in parameters.items()}


def _rules(call: ast.Call) -> dict[str, Any]:
    rules = {}
    for keyword in call.keywords:
        text = ast.unparse(keyword.value)
        if keyword.arg is None:
            raise TypeError(f"**{text} cannot be read without running it; write name=rule for each")
        try:
            rules[keyword.arg] = constant(keyword.value)
        except NoConstant:
            raise TypeError(f"the rule {keyword.arg}={text} is no literal; write it out") from None
    return rules


def _assigned(source: str) -> dict[str, Any]:
    found = {}
    for line in parse(source).body:
        if isinstance(line, ast.Assign) and isinstance(line.targets[0], ast.Name):
            with contextlib.suppress(NoConstant):
                found[line.targets[0].id] = constant(line.value)
    return found


@contextlib.contextmanager
def _one_line(where: str) -> Iterator[None]:
    """What is wrong with a cell, as a RunError that says where."""
    try:
        yield
    except SyntaxError as error:
        line = f", line {error.lineno}" if error.lineno else ""
        raise RunError(f"{where}{line}: {error.msg}") from None
    except (TypeError, NoConstant) as error:
        raise RunError(f"{where}: {error}") from None
