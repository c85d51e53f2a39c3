"""The check of a notebook's parameters: type, range, choice, one clear line for each problem."""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import torch

Rule = str | tuple[Any, ...]

TYPES: dict[str, type] = {"int": int, "float": float, "str": str, "bool": bool}
_ANNOTATION = re.compile(
    r"(int|float|str|bool)|(list|tuple)(?:\[(int|float|str|bool)(?:, ?\.\.\.)?\])?"
)
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


@dataclass(frozen=True)
class Kind:
    """The declared type of a parameter: a scalar, or a list of scalars."""

    scalar: str | None  # name of the (element) type; None: a list of anything
    container: str | None = None  # "list" or "tuple"

    @classmethod
    def of(cls, annotation: object) -> Kind:
        """Read an annotation: a type, or its source text. TypeError if it is not supported."""
        text = annotation.__name__ if type(annotation) is type else str(annotation)
        match = _ANNOTATION.fullmatch(text)
        if match is None:
            raise TypeError(
                f"cannot check the type {text!r}; use int, float, str, bool or list[float]"
            )
        scalar, container, element = match.groups()
        return cls(scalar or element, container)

    def accepts(self, value: object) -> bool:
        if self.container:
            return isinstance(value, list | tuple) and all(_is(self.scalar, v) for v in value)
        return _is(self.scalar, value)

    def __str__(self) -> str:
        if not self.container:
            return self.scalar or ""
        return f"{self.container} of {self.scalar or 'value'}s"


def check_parameters(namespace: Mapping[str, Any], /, **rules: Rule) -> None:
    """Check the parameters of a notebook before any work is done::

        check_parameters(globals(), seed=">= 0", lr="> 0", beta1="in [0, 1)",
                         device=("auto", "cpu", "cuda"), flag="any")

    It says nothing if all is well. `device="cuda"` needs a CUDA device.

    Args:
        namespace: the notebook's `globals()`; the types come from its annotations
            (`lr: float = 0.01`). An int will do for a float; a bool is not an int.
        rules: for each parameter a range (`"> 0"`, `">= 0"`, `"in (0, 1]"`), a tuple of choices,
            or `"any"`. For a list the rule holds for each of its elements. Numbers must be
            finite.

    Raises:
        ParameterError: one line for each problem.
        TypeError: if the call itself is wrong (a rule missing, or one too many).
    """
    annotations: Mapping[str, Any] = namespace.get("__annotations__", {})
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
        elements = value if kind.container and isinstance(value, list | tuple) else [value]
        finite = all(_finite(v) for v in elements)
        if not (kind.accepts(value) and finite and all(allowed(v) for v in elements)):
            wanted = describe(kind, rule, "" if finite else "finite ")
            line = f"{name} = {value!r} is refused: it must be {wanted}; "
            found.append((name, line + f"change it in the parameters cell or with -p {name} VALUE"))
    return found


def describe(kind: Kind, rule: Rule, finite: str = "") -> str:
    """What a rule allows, in words: 'a float > 0', "'auto', 'cpu' or 'cuda'"."""
    if isinstance(rule, tuple):
        *most, last = [repr(choice) for choice in rule]
        choices = f"{', '.join(most)} or {last}" if most else last
        return f"a {kind}, each {choices}" if kind.container else choices
    article = "an" if f"{finite}{kind}"[0] in "aeiou" else "a"
    of_each = ", each" if kind.container and rule != "any" else ""
    return f"{article} {finite}{kind}{of_each}" + ("" if rule == "any" else f" {rule}")


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


def _is(scalar: str | None, value: object) -> bool:
    if scalar is None:
        return True
    if isinstance(value, bool):
        return scalar == "bool"
    if scalar == "float" and isinstance(value, int):
        return True
    return isinstance(value, TYPES[scalar])


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
            return lambda value: _is("float", value) and _ORDER[sign](value, number)
        if match := _INTERVAL.fullmatch(rule.strip()):
            low, high = float(match[2]), float(match[3])
            above = _ORDER[">=" if match[1] == "[" else ">"]
            below = _ORDER["<=" if match[4] == "]" else "<"]
            return lambda value: _is("float", value) and above(value, low) and below(value, high)
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
