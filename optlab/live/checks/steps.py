"""Steps of a rule that may have been edited: it may ask for less or for more than the book's."""

from __future__ import annotations

import inspect
from typing import Any

import sympy

from optlab.rules.rule import Rule, State


def step(rule: Rule, p: Any, g: Any, s: State, t: Any, **given: Any) -> tuple[Any, State]:
    """One step. A hyperparameter that is not given has its default, or is a symbol.

    What is given and the rule does not know is left out.
    """
    hyper = {name: given.get(name, _default(rule, name)) for name in rule.hyperparameters}
    return rule(p, g, s, t, **hyper)


def steps(rule: Rule, p: Any, gradients: Any, **given: Any) -> list[tuple[Any, State]]:
    """The steps from the start on gradients, each with the parameter and the state after it."""
    s, path = rule.init(p), []
    for t, g in enumerate(gradients, start=1):
        p, s = step(rule, p, g, s, t, **given)
        path.append((p, s))
    return path


def any_state(rule: Rule, **given: Any) -> State:
    """A state of the rule. Variables that are not given are positive symbols of their names."""
    return State(
        **{name: given.get(name, sympy.Symbol(name, positive=True)) for name in rule.initial}
    )


def _default(rule: Rule, name: str) -> Any:
    value = rule.hyperparameters[name]
    return sympy.Symbol(name, positive=True) if value is inspect.Parameter.empty else value
