"""The two types a rule is made of: `State`, and `Rule` itself."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from functools import cached_property, update_wrapper
from types import FunctionType, SimpleNamespace
from typing import Any


class State(SimpleNamespace):
    """What a rule remembers between steps, by the names its paper uses: `State(m=m, v=v)`."""


class Rule:
    """One step of an algorithm, as its paper writes it.

    Calling it maps a parameter p, its gradient g, the state s after step t - 1
    and the step number t = 1, 2, … to the new parameter and the new state::

        p, s = rule(p, g, s, t, **hyperparameters)

    It is a pure function: nothing is changed in place. `rule.init(p)` is the
    state before the first step. `around` is the rule that this one calls with
    whatever keyword arguments it does not take itself. `optimizer` is the name of
    the class that `optlab.optim` makes of it, or None; `defaults` are what that class sets the
    hyperparameters to where nobody else does. `estimated` is the state variable that
    the rule reads and does not change: whoever runs the rule keeps an average of estimates of
    the Hessian's diagonal there, by `average_hessian`. It is None for most rules.
    """

    def __init__(
        self,
        function: Callable[..., tuple[Any, State]],
        initial: dict[str, Callable[[Any], Any]],
        around: Rule | None = None,
        optimizer: str | None = None,
        estimated: str | None = None,
    ):
        update_wrapper(self, function)
        self.function = function
        self.initial = initial
        self.around = around
        self.optimizer = optimizer
        self._settings: dict[str, Any] = {}
        inherited = around.estimated if around else None
        self.estimated: str | None = inherited if estimated is None else estimated
        if self.estimated is not None and self.estimated not in initial:
            raise ValueError(f"estimated={self.estimated!r} is no state variable of {self.name}")

    def __call__(
        self, p: Any, g: Any, s: State, t: Any, **hyperparameters: Any
    ) -> tuple[Any, State]:
        return self.function(p, g, s, t, **hyperparameters)

    def init(self, p: Any) -> State:
        return State(**{name: make(p) for name, make in self.initial.items()})

    @property
    def name(self) -> str:
        return (
            self.function.__name__
            if self.around is None
            else f"{self.around.name}_{self.function.__name__}"
        )

    @cached_property
    def hyperparameters(self) -> dict[str, Any]:
        """Keyword arguments of the rule with their defaults (`inspect.Parameter.empty` if none)."""
        parameters = inspect.signature(self.function).parameters.values()
        own = {q.name: q.default for q in parameters if q.kind is q.KEYWORD_ONLY}
        return own if self.around is None else {**self.around.hyperparameters, **own}

    def makes(self, optimizer: str, **defaults: Any) -> None:
        """Name the class that is made of the rule, and the settings that it begins with.

        `adam.makes("Adam", lr=1e-3, …)`: called as a function, or trained in a grid, the rule
        still wants each of its hyperparameters given.

        Raises:
            ValueError: the rule has no hyperparameter of that name.
        """
        if unknown := defaults.keys() - self.hyperparameters.keys():
            raise ValueError(f"{self.name} has no {', '.join(sorted(unknown))}")
        self.optimizer = optimizer
        self._settings = defaults

    def with_flags(self, **flags: Any) -> Rule:
        """The same rule with other defaults of flags: `muon.with_flags(tall=True)`.

        Raises:
            ValueError: the rule itself has no flag of that name.
        """
        own = getattr(self.function, "__kwdefaults__", None) or {}
        if unknown := flags.keys() - (self.flags.keys() & own.keys()):
            raise ValueError(f"{self.name} has no flag {', '.join(sorted(unknown))}")
        made = FunctionType(
            self.function.__code__,
            self.function.__globals__,
            self.function.__name__,
            None,
            self.function.__closure__,
        )
        made.__kwdefaults__ = {**own, **flags}
        made.__doc__ = self.function.__doc__
        changed = Rule(made, self.initial, self.around, self.optimizer, self.estimated)
        changed._settings = self._settings
        return changed

    @property
    def defaults(self) -> dict[str, Any]:
        """The hyperparameters that have a default, in the rule's signature or by `makes`."""
        own = {k: v for k, v in self.hyperparameters.items() if v is not inspect.Parameter.empty}
        known = {**(self.around.defaults if self.around else {}), **own, **self._settings}
        return {k: known[k] for k in self.hyperparameters if k in known}

    @cached_property
    def flags(self) -> dict[str, Any]:
        """The hyperparameters that are truth values or functions, and their defaults."""
        given = {k: v for k, v in self.hyperparameters.items() if v is not inspect.Parameter.empty}
        return {k: v for k, v in given.items() if isinstance(v, bool) or callable(v)}

    @cached_property
    def functions(self) -> frozenset[str]:
        """The names of the flags that are functions, such as a projection."""
        return frozenset(k for k, v in self.flags.items() if callable(v))

    @property
    def numbers(self) -> dict[str, Any]:
        """The other hyperparameters with their defaults (`inspect.Parameter.empty` if none)."""
        return {k: v for k, v in self.hyperparameters.items() if k not in self.flags}

    def __repr__(self) -> str:
        return f"<rule {self.name}>"


def text(function: Callable[..., Any]) -> str:
    """The text of a rule or function, read from the file that runs; never retyped.

    Raises OSError or TypeError as `inspect.getsource` does, where there is no source to read.
    """
    return inspect.getsource(inspect.unwrap(function)).rstrip()


def rule(
    optimizer: str | None = None,
    /,
    *,
    estimated: str | None = None,
    **initial: Callable[[Any], Any],
) -> Callable[[Callable[..., tuple[Any, State]]], Rule]:
    """Make a `Rule` of a function.

    Each keyword names a state variable and gives its value before the first step as a function
    of the parameter: `@rule(m=zeros_like)`. With a name, `@rule("Lion", m=zeros_like)`, and
    listed in `optlab/rules/__init__.py`, the rule is also an optimizer, `optlab.Lion`; every
    hyperparameter then has its default in the rule. (A rule that is printed without defaults, as
    its paper has it, names its class below, by `Rule.makes`.) estimated: as of `Rule`.
    """
    return lambda function: Rule(function, initial, optimizer=optimizer, estimated=estimated)
