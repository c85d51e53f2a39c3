"""The types that a notebook's parameter may be declared with, read from a type or its text."""

from __future__ import annotations

import ast
from dataclasses import dataclass, replace
from typing import Any

TYPES: dict[str, type] = {"int": int, "float": float, "str": str, "bool": bool}
ALLOWED = (
    "int, float, str, bool, Literal[...], a list or tuple of them such as list[float],"
    " or one of these | None"
)
_CONTAINERS = {"list": "list", "List": "list", "tuple": "tuple", "Tuple": "tuple"}
_SAME = ("Final", "Annotated")  # the first of their arguments is the type


@dataclass(frozen=True)
class Kind:
    """The declared type of a parameter: a scalar, or a list or tuple of scalars.

    scalar: name of the (element) type; None: anything. container: "list", "tuple" or None.
    none: None will do, too. choices: the values of a Literal. each: the element types of a
    tuple of fixed length, `tuple[float, str]`.
    """

    scalar: str | None
    container: str | None = None
    none: bool = False
    choices: tuple[Any, ...] = ()
    each: tuple[str, ...] = ()

    @classmethod
    def of(cls, annotation: object) -> Kind:
        """Read an annotation: a type, or its source text. TypeError if it is not supported."""
        if isinstance(annotation, cls):
            return annotation
        text = annotation.__name__ if type(annotation) is type else str(annotation)
        try:
            return _read(ast.parse(text.strip(), mode="eval").body)
        except (_Unknown, SyntaxError, ValueError, RecursionError):
            raise TypeError(f"cannot check the type {text!r}; use {ALLOWED}") from None

    def accepts(self, value: object) -> bool:
        """Whether the value is of the type. An int will do for a float; a bool is not an int."""
        if value is None and self.none:
            return True
        if self.each:
            return (
                isinstance(value, list | tuple)
                and len(value) == len(self.each)
                and all(is_a(kind, v) for kind, v in zip(self.each, value, strict=True))
            )
        if self.container:
            return isinstance(value, list | tuple) and all(self._element(v) for v in value)
        return self._element(value)

    def elements(self, value: object) -> list[Any]:
        """What a rule holds for: the value, or each of a list's; nothing where it is None."""
        if value is None and self.none:
            return []
        return list(value) if self.container and isinstance(value, list | tuple) else [value]

    def _element(self, value: object) -> bool:
        if self.choices:
            return any(value == one and type(value) is type(one) for one in self.choices)
        return is_a(self.scalar, value)

    def __str__(self) -> str:
        if self.each:
            if len(set(self.each)) == 1:
                return f"tuple of {len(self.each)} {self.each[0]}s"
            return f"tuple of {', '.join(self.each)}"
        if not self.container:
            return self.scalar or "value"
        return f"{self.container} of {self.scalar or 'value'}s"


def is_a(scalar: str | None, value: object) -> bool:
    """Whether a value is of a scalar type, given by its name; None: of any."""
    if scalar is None:
        return True
    if isinstance(value, bool):
        return scalar == "bool"
    if scalar == "float" and isinstance(value, int):
        return True
    return isinstance(value, TYPES[scalar])


class _Unknown(Exception):
    pass


def _read(node: ast.expr) -> Kind:
    if isinstance(node, ast.Constant) and isinstance(node.value, str):  # a quoted annotation
        return _read(ast.parse(node.value.strip(), mode="eval").body)
    if isinstance(node, ast.BinOp) and isinstance(node.op, ast.BitOr):
        return _union(_sides(node))
    name = _name(node.value if isinstance(node, ast.Subscript) else node)
    if not isinstance(node, ast.Subscript):
        if name in TYPES:
            return Kind(name)
        if name in _CONTAINERS:
            return Kind(None, _CONTAINERS[name])
        raise _Unknown
    inner = node.slice.elts if isinstance(node.slice, ast.Tuple) else [node.slice]
    if name == "Literal":
        return _literal(inner)
    if name == "Optional" and len(inner) == 1:
        return replace(_read(inner[0]), none=True)
    if name == "Union":
        return _union(inner)
    if name in _SAME:
        return _read(inner[0])
    if name in _CONTAINERS:
        return _container(_CONTAINERS[name], inner)
    raise _Unknown


def _name(node: ast.expr) -> str:
    """`Optional` of `Optional` and of `typing.Optional`."""
    if isinstance(node, ast.Attribute):
        return node.attr
    return node.id if isinstance(node, ast.Name) else ""


def _sides(node: ast.expr) -> list[ast.expr]:
    if isinstance(node, ast.BinOp) and isinstance(node.op, ast.BitOr):
        return [*_sides(node.left), *_sides(node.right)]
    return [node]


def _is_none(node: ast.expr) -> bool:
    return _name(node) == "NoneType" or (isinstance(node, ast.Constant) and node.value is None)


def _union(members: list[ast.expr]) -> Kind:
    kinds = list(dict.fromkeys(_read(one) for one in members if not _is_none(one)))
    none = any(map(_is_none, members)) or any(kind.none for kind in kinds)
    if set(kinds) == {Kind("int"), Kind("float")}:
        kinds = [Kind("float")]
    if len(kinds) != 1:
        raise _Unknown
    return replace(kinds[0], none=none)


def _literal(members: list[ast.expr]) -> Kind:
    values = [ast.literal_eval(one) for one in members]
    choices = tuple(value for value in values if value is not None)
    names = {type(value).__name__ for value in choices}
    if not choices or not names <= {"int", "str", "bool"}:
        raise _Unknown
    scalar = names.pop() if len(names) == 1 else None
    return Kind(scalar, None, len(choices) < len(values), choices)


def _container(container: str, inner: list[ast.expr]) -> Kind:
    open_ended = len(inner) == 2 and isinstance(inner[1], ast.Constant) and inner[1].value is ...
    kinds = [_read(one) for one in (inner[:1] if open_ended else inner)]
    if any(kind.container or kind.none for kind in kinds):
        raise _Unknown
    if container == "tuple" and not open_ended and len(kinds) > 1:
        if any(kind.choices or kind.scalar is None for kind in kinds):
            raise _Unknown
        each = tuple(kind.scalar or "" for kind in kinds)
        return Kind(each[0] if len(set(each)) == 1 else None, container, each=each)
    if len(kinds) != 1:
        raise _Unknown
    return Kind(kinds[0].scalar, container, choices=kinds[0].choices)
