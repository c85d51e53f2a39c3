"""The check of a notebook's parameters: type, range, choice, one clear line for each problem."""

from __future__ import annotations

import linecache
import math
import re
import sys
from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from optlab.report.declarations import declared_types
from optlab.report.kinds import Kind as Kind
from optlab.report.kinds import is_a
from optlab.seeds import LIMIT

if TYPE_CHECKING:
    import torch

Rule = str | tuple[Any, ...]

SEEDS = ("seed", "seeds")
_NUMBER = r"([-+]?(?:inf|\d+\.?\d*(?:e[-+]?\d+)?|\.\d+))"
_COMPARISON = re.compile(rf"(>=|<=|>|<) *{_NUMBER}")
_INTERVAL = re.compile(rf"in *([\[(]) *{_NUMBER} *, *{_NUMBER} *([\])])")
_ORDER: dict[str, Callable[[float, float], bool]] = {
    ">": lambda value, bound: value > bound,
    ">=": lambda value, bound: value >= bound,
    "<": lambda value, bound: value < bound,
    "<=": lambda value, bound: value <= bound,
}


class ParameterError(ValueError):
    """A notebook parameter that cannot be used; the message has one line for each problem."""

    def _render_traceback_(self) -> list[str]:
        """What a notebook shows: the message alone, without the stack above it."""
        return str(self).splitlines()


def check_parameters(namespace: Mapping[str, Any], /, **rules: Rule) -> None:
    """Check the parameters of a notebook before any work is done::

        check_parameters(globals(), seed=">= 0", lr="> 0", beta1="in [0, 1)",
                         device=("auto", "cpu", "cuda"), flag="any")

    It says nothing if all is well. `device="cuda"` needs a CUDA device.

    Args:
        namespace: the notebook's `globals()`; the types come from its annotations
            (`lr: float = 0.01`), as its cells declare them. An int will do for a float; a bool
            is not an int. Types are int, float, str, bool, Literal, lists and tuples of them,
            and `X | None`.
        rules: for each parameter a range (`"> 0"`, `">= 0"`, `"in (0, 1]"`), a tuple of choices,
            or `"any"`. For a list the rule holds for each of its elements, and for None not at
            all. Numbers must be finite.

    Raises:
        ParameterError: one line for each problem.
        TypeError: if the call itself is wrong (a rule missing, or one too many).
    """
    annotations = _annotations(namespace, rules)
    values = {name: namespace[name] for name in annotations if name in namespace}
    found = problems(annotations, values, rules)
    if values.get("device") == "cuda" and not any(name == "device" for name, _ in found):
        found += [("device", line) for line in _cuda_problem()]
    if found:
        raise ParameterError("\n".join(line for _, line in found))


def problems(
    annotations: Mapping[str, Any], values: Mapping[str, Any], rules: Mapping[str, Rule]
) -> list[tuple[str, str]]:
    """The check itself, without torch: (name, one clear line) for each value that is refused.

    annotations: name -> type or its source text. values: name -> value.
    Raises TypeError if annotations, values and rules do not speak of the same names.
    """
    _require_same_names(annotations, values, rules)
    found = []
    for name, rule in rules.items():
        kind, value = Kind.of(annotations[name]), values[name]
        allowed = _allowed(name, rule)  # every rule is read, also where the type is already wrong
        elements = kind.elements(value)
        finite = all(_finite(v) for v in elements)
        wanted, known = describe(kind, rule, "" if finite else "finite "), kind.accepts(value)
        if name in SEEDS and known and any(is_a("int", v) and v >= LIMIT for v in elements):
            known, wanted = False, f"{wanted} and less than 2**32"
        if not (known and finite and all(allowed(v) for v in elements)):
            line = f"{name} = {value!r} is refused: it must be {wanted}; "
            found.append((name, line + f"change it in the parameters cell or with -p {name} VALUE"))
    return found


def describe(kind: Kind, rule: Rule, finite: str = "") -> str:
    """What a rule allows, in words: 'a float > 0', "'auto', 'cpu' or 'cuda'", 'an int or None'."""
    none = " or None" if kind.none else ""
    if isinstance(rule, tuple):
        choices = _one_of([choice for choice in rule if not (kind.none and choice is None)])
        return (f"a {kind}, each {choices}" if kind.container else choices) + none
    if kind.choices:
        choices = _one_of(kind.choices) + ("" if rule == "any" else f", {rule}")
        return (f"a {kind}, each {choices}" if kind.container else choices) + none
    article = "an" if f"{finite}{kind}"[0] in "aeiou" else "a"
    of_each = ", each" if kind.container and rule != "any" else ""
    return f"{article} {finite}{kind}{of_each}" + ("" if rule == "any" else f" {rule}") + none


