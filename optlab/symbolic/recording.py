"""A rule as straight-line text: what it assigns, in order."""

from __future__ import annotations

import ast
import inspect
import textwrap
from collections.abc import Callable, Collection
from dataclasses import dataclass
from types import FunctionType
from typing import Any

import sympy
from sympy.core.parameters import evaluate

from optlab.rules.rule import Rule, State
from optlab.symbolic.scalars import Guarded


@dataclass(frozen=True)
class Record:
    """A rule as straight-line text: what it assigns, in order, and what it returns."""

    steps: tuple[tuple[str, sympy.Expr], ...]
    parameter: sympy.Expr
    state: dict[str, sympy.Expr]


def record(
    rule: Rule,
    symbol: Callable[[str, str], Any],
    inline: Collection[str] = (),
    **fixed: Any,
) -> Record:
    """Run `rule` once on scalar symbols, unevaluated, naming every value it assigns.

    Args:
        symbol: symbol(kind, name) makes the symbol of a name; kind is "parameter", "gradient",
            "time", "state", "hyperparameter" or "local".
        inline: names whose values are put where they are used.
        fixed: hyperparameters that are not symbols: flags, projections, numbers. Those whose
            default is a flag or a function take that default.
    """
    steps: list[tuple[str, sympy.Expr]] = []

    def bind(name: str, value: Any) -> Any:
        if not isinstance(value, sympy.Expr) or value.is_Atom or name in inline:
            return value  # an atom has a name already
        if name in {"p", "g", "s", "t", "hyper", *(earlier for earlier, _ in steps)}:
            raise ValueError(
                f"{rule.name} gives {name} a second value; give each value its own name"
            )
        steps.append((name, _tidy(value)))
        return symbol("local", name)

    hyper = {name: symbol("hyperparameter", name) for name in rule.numbers} | rule.flags | fixed
    unknown = set(fixed) - set(rule.hyperparameters)
    if unknown:
        raise TypeError(f"{rule.name} has no hyperparameter {', '.join(sorted(unknown))}")
    state = State(**{name: symbol("state", name) for name in rule.initial})
    with evaluate(False):
        p, s = named(rule.function, bind)(
            symbol("parameter", "p"), symbol("gradient", "g"), state, symbol("time", "t"), **hyper
        )
        return Record(tuple(steps), _tidy(p), {k: _tidy(v) for k, v in vars(s).items()})


def named(function: Callable[..., Any], bind: Callable[[str, Any], Any]) -> Callable[..., Any]:
    """A rule's function with every `name = value` made `name = bind("name", value)`.

    Rules that it calls, and functions beside it, are treated alike.
    """
    tree = ast.parse(textwrap.dedent(inspect.getsource(function)))
    definition = tree.body[0]
    assert isinstance(definition, ast.FunctionDef)
    definition.decorator_list = []
    ast.increment_lineno(definition, function.__code__.co_firstlineno - 1)  # for tracebacks
    for node in ast.walk(definition):
        if isinstance(node, ast.Assign):
            (target,) = node.targets
            if not isinstance(target, ast.Name):
                continue  # q, s = another rule: the names are given there
            name = ast.Constant(target.id)
            node.value = ast.Call(ast.Name("__bind__", ast.Load()), [name, node.value], [])
    module = ast.fix_missing_locations(ast.Module([definition], type_ignores=[]))
    scope = {**function.__globals__, **inspect.getclosurevars(function).nonlocals}
    for used in function.__code__.co_names + function.__code__.co_freevars:
        called = scope.get(used)
        if isinstance(called, Rule):
            scope[used] = named(called.function, bind)
        elif isinstance(called, FunctionType) and called.__module__ == function.__module__:
            scope[used] = named(called, bind)
    scope["__bind__"] = bind
    code = compile(module, inspect.getsourcefile(function) or "<rule>", "exec")
    exec(code, scope)  # noqa: S102 - the text of a function that is loaded already
    made: Callable[..., Any] = scope[definition.name]
    return made


def _tidy(expr: Any) -> sympy.Expr:
    """Drop factors 1 and terms 0, which fixed hyperparameters leave in unevaluated arithmetic,
    and the brackets of a sum within a sum; of x - (x - y), where x is an atom, leave y."""
    expr = sympy.sympify(expr)
    if expr.is_Atom:
        return expr
    args = [_tidy(a) for a in expr.args]
    if expr.is_Mul and any(a.is_zero for a in args):
        return sympy.Integer(0)
    if expr.is_Add:
        args = [b for a in args for b in (a.args if a.is_Add else (a,))]
        args = _cancelled(args)
    if expr.is_Mul or expr.is_Add:
        kept = [a for a in args if a != expr.identity]
        return expr.func(*kept) if len(kept) > 1 else kept[0] if kept else expr.identity
    return expr.func(*args)


def _cancelled(terms: list[sympy.Expr]) -> list[sympy.Expr]:
    """The terms of a sum, without an atom and a difference from it that is subtracted."""
    for subtracted in (a for a in terms if a.is_Mul and a.args[0] == -1 and a.args[-1].is_Add):
        inner = subtracted.args[-1].args
        if len(subtracted.args) == 2 and inner[0] in terms and inner[0].is_Atom:
            rest = [a for a in terms if a not in (inner[0], subtracted)]
            return _cancelled([*rest, *map(_opposite, inner[1:])])
    return terms


def _opposite(term: sympy.Expr) -> sympy.Expr:
    if term.is_Mul and term.args[0] == -1:
        return term.func(*term.args[1:]) if len(term.args) > 2 else term.args[1]
    return sympy.Mul(-1, term)


def general(record: Record) -> Record:
    """The record with x / y for every guarded quotient."""

    def change(expr: sympy.Expr) -> sympy.Expr:
        if expr.is_Atom:
            return expr
        args = [change(a) for a in expr.args]
        return args[0] / args[1] if isinstance(expr, Guarded) else expr.func(*args)

    with evaluate(False):
        return Record(
            tuple((name, _tidy(change(value))) for name, value in record.steps),
            _tidy(change(record.parameter)),
            {name: _tidy(change(value)) for name, value in record.state.items()},
        )
