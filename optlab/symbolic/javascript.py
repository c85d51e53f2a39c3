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
# An array of numbers is a column; a matrix is an array of rows.
JAVASCRIPT_OPERATIONS = """\
const divide = (x, y) => x / (y === 0 ? 1 : y);
const ratio = (x, y) => (x > 0 && y > 0 ? x / y : 1);
const mean = (x) => x.flat().reduce((sum, a) => sum + a, 0) / x.flat().length;
const norm = (x) => Math.sqrt(x.flat().reduce((sum, a) => sum + a * a, 0));
const rows = (x) => x.map((a) => [a].flat());
const transpose = (x) => rows(x)[0].map((_, j) => rows(x).map((a) => a[j]));
const entry = (a, b) => a.reduce((sum, c, k) => sum + c * b[k], 0);
const matmul = (x, y) => {
  const columns = transpose(y);
  const product = rows(x).map((a) => columns.map((b) => entry(a, b)));
  return Array.isArray(y[0]) ? product : product.flat();
};"""


def javascript_of_layer(
    rule: Rule, name: str | None = None, *, matrix: bool = False, **fixed: Any
) -> str:
    """A JavaScript function that takes one step of `rule` on a layer::

        name(p, g, s, t, hyper) -> [p, s]

    with p, g and every entry of s arrays of n numbers, or with `matrix` arrays of n rows of m
    numbers; norms and means are over all of them. It is called `rule.name` if no other name is
    given, and calls JAVASCRIPT_OPERATIONS. `fixed` as in `record`.

    Raises:
        ValueError: the rule looks at rows or columns one by one, or takes a root of a matrix.
    """
    recorded = record(rule, _in_javascript, **fixed)
    arrays = ("p", "g", *(f"s.{entry}" for entry in rule.initial))
    write = _Layer(dict.fromkeys(arrays, 2 if matrix else 1))
    for local, value in recorded.steps:
        write.assign(local, value)
    state = ", ".join(f"{entry}: {write.array(value)}" for entry, value in recorded.state.items())
    new = write.array(recorded.parameter)
    lines = [*write.lines, f"  return [{new}, {{{state}}}];"]
    if write.refused:
        raise ValueError(
            f"{rule.name} needs {', '.join(sorted(write.refused))} of a matrix, and "
            "javascript_of_layer() writes steps of one array: choose another rule"
        )
    return _written(rule, name or rule.name, lines)


class _Layer(JavascriptCodePrinter):
    """Prints expressions in which some names are arrays or matrices, entry by entry.

    dimensions: 1 or 2 for those names. lines: what was assigned.
    """

    def __init__(self, dimensions: dict[str, int]):
        super().__init__({"order": "none"})
        self.dimensions = dimensions
        self.lines: list[str] = []
        self.products: dict[str, str] = {}
        self.refused: set[str] = set()

    def assign(self, name: str, value: sympy.Expr) -> None:
        dimensions = self.dimensions_of(value)
        text = self.array(value) if dimensions else self.doprint(value)
        self.lines.append(f"  const {name} = {text};")
        self.dimensions[name] = dimensions

    def dimensions_of(self, value: sympy.Basic) -> int:
        """0 for a number, 1 for an array, 2 for a matrix."""
        if isinstance(value, sympy.Symbol):
            return self.dimensions.get(value.name, 0)
        if isinstance(value, OfTensor):
            name = value.func.__name__
            return {"transpose": 2, "matmul": self.dimensions_of(value.args[-1])}.get(name, 0)
        return max(map(self.dimensions_of, value.args), default=0)

    def array(self, value: sympy.Expr) -> str:
        """Text of an expression that has entries; every step has, so a number becomes an array."""
        if isinstance(value, sympy.Symbol):
            return str(value.name)
        if isinstance(value, OfTensor) and self.dimensions_of(value):
            return f"{value.func.__name__}({', '.join(map(self.array, value.args))})"
        dimensions = self.dimensions_of(value) or self.dimensions["p"]
        text = self.doprint(value)
        like = self._like(value, dimensions)
        if dimensions == 1:
            return f"{like}.map((_, i) => {text})"
        return f"{like}.map((row, i) => row.map((_, j) => {text}))"

    def _like(self, value: sympy.Expr, dimensions: int) -> str:
        """An array or matrix of the shape that an expression has."""
        if isinstance(value, OfTensor):
            return self._put(value)
        if isinstance(value, sympy.Symbol):
            return str(value.name)
        alike = (a for a in value.args if self.dimensions_of(a) == dimensions)
        return next((self._like(a, dimensions) for a in alike), "p")

    def _put(self, value: OfTensor) -> str:
        """The name of a product that is used entry by entry."""
        text = self.array(value)
        if text not in self.products:
            name = self.products[text] = f"product{len(self.products) + 1}"
            self.lines.append(f"  const {name} = {text};")
            self.dimensions[name] = self.dimensions_of(value)
        return self.products[text]

    def _entry(self, name: str) -> str:
        return name + ("", "[i]", "[i][j]")[self.dimensions.get(name, 0)]

    def _print_Symbol(self, expr: sympy.Symbol) -> str:
        return self._entry(expr.name)

    def _print_Function(self, expr: sympy.Function) -> str:
        name = expr.func.__name__
        if isinstance(expr, Guarded):
            return f"{name}({', '.join(self._print(a) for a in expr.args)})"
        if isinstance(expr, OfTensor):
            if self.dimensions_of(expr):
                return self._entry(self._put(expr))
            if name not in ("mean", "norm", "row_count", "column_count"):
                self.refused.add(name)
            if name == "row_count":
                return f"{self.array(expr.args[0])}.length"
            if name == "column_count":
                return f"transpose({self.array(expr.args[0])}).length"
            return f"{name}({self.array(expr.args[0])})"
        return str(super()._print_Function(expr))


def _in_javascript(kind: str, name: str) -> sympy.Symbol:
    return sympy.Symbol({"state": "s.", "hyperparameter": "hyper."}.get(kind, "") + name)


def _written(rule: Rule, name: str, lines: list[str]) -> str:
    about = inspect.getdoc(rule.function) or ""
    comment = "\n".join(f"// {line}".rstrip() for line in about.splitlines())
    return "\n".join([comment, f"function {name}(p, g, s, t, hyper) {{", *lines, "}"])