def _one_of(choices: Sequence[Any]) -> str:
    *most, last = [repr(choice) for choice in choices] or ["nothing"]
    return f"{', '.join(most)} or {last}" if most else last


def _annotations(namespace: Mapping[str, Any], rules: Mapping[str, Rule]) -> dict[str, Any]:
    """The parameters' types, by name. Those of IPython's cells are read from their text: it runs
    a cell statement by statement, and since Python 3.14 a module's globals have the annotations
    of the last statement alone, under another name."""
    cells = namespace.get("In", namespace.get("_ih"))
    texts = [text for text in cells if isinstance(text, str)] if isinstance(cells, list) else []
    evaluate = namespace.get("__annotate__")  # Python 3.14
    if own := getattr(evaluate, "__code__", None):  # a kernel keeps no text of what is not history
        texts.insert(0, "".join(linecache.getlines(own.co_filename)))
    found: dict[str, Any] = dict(declared_types(texts, rules))
    if found and found.keys() >= rules.keys():
        return found
    kept = _evaluated(evaluate) if callable(evaluate) else {}
    kept = {**(namespace.get("__annotations__") or {}), **kept}
    if callable(evaluate):  # of what came before the last statement the types are lost
        kept = {name: Kind(None) for name in rules if name in namespace} | kept
    if found:  # what other cells annotate is not a parameter
        kept = {name: kind for name, kind in kept.items() if name in rules}
    return kept | found


def _evaluated(evaluate: Callable[[int], Mapping[str, Any]]) -> dict[str, Any]:
    """What a module's `__annotate__` gives: texts where it can, since names may be unknown."""
    if sys.version_info >= (3, 14):
        from annotationlib import Format, call_annotate_function

        return dict(call_annotate_function(evaluate, Format.STRING))
    return dict(evaluate(1))


def torch_device(device: str) -> torch.device:
    """The device that a `device` parameter names; "auto" is CUDA where there is one, else the CPU.

    Raises ParameterError for "cuda" where torch finds no CUDA device.
    """
    import torch

    if device == "auto":
        return torch.device("cuda" if torch.cuda.is_available() else "cpu")
    if device == "cuda" and (lines := _cuda_problem()):
        raise ParameterError(lines[0])
    return torch.device(device)


def _finite(value: object) -> bool:
    return not isinstance(value, float) or math.isfinite(value)


def _allowed(name: str, rule: Rule) -> Callable[[Any], bool]:
    """The rule as a predicate on one value. TypeError if it cannot be read."""
    if isinstance(rule, tuple) and rule:
        return lambda value: value in rule
    if rule == "any":
        return lambda value: True
    if isinstance(rule, str):
        if match := _COMPARISON.fullmatch(rule.strip()):
            sign, number = match[1], float(match[2])
            return lambda value: is_a("float", value) and _ORDER[sign](value, number)
        if match := _INTERVAL.fullmatch(rule.strip()):
            low, high = float(match[2]), float(match[3])
            above = _ORDER[">=" if match[1] == "[" else ">"]
            below = _ORDER["<=" if match[4] == "]" else "<"]
            return lambda value: is_a("float", value) and above(value, low) and below(value, high)
    raise TypeError(
        f"cannot read the rule {name}={rule!r}; "
        'write "> 0", "in [0, 1)", "any" or a tuple of choices'
    )


def _require_same_names(
    annotations: Mapping[str, Any], values: Mapping[str, Any], rules: Mapping[str, Rule]
) -> None:
    annotated, ruled, valued = set(annotations), set(rules), set(values)
    faults = [
        f"{name!r} has a rule but is not an annotated parameter" for name in ruled - annotated
    ]
    faults += [f"parameter {name!r} has no rule" for name in annotated - ruled]
    faults += [f"parameter {name!r} has no value" for name in (annotated & ruled) - valued]
    if faults:
        raise TypeError("check_parameters: " + "; ".join(sorted(faults)))


def _cuda_problem() -> list[str]:
    import torch

    if torch.cuda.is_available():
        return []
    return [
        "device = 'cuda' is refused: torch finds no CUDA device here; use device 'cpu' or 'auto'"
    ]
