"""The formula of a rule on the page."""

from __future__ import annotations

import inspect
import re
from collections.abc import Callable, Collection, Mapping
from typing import Any

import sympy
from sympy.core.parameters import evaluate
from sympy.printing.latex import (
    LatexPrinter,
    accepted_latex_functions,
    greek_letters_set,
    translate,
)
from sympy.printing.precedence import PRECEDENCE

from optlab.rules.names import NAMES
from optlab.rules.rule import Rule
from optlab.symbolic.recording import general, named, record
from optlab.symbolic.scalars import OfTensor

# The letters of the page for the names in the code; the last two are state.
LETTERS = {name: known.letter for name, known in NAMES.items()} | {"sum": "G", "x1": "x_1"}

CONSTANT = {"x1"}  # state that is set once, and has no time


def latex(rule: Rule, **options: Any) -> str:
    """The update as the page shows it, a LaTeX `aligned` block with a line per assignment.

    options: as in `assignments`.
    """
    body = " \\\\\n".join(f"{left} &= {right}" for left, right in assignments(rule, **options))
    return f"\\begin{{aligned}}\n{body}\n\\end{{aligned}}"


def assignments(
    rule: Rule,
    *,
    names: Mapping[str, str] | None = None,
    parameter: tuple[str, str] = (r"\theta_{t-1}", r"\theta_t"),
    gradient: str = "g_t",
    inline: Collection[str] = (),
    **fixed: Any,
) -> list[tuple[str, str]]:
    """The update as pairs of LaTeX, left side and right side; the last gives the parameter.

    Args:
        names: LaTeX for names of the rule, beyond and before LETTERS (`{"lr": r"\\alpha"}`).
        parameter: LaTeX of the parameter before and after the step.
        gradient: LaTeX of the gradient.
        inline, fixed: as in `record`.
    """
    letters = {**LETTERS, **(names or {})}
    if "eta" in rule.hyperparameters and "lr" not in (names or {}):
        letters["lr"] = r"\alpha"  # as in the AdamW paper, where η is the schedule

    def letter(name: str) -> str:
        if name in letters:
            return letters[name]
        if name.endswith("_hat"):
            base, mark, subscript = letter(name.removesuffix("_hat")).partition("_")
            return rf"\hat{{{base}}}{mark}{subscript}"
        if numbered := re.fullmatch(r"([A-Za-z]+)(\d+)", name):
            return f"{letter(numbered[1])}_{numbered[2]}"
        if name.lower() in greek_letters_set:
            return str(translate(name))
        return name if len(name) == 1 else rf"\mathrm{{{name.replace('_', ' ')}}}"

    def at(name: str, when: str) -> str:
        """The letter of a name with its time, beside the subscript that it may have."""
        base, _, subscript = letter(name).partition("_")
        if name in CONSTANT and name in rule.initial:
            return letter(name)
        when = f"{subscript},{when}" if subscript else when
        return f"{base}_{when}" if len(when) == 1 else f"{base}_{{{when}}}"

    probe = record(rule, lambda kind, name: sympy.Symbol(f"{kind} {name}"), **fixed)
    kept = {name for name, value in probe.state.items() if str(value) == f"state {name}"}

    def symbol(kind: str, name: str) -> sympy.Symbol:
        return sympy.Symbol(
            {
                "parameter": parameter[0],
                "gradient": gradient,
                "time": "t",
                "state": at(name, "t" if name in kept else "t-1"),
                "hyperparameter": letter(name),
                "local": at(name, "t"),
            }[kind]
        )

    recorded = general(record(rule, symbol, inline, **fixed))
    lines = [(at(name, "t"), page(value)) for name, value in recorded.steps]
    return [*lines, (parameter[1], page(recorded.parameter))]


def function_assignments(
    function: Callable[..., Any], names: Mapping[str, str], result: str, factor: str | None = None
) -> list[tuple[str, str]]:
    """A function of numbers, such as the formula of a schedule, as pairs of LaTeX.

    names: LaTeX for its arguments and for what it assigns, where that differs from the name.
    result: LaTeX of what it returns; with `factor`, of this times that.
    """
    lines: list[tuple[str, str]] = []

    def bind(name: str, value: Any) -> sympy.Symbol:
        lines.append((names.get(name, name), page(value)))
        return sympy.Symbol(names.get(name, name))

    formula = inspect.unwrap(function)
    arguments = {name: sympy.Symbol(names.get(name, name)) for name in _arguments(formula)}
    with evaluate(False):
        value = named(formula, bind)(**arguments)
        if factor:
            value = sympy.Symbol(factor) * value
        return [*lines, (result, page(value))]


def _arguments(function: Callable[..., Any]) -> list[str]:
    return list(inspect.signature(function).parameters)


def page(value: sympy.Expr) -> str:
    """LaTeX of an expression whose symbols are LaTeX already, its terms as they stand."""
    return str(_Page({"order": "none"}).doprint(value))


class _Page(LatexPrinter):
    """Prints symbols, which hold LaTeX already, as they are, and applies functions with ( )."""

    def _print_Symbol(self, expr: sympy.Symbol, style: str = "plain") -> str:
        return str(expr.name)

    def _print_Function(self, expr: sympy.Function, exp: Any = None) -> str:
        name = expr.func.__name__
        if isinstance(expr, OfTensor):
            text = type(expr).page(*(self._bracketed(a, expr.closeness) for a in expr.args))
            return text if exp is None else f"{text}^{{{exp}}}"
        called = f"\\{name}" if name in accepted_latex_functions else name
        return rf"{called}\!\left({self._print(expr.args[0])}\right)"

    def _bracketed(self, expr: sympy.Expr, closeness: str) -> str:
        if closeness == "Pow" and isinstance(expr, OfTensor) and expr.closeness == "Mul":
            return rf"\left({self._print(expr)}\right)"  # a product, although SymPy cannot know
        return str(self.parenthesize(expr, PRECEDENCE[closeness]))

    def _print_sign(self, expr: sympy.sign, exp: Any = None) -> str:
        return rf"\operatorname{{sign}}\!\left({self._print(expr.args[0])}\right)"


def operator(name: str) -> Callable[[Any], sympy.Expr]:
    """An unspecified function with LaTeX `name`, to stand for a projection: `operator(r"\\Pi")`."""
    return lambda x, *weights: sympy.Function(name)(x)
