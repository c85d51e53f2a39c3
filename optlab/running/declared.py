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
    """One line of a parameters cell: `lr: float = 0.01  # what it is`. injected: the default is
    what an earlier run of the notebook set."""

    name: str
    kind: Kind
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
            allowed = describe(p.kind, self.rules[name])
            lines.append(f"{name}: {allowed} (default {p.default!r})  {p.meaning}".rstrip())
        return lines

    def kind(self, name: str) -> Kind:
        """The type of a parameter; of a name that the notebook does not have, text."""
        return self.all[name].kind if name in self.all else Kind("str")

    def read(self, texts: Iterable[tuple[str, str]]) -> tuple[dict[str, Any], list[str]]:
        """Names and values as written on the command line: the values of the declared types, and
        a line for each name or value that is refused."""
        given: dict[str, Any] = {}
        refused = []
        for name, text in texts:
            if name in given:
                refused.append(f"{name} is set twice; give it one value")
            elif name not in self.all:
                near = difflib.get_close_matches(name, self.all, n=1)
                hint = f"did you mean {near[0]}?" if near else f"there are {', '.join(self.all)}"
                refused.append(f"{name} is not a parameter of this notebook; {hint}")
            elif not _is_text(text):
                refused.append(f"{name} is refused: {text!r} is no text in UTF-8")
            else:
                given[name] = read_value(text, self.all[name].kind)
        return given, refused + self._refused(given)

    def accept(self, texts: Iterable[tuple[str, str]]) -> dict[str, Any]:
        """As `read`, and defaults are checked, too. RunError, with a line for each refusal.

        What an earlier run has set comes first, as far as it is not set anew.
        """
        given, refused = self.read(texts)
        defaults = {name: p.default for name, p in self.all.items()}
        refused += self._refused({n: value for n, value in defaults.items() if n not in given})
        if refused:
            raise RunError("\n".join(refused))
        return {name: p.default for name, p in self.all.items() if p.injected} | given

    def _refused(self, values: Mapping[str, Any]) -> list[str]:
        """A line for each of these values that is refused; a rule is of one parameter alone."""
        rules = {name: rule for name, rule in self.rules.items() if name in values}
        return [line for _, line in problems({n: self.all[n].kind for n in values}, values, rules)]


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
    except UnicodeEncodeError:  # bytes of the command line that are not UTF-8
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
        # A default may be refused: another value can be given. What cannot be read may not be.
        kinds = {name: one.kind for name, one in parameters.items()}
        problems(kinds, {name: one.default for name, one in parameters.items()}, rules)
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
    return Parameter(one.name, kind, default, one.comment)


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
