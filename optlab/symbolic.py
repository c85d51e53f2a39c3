"""Rules run on SymPy: proofs, the formula on the page, the step function in the browser.

A rule is arithmetic, so it runs on SymPy expressions as it runs on tensors:

    theta, g = vector("theta", 2), vector("g", 2)
    adam(theta, g, adam.init(theta), 1, lr=alpha, beta1=beta1, beta2=beta2, eps=0)

`latex` and `javascript` write the rule down in another language. Both keep the
intermediate quantities that the rule names (m, v, m_hat, v_hat): `record` runs
the rule and puts a fresh symbol in the place of every value it assigns.
"""

from __future__ import annotations

import ast
import inspect
import textwrap
from collections.abc import Callable, Collection, Iterator, Mapping
from dataclasses import dataclass
from functools import partial
from types import FunctionType
from typing import Any, ClassVar

import sympy
from sympy.core.parameters import evaluate
from sympy.printing.jscode import JavascriptCodePrinter
from sympy.printing.latex import LatexPrinter, accepted_latex_functions
from sympy.printing.precedence import PRECEDENCE

from optlab import ops
from optlab.rules import Rule, State

__all__ = [
    "Record",
    "Vector",
    "javascript",
    "javascript_of_layer",
    "latex",
    "operator",
    "record",
    "vector",
]


class Guarded(sympy.Function):
    """A quotient with a case of its own for zero.

    Its value is that of the general case, x / y; in a `record`, where nothing is evaluated,
    it stays.
    """

    @classmethod
    def eval(cls, x: Any, y: Any) -> Any:
        return x / y


def _guarded(operation: ops.Operation) -> Callable[..., Any]:
    quotient = type(operation.name, (Guarded,), {})
    return lambda x, y: x / y if isinstance(y, Vector) else quotient(x, y)


# On a scalar, which may stand for any coordinate.
ON_SCALARS: dict[ops.Operation, Callable[..., Any]] = {
    ops.sqrt: sympy.sqrt,
    ops.sign: sympy.sign,
    ops.maximum: sympy.Max,
    ops.minimum: sympy.Min,
    ops.divide: _guarded(ops.divide),
    ops.ratio: _guarded(ops.ratio),
    ops.zeros_like: lambda x: sympy.Integer(0),
    ops.copy: lambda x: x,
}
for _operation, _function in ON_SCALARS.items():
    _operation.register(sympy.Expr, _function)


class OfTensor(sympy.Function):
    """A function of a tensor as a whole, or of its rows or columns.

    Of a scalar it has the value that it has of a tensor of one entry. In a `record`,
    where nothing is evaluated, it stays; `page` is how LaTeX writes it. A `product` is
    written side by side with its arguments, so that sums among these need brackets.
    """

    page: ClassVar[Callable[..., str]]
    product: ClassVar[bool]


def _of_tensor(operation: ops.Operation, page: Callable[..., str], product: bool = True) -> None:
    def value(cls: type, *args: Any) -> Any:
        return operation.dispatch(int)(*args)

    body = {"eval": classmethod(value), "page": staticmethod(page), "product": product}
    operation.register(sympy.Expr, type(operation.name, (OfTensor,), body))


_of_tensor(ops.mean, lambda x: rf"\operatorname{{mean}}\!\left({x}\right)", product=False)
_of_tensor(ops.norm, lambda x: rf"\left\lVert {x} \right\rVert", product=False)
# Of an n x m matrix; 1_n is the vector of n ones.
_of_tensor(ops.row_sums, lambda x: f"{x} 1_m")
_of_tensor(ops.column_sums, lambda x: rf"1_n^\top {x}")
_of_tensor(ops.row_means, lambda x: rf"\tfrac{{1}}{{m}} {x} 1_m")
_of_tensor(ops.column_means, lambda x: rf"\tfrac{{1}}{{n}} 1_n^\top {x}")
_of_tensor(ops.outer, lambda x, y: rf"{x} {y}^\top")
_of_tensor(ops.solve_root, lambda a, delta, x: rf"\left({delta} I + {a}^{{1/2}}\right)^{{-1}} {x}")
for _operation in (ops.zero_matrix, ops.zero_rows, ops.zero_columns):
    _operation.register(sympy.Expr, lambda x: sympy.Integer(0))


