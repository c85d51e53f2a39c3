"""Whether two results are the same for all numbers, and if not, for which they differ."""

from __future__ import annotations

from typing import Any

import sympy
from sympy.core.function import AppliedUndef
from sympy.printing.pretty.pretty_symbology import pretty_symbol

from optlab.live.checks.check import Finding
from optlab.symbolic import Matrix, Vector

DIGITS = 30
APART = sympy.Float("1e-9", DIGITS)  # relatively: less is rounding
# What symbols are tried with: rates of averages are between 0 and 1, and t is a whole number.
TIMES = (2, 3, 5)
RATES = ("0.5", "0.9", "0.75", "0.25", "0.6")
SIZES = ("0.5", "2", "3", "0.25", "1.5", "4", "0.75")
# Operations; SymPy would take seconds to expand, or to cancel, what has more.
SHORT, LONG = 140, 300


def same(what: str, *pairs: tuple[Any, Any]) -> Finding:
    """Whether the first of each pair is the second for all numbers.

    They are expressions, or vectors or matrices of them. Numbers are tried first: where they tell
    two apart, the finding has them. Otherwise SymPy looks for a proof.
    """
    both = [ab for a, b in pairs for ab in zip(entries(a), entries(b), strict=True)]
    for place in range(3):
        for a, b in both:
            if found := _apart(what, a, b, place):
                return found
    if not any(a.free_symbols | b.free_symbols or a is b for a, b in both):
        return Finding(True, "It holds on the numbers tried.", len(both))
    if all(vanishes(a - b) for a, b in both):
        return Finding(True, "It holds for all numbers.", len(both))
    return Finding(None, "It holds on all numbers tried, but SymPy finds no proof.")


def entries(value: Any) -> list[sympy.Expr]:
    """The entries of what has some; else the value itself."""
    if isinstance(value, Vector):
        return list(value)
    if isinstance(value, Matrix):
        return [x for row in value.rows for x in row]
    return [sympy.sympify(value)]


def vanishes(difference: sympy.Expr) -> bool:
    """Whether SymPy can tell that an expression is zero; the quickest way first."""
    difference = difference.xreplace({x: _exact(x) for x in difference.atoms(sympy.Float)})
    short = difference.count_ops() <= SHORT
    if short:
        difference = difference.replace(_gathers, _gathered)
    if difference == 0 or (short and sympy.expand(difference) == 0) or _cancels(difference):
        return True
    hard = difference.has(sympy.Max, sympy.Min)
    return short and not hard and sympy.simplify(difference) == 0


def _exact(number: sympy.Float) -> sympy.Rational:
    """A number with a point as the fraction that it is written for: roots may be powers 0.5."""
    return sympy.Rational(str(float(number)))


def _cancels(difference: sympy.Expr) -> bool:
    """Whether an expression is zero as a quotient of polynomials in some of its parts.

    The parts are what occurs several times: first the largest, each as a symbol, then smaller.
    """
    parts, [whole] = sympy.cse(difference)
    for symbol, part in [*reversed(parts), (None, None)]:
        if whole.count_ops() > LONG:
            return False
        if sympy.expand(sympy.fraction(sympy.together(whole))[0]) == 0:
            return True
        whole = whole.xreplace({symbol: part})
    return False


def _gathers(expression: sympy.Expr) -> bool:
    """Whether a positive factor of all that it holds may be taken out of an expression."""
    root = isinstance(expression, sympy.Pow) and not expression.exp.is_integer
    return root or isinstance(expression, sympy.Max | sympy.Min)


def _gathered(expression: sympy.Expr) -> sympy.Expr:
    """The largest of c²a and c²b as c² times that of a and b; the root of c²a + c²b likewise."""
    root = isinstance(expression, sympy.Pow)
    inside = [sympy.expand(x) for x in (expression.args[:1] if root else expression.args)]
    factor = sympy.Integer(1)
    for symbol in sorted(expression.free_symbols, key=str):
        powers = {
            term.as_coeff_exponent(symbol)[1]
            for x in inside
            for term in sympy.Add.make_args(x)
            if term != 0
        }
        if symbol.is_positive and len(powers) == 1 and (power := powers.pop()) != 0:
            factor *= symbol**power
            inside = [sympy.expand(x / symbol**power) for x in inside]
    if root:
        return factor**expression.exp * inside[0] ** expression.exp
    return factor * expression.func(*inside)


def _apart(what: str, found: sympy.Expr, due: sympy.Expr, place: int) -> Finding | None:
    """The numbers at a place, if they tell the two apart."""
    symbols = sorted(found.free_symbols | due.free_symbols, key=str)
    numbers = {symbol: _number(symbol, i, place) for i, symbol in enumerate(symbols)}
    a, b = (_value(x, numbers) for x in (found, due))
    if not (a.is_number and b.is_number) or a.has(sympy.nan) or b.has(sympy.nan):
        return None
    if a == b or abs(a - b) <= APART * (abs(a) + abs(b)):
        return None
    at = ", ".join(f"{letter(s)} = {written(x)}" for s, x in numbers.items())
    return Finding(False, f"{what} is {written(a)} and not {written(b)}{' at ' * bool(at)}{at}.")


def _number(symbol: sympy.Symbol, i: int, place: int) -> Any:
    """What a symbol is tried with at one of the places: all symbols differ."""
    if symbol.name == "t":
        return sympy.Integer(TIMES[place % len(TIMES)])
    rate = symbol.name.startswith(("beta", "mu", "momentum"))
    chosen = RATES if rate else SIZES
    number = sympy.Float(chosen[(i + 3 * place) % len(chosen)], DIGITS)
    return number if symbol.is_positive or (i + place) % 2 else -number


def _value(expression: sympy.Expr, numbers: dict[sympy.Symbol, Any]) -> sympy.Expr:
    for unknown in expression.atoms(AppliedUndef):  # some function: φ(z) = 1 + z/2, say
        expression = expression.xreplace({unknown: 1 + unknown.args[0] / 2})
    return sympy.N(expression.xreplace(numbers), DIGITS)


def letter(symbol: sympy.Symbol) -> str:
    return str(pretty_symbol(symbol.name))


def written(number: Any) -> str:
    """A number as a reader writes it, with four digits."""
    if number.is_real or number.is_infinite:
        return f"{float(number):.4g}".replace("-", "−")
    return str(sympy.N(number, 4))


def square(x: Any) -> Any:
    """The square of a vector's length."""
    return sum(entry**2 for entry in x)


def inner(x: Any, y: Any) -> Any:
    """The inner product of two vectors."""
    return sum(a * b for a, b in zip(x, y, strict=True))
