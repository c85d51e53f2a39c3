"""The step of a rule in the browser."""

from __future__ import annotations

import inspect
from functools import partial
from typing import Any

import sympy
from sympy.printing.jscode import JavascriptCodePrinter

from optlab.rules.rule import Rule
from optlab.symbolic.recording import general, record
from optlab.symbolic.scalars import Guarded, OfTensor


def javascript(rule: Rule, **fixed: Any) -> str:
    """A JavaScript function that takes one step of `rule` on one coordinate::

        name(p, g, s, t, hyper) -> [p, s]

    with the state s and the hyperparameters hyper as objects under the rule's names.
    Elementwise rules apply it to each coordinate; where a rule takes 0/0 as 0, this gives NaN.
    `fixed` as in `record`.

    Raises:
        ValueError: the rule looks at a tensor as a whole.
    """
    recorded = general(record(rule, _in_javascript, **fixed))
    values = [*(v for _, v in recorded.steps), recorded.parameter, *recorded.state.values()]
    if of_tensors := sorted({f.func.__name__ for v in values for f in v.atoms(OfTensor)}):
        raise ValueError(
            f"{rule.name} needs {', '.join(of_tensors)} of a tensor, and javascript() writes steps "
            "of one coordinate: choose an elementwise rule, or javascript_of_layer()"
        )
    write = partial(sympy.jscode, order="none")
    lines = [f"  const {name} = {write(value)};" for name, value in recorded.steps]
    state = ", ".join(f"{name}: {write(value)}" for name, value in recorded.state.items())
    lines.append(f"  return [{write(recorded.parameter)}, {{{state}}}];")
    return _written(rule, rule.name, lines)


# What `javascript_of_layer` calls, with the meaning that these operations have in optlab.ops.
JAVASCRIPT_OPERATIONS = """\
const divide = (x, y) => x / (y === 0 ? 1 : y);
const ratio = (x, y) => (x > 0 && y > 0 ? x / y : 1);
const mean = (x) => x.reduce((sum, a) => sum + a, 0) / x.length;
const norm = (x) => Math.sqrt(x.reduce((sum, a) => sum + a * a, 0));"""


def javascript_of_layer(rule: Rule, name: str | None = None, **fixed: Any) -> str:
    """A JavaScript function that takes one step of `rule` on a layer of n coordinates::

        name(p, g, s, t, hyper) -> [p, s]

    with p, g and every entry of s arrays of n numbers, and norms and means over all n. It is
    called `rule.name` if no other name is given, and calls JAVASCRIPT_OPERATIONS. `fixed` as
    in `record`.

    Raises:
        ValueError: the rule looks at rows, columns or products of a matrix.
    """
    recorded = record(rule, _in_javascript, **fixed)
    write = _Layer({"p", "g", *(f"s.{entry}" for entry in rule.initial)})
    lines = [write.assignment(local, value) for local, value in recorded.steps]
    state = ", ".join(f"{entry}: {write.array(value)}" for entry, value in recorded.state.items())
    lines.append(f"  return [{write.array(recorded.parameter)}, {{{state}}}];")
    if write.refused:
        raise ValueError(
            f"{rule.name} needs {', '.join(sorted(write.refused))} of a matrix, and "
            "javascript_of_layer() writes steps of one array: choose another rule"
        )
    return _written(rule, name or rule.name, lines)


class _Layer(JavascriptCodePrinter):
    """Prints expressions in which some names are arrays, entry by entry."""

    def __init__(self, arrays: set[str]):
        super().__init__({"order": "none"})
        self.arrays = arrays
        self.refused: set[str] = set()

    def assignment(self, name: str, value: sympy.Expr) -> str:
        if not self.is_array(value):
            return f"  const {name} = {self.doprint(value)};"
        text = self.array(value)
        self.arrays.add(name)
        return f"  const {name} = {text};"

    def is_array(self, value: sympy.Basic) -> bool:
        if isinstance(value, sympy.Symbol):
            return value.name in self.arrays
        return not isinstance(value, OfTensor) and any(map(self.is_array, value.args))

    def array(self, value: sympy.Expr) -> str:
        if isinstance(value, sympy.Symbol):
            return str(value.name)
        return f"p.map((_, i) => {self.doprint(value)})"

    def _print_Symbol(self, expr: sympy.Symbol) -> str:
        return f"{expr.name}[i]" if expr.name in self.arrays else f"{expr.name}"

    def _print_Function(self, expr: sympy.Function) -> str:
        name = expr.func.__name__
        if isinstance(expr, Guarded):
            return f"{name}({', '.join(self._print(a) for a in expr.args)})"
        if isinstance(expr, OfTensor):
            if name not in ("mean", "norm"):
                self.refused.add(name)
            return f"{name}({self.array(expr.args[0])})"
        return str(super()._print_Function(expr))


def _in_javascript(kind: str, name: str) -> sympy.Symbol:
    return sympy.Symbol({"state": "s.", "hyperparameter": "hyper."}.get(kind, "") + name)


def _written(rule: Rule, name: str, lines: list[str]) -> str:
    about = inspect.getdoc(rule.function) or ""
    comment = "\n".join(f"// {line}".rstrip() for line in about.splitlines())
    return "\n".join([comment, f"function {name}(p, g, s, t, hyper) {{", *lines, "}"])