class Vector:
    """A vector of n SymPy expressions on which arithmetic is elementwise, as on a tensor.

    The other operand may be a Vector of the same length or a scalar.
    """

    def __init__(self, entries: Any):
        self.entries = tuple(sympy.sympify(e) for e in entries)

    def map(self, f: Callable[..., Any], *others: Any) -> Vector:
        columns = [o.entries if isinstance(o, Vector) else (o,) * len(self) for o in others]
        return Vector(f(*row) for row in zip(self.entries, *columns, strict=True))

    def __add__(self, other: Any) -> Vector:
        return self.map(lambda a, b: a + b, other)

    def __sub__(self, other: Any) -> Vector:
        return self.map(lambda a, b: a - b, other)

    def __mul__(self, other: Any) -> Vector:
        return self.map(lambda a, b: a * b, other)

    def __truediv__(self, other: Any) -> Vector:
        return self.map(lambda a, b: a / b, other)

    def __pow__(self, other: Any) -> Vector:
        return self.map(lambda a, b: a**b, other)

    def __radd__(self, other: Any) -> Vector:
        return self.map(lambda a, b: b + a, other)

    def __rsub__(self, other: Any) -> Vector:
        return self.map(lambda a, b: b - a, other)

    def __rmul__(self, other: Any) -> Vector:
        return self.map(lambda a, b: b * a, other)

    def __rtruediv__(self, other: Any) -> Vector:
        return self.map(lambda a, b: b / a, other)

    def __neg__(self) -> Vector:
        return self.map(lambda a: -a)

    def __len__(self) -> int:
        return len(self.entries)

    def __iter__(self) -> Iterator[sympy.Expr]:
        return iter(self.entries)

    def __getitem__(self, i: int) -> sympy.Expr:
        return self.entries[i]

    def __eq__(self, other: object) -> bool:
        """Equal as expressions, entry by entry, after simplification."""
        if not isinstance(other, Vector) or len(self) != len(other):
            return NotImplemented
        return all(sympy.simplify(a - b) == 0 for a, b in zip(self, other, strict=True))

    __hash__ = None  # type: ignore[assignment]

    def __repr__(self) -> str:
        return f"Vector({list(self.entries)})"


def _entrywise(f: Callable[..., Any]) -> Callable[..., Vector]:
    def on_vectors(*args: Any) -> Vector:
        first = next(a for a in args if isinstance(a, Vector))
        return first.map(lambda _, *rest: f(*rest), *args)

    return on_vectors


for _operation, _function in ON_SCALARS.items():
    _operation.register(Vector, _entrywise(_function))
ops.norm.register(Vector, lambda x: sympy.sqrt(sum(a**2 for a in x)))
ops.mean.register(Vector, lambda x: sum(x) / len(x))


def vector(name: str, n: int, **assumptions: bool) -> Vector:
    """The Vector (name_1, …, name_n) of symbols, real unless `assumptions` say otherwise."""
    assumptions = assumptions or {"real": True}
    return Vector(sympy.Symbol(f"{name}_{i}", **assumptions) for i in range(1, n + 1))


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
        p, s = _named(rule.function, bind)(
            symbol("parameter", "p"), symbol("gradient", "g"), state, symbol("time", "t"), **hyper
        )
        return Record(tuple(steps), _tidy(p), {k: _tidy(v) for k, v in vars(s).items()})


