"""A check: a statement of a chapter on its rule, asked of any rule."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True)
class Finding:
    """What a check found.

    holds: None where it could not be decided. words: what holds, or on which numbers it fails.
    count: how many identities hold.
    """

    holds: bool | None
    words: str
    count: int = 0


@dataclass(frozen=True)
class Check:
    """A statement that a chapter proves of its rule, and the code that decides it.

    Called with a rule, or with a function that changes rules, it gives a `Finding`.

    Attributes:
        name: such as adam.first_step.
        title: the statement, as the page prints it.
        rules: those of the catalogue of which it is asked.
        fails: those of them for which it does not hold, as the book has them.
    """

    name: str
    title: str
    rules: tuple[str, ...]
    function: Callable[[Any], Finding]
    fails: tuple[str, ...] = ()

    def __call__(self, made: Any) -> Finding:
        return self.function(made)


def check(
    title: str, *rules: str, fails: tuple[str, ...] = ()
) -> Callable[[Callable[[Any], Finding]], Check]:
    """Make a `Check` of a function. Its name is the module's and the function's."""
    return lambda function: Check(_name(function), title, rules, function, fails)


def _name(function: Callable[[Any], Finding]) -> str:
    return f"{function.__module__.rpartition('.')[2]}.{function.__name__}"
