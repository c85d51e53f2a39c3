"""Annotated lines, `lr: float = 0.01  # what it is`, read from the text of a cell.

The text, since it is what stays the same: a running program keeps its annotations in another
place since Python 3.14, and there only those of the last statement of a cell.
"""

from __future__ import annotations

import ast
import io
import operator
import re
import tokenize
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from typing import Any

LARGEST = 4096  # bits of a power that a default may be written as
_BINARY: dict[type[ast.operator], Callable[[Any, Any], Any]] = {
    ast.Add: operator.add,
    ast.Sub: operator.sub,
    ast.Mult: operator.mul,
    ast.Div: operator.truediv,
    ast.FloorDiv: operator.floordiv,
    ast.Mod: operator.mod,
    ast.Pow: operator.pow,
}
_UNARY: dict[type[ast.unaryop], Callable[[Any], Any]] = {
    ast.USub: operator.neg,
    ast.UAdd: operator.pos,
    ast.Not: operator.not_,
}


class NoConstant(ValueError):
    """An expression that must be run to be known."""


@dataclass(frozen=True)
class Declaration:
    """An annotated name. annotation: its text. value: None where there is none. comment: what
    stands behind the line, without what a terminal would obey."""

    name: str
    annotation: str
    value: ast.expr | None
    comment: str
    line: int


def parse(source: str) -> ast.Module:
    """A cell as Python reads it, IPython's own syntax (`%magic`, `!command`) included.

    SyntaxError where it is neither.
    """
    try:
        return _parse(source)
    except SyntaxError as error:
        from IPython.core.inputtransformer2 import TransformerManager  # slow to load

        try:
            changed = TransformerManager().transform_cell(source)  # type: ignore[no-untyped-call]
            return _parse(changed)
        except SyntaxError:
            raise error from None


def declarations(source: str) -> list[Declaration]:
    """The annotated names of a cell, in order; also those under a magic such as %%time.

    SyntaxError if the cell cannot be read.
    """
    tree = parse(source)
    comments = _comments(source)
    found = []
    for statement in _statements(tree.body):
        if isinstance(statement, ast.AnnAssign) and isinstance(statement.target, ast.Name):
            line = statement.end_lineno or statement.lineno
            found.append(
                Declaration(
                    statement.target.id,
                    ast.unparse(statement.annotation),
                    statement.value,
                    comments.get(line, ""),
                    statement.lineno,
                )
            )
        elif inner := _under_a_magic(statement):
            found += declarations(inner)
    return found


def declared_types(cells: Iterable[str], names: Iterable[str]) -> dict[str, str]:
    """Names and the texts of their annotations, as the newest cells declare them.

    cells: what was run, oldest first. Of these the newest that declare one of `names` count,
    with all that they declare, so that neither an annotated variable elsewhere nor a cell as it
    was before it was edited takes part.
    """
    wanted, found = set(names), dict[str, str]()
    for source in reversed(list(cells)):
        if not wanted:
            break
        if ":" not in source:
            continue
        try:
            here = {one.name: one.annotation for one in declarations(source)}
        except (SyntaxError, NoConstant):
            continue
        if wanted & here.keys():
            wanted -= here.keys()
            found = here | found
    return found


def constant(node: ast.expr) -> Any:
    """The value of literals and of arithmetic with them, `2**-3`; nothing is run.

    NoConstant for anything else.
    """
    if isinstance(node, ast.BinOp) and type(node.op) in _BINARY:
        left, right = constant(node.left), constant(node.right)
        _bounded(node, left, right)
        try:
            return _BINARY[type(node.op)](left, right)
        except (ArithmeticError, TypeError, ValueError):
            raise NoConstant(ast.unparse(node)) from None
    if isinstance(node, ast.UnaryOp) and type(node.op) in _UNARY:
        try:
            return _UNARY[type(node.op)](constant(node.operand))
        except TypeError:
            raise NoConstant(ast.unparse(node)) from None
    if isinstance(node, ast.List):
        return [constant(one) for one in node.elts]
    if isinstance(node, ast.Tuple):
        return tuple(constant(one) for one in node.elts)
    if (
        isinstance(node, ast.Call)
        and isinstance(node.func, ast.Name)
        and node.func.id == "float"
        and len(node.args) == 1
        and not node.keywords
    ):  # float("inf")
        try:
            return float(constant(node.args[0]))
        except (TypeError, ValueError, OverflowError):
            raise NoConstant(ast.unparse(node)) from None
    try:
        return ast.literal_eval(node)
    except (ValueError, TypeError, SyntaxError, MemoryError, RecursionError):
        raise NoConstant(ast.unparse(node)) from None


def called(source: str, name: str) -> ast.Call | None:
    """The first call of a function of this name, plain or dotted. SyntaxError as `parse`."""
    tree = parse(source)
    for statement in tree.body:
        if inner := _under_a_magic(statement):
            return called(inner, name)
    for node in ast.walk(tree):
        if isinstance(node, ast.Call):
            function = node.func
            own = function.attr if isinstance(function, ast.Attribute) else ""
            if name in (own, getattr(function, "id", "")):
                return node
    return None


def printable(text: str) -> str:
    """The text without the control characters that a terminal would obey."""
    return "".join(c if c.isprintable() else " " * c.isspace() for c in text)


def _parse(source: str) -> ast.Module:
    try:
        return ast.parse(source)
    except (ValueError, RecursionError, MemoryError) as error:  # null bytes; nested too deep
        raise SyntaxError(str(error) or "it is nested too deep") from None


def _statements(body: list[ast.stmt]) -> Iterator[ast.stmt]:
    """Those of the cell itself, also under `if` and `with`, but not in functions and classes."""
    for statement in body:
        yield statement
        if not isinstance(statement, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
            for field in ("body", "orelse", "finalbody"):
                yield from _statements(getattr(statement, field, []))


def _under_a_magic(statement: ast.stmt) -> str:
    """The text of a cell that starts with %%time or the like, if it is Python."""
    if not (isinstance(statement, ast.Expr) and isinstance(statement.value, ast.Call)):
        return ""
    call = statement.value
    if not (isinstance(call.func, ast.Attribute) and call.func.attr == "run_cell_magic"):
        return ""
    if len(call.args) != 3 or not isinstance(call.args[2], ast.Constant):
        return ""
    text = str(call.args[2].value)
    try:
        parse(text)
    except SyntaxError:
        return ""
    return text


def _comments(source: str) -> dict[int, str]:
    """The comments of a cell by line. Of a cell that is not all Python, those up to there."""
    found: dict[int, str] = {}
    python = re.sub(r"(?m)^[ \t]*[%!].*$", "", source)  # no line is lost
    try:
        for token in tokenize.generate_tokens(io.StringIO(python).readline):
            if token.type == tokenize.COMMENT:
                found[token.start[0]] = printable(token.string.lstrip("# ")).strip()
    except (tokenize.TokenError, SyntaxError):
        pass
    return found


def _bounded(node: ast.BinOp, left: Any, right: Any) -> None:
    """NoConstant for a sum of a size that would take memory: 9**9**9, [0] * 10**9."""
    if isinstance(node.op, ast.Pow) and isinstance(left, int) and isinstance(right, int):
        if abs(right) * max(left.bit_length(), 1) > LARGEST:
            raise NoConstant(ast.unparse(node))
    elif isinstance(node.op, ast.Mult | ast.Mod):
        for value in (left, right):
            if not isinstance(value, int | float):
                raise NoConstant(ast.unparse(node))