def _named(function: Callable[..., Any], bind: Callable[[str, Any], Any]) -> Callable[..., Any]:
    """A rule's function with every `name = value` made `name = bind("name", value)`.

    Rules that it calls, and functions beside it, are treated alike.
    """
    tree = ast.parse(textwrap.dedent(inspect.getsource(function)))
    definition = tree.body[0]
    assert isinstance(definition, ast.FunctionDef)
    definition.decorator_list = []
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
            scope[used] = _named(called.function, bind)
        elif isinstance(called, FunctionType) and called.__module__ == function.__module__:
            scope[used] = _named(called, bind)
    scope["__bind__"] = bind
    code = compile(module, inspect.getsourcefile(function) or "<rule>", "exec")
    exec(code, scope)  # noqa: S102 - the text of a function that is loaded already
    made: Callable[..., Any] = scope[definition.name]
    return made


def _tidy(expr: Any) -> sympy.Expr:
    """Drop factors 1 and terms 0, which fixed hyperparameters leave in unevaluated arithmetic,
    and the brackets of a sum within a sum."""
    expr = sympy.sympify(expr)
    if expr.is_Atom:
        return expr
    args = [_tidy(a) for a in expr.args]
    if expr.is_Mul and any(a.is_zero for a in args):
        return sympy.Integer(0)
    if expr.is_Add:
        args = [b for a in args for b in (a.args if a.is_Add else (a,))]
    if expr.is_Mul or expr.is_Add:
        kept = [a for a in args if a != expr.identity]
        return expr.func(*kept) if len(kept) > 1 else kept[0] if kept else expr.identity
    return expr.func(*args)


def _general(record: Record) -> Record:
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


# The letters of the page for the names in the code.
LETTERS = {
    "lr": r"\eta",
    "beta1": r"\beta_1",
    "beta2": r"\beta_2",
    "eps": r"\epsilon",
    "momentum": r"\mu",
    "dampening": r"\tau",
    "weight_decay": r"\lambda",
    "delta": r"\delta",
    "eta": r"\eta",
    "rho": r"\rho",
    "eps1": r"\epsilon_1",
    "eps2": r"\epsilon_2",
    "sum": "G",
    "x1": "x_1",
    "trust_coefficient": r"\eta_0",
    "beta2_decay": "c",
    "alpha": r"\alpha",
}

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
            return rf"\hat{{{letter(name.removesuffix('_hat'))}}}"
        return name if len(name) == 1 else rf"\mathrm{{{name.replace('_', ' ')}}}"

    def at(name: str, when: str) -> str:
        """The letter of a name with its time, beside the subscript that it may have."""
        base, _, subscript = letter(name).partition("_")
        if name in CONSTANT:
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

    recorded = _general(record(rule, symbol, inline, **fixed))
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
        value = _named(formula, bind)(**arguments)
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
            level = PRECEDENCE["Mul"] if expr.product else PRECEDENCE["Lambda"]
            text = type(expr).page(*(self.parenthesize(a, level) for a in expr.args))
            return text if exp is None else f"{text}^{{{exp}}}"
        called = f"\\{name}" if name in accepted_latex_functions else name
        return rf"{called}\!\left({self._print(expr.args[0])}\right)"

    def _print_sign(self, expr: sympy.sign, exp: Any = None) -> str:
        return rf"\operatorname{{sign}}\!\left({self._print(expr.args[0])}\right)"


def operator(name: str) -> Callable[[Any], sympy.Expr]:
    """An unspecified function with LaTeX `name`, to stand for a projection: `operator(r"\\Pi")`."""
    return lambda x, *weights: sympy.Function(name)(x)


def javascript(rule: Rule, **fixed: Any) -> str:
    """A JavaScript function that takes one step of `rule` on one coordinate::

        name(p, g, s, t, hyper) -> [p, s]

    with the state s and the hyperparameters hyper as objects under the rule's names.
    Elementwise rules apply it to each coordinate; where a rule takes 0/0 as 0, this gives NaN.
    `fixed` as in `record`.

    Raises:
        ValueError: the rule looks at a tensor as a whole.
    """
    recorded = _general(record(rule, _in_javascript, **fixed))
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
