"""Optimizers made of a rule alone: what their class would say, the rule says already."""

from __future__ import annotations

import inspect
import math
from collections.abc import Iterable
from inspect import Parameter, Signature
from typing import Any, ClassVar

import torch
from torch.optim.optimizer import ParamsT

from optlab import ops
from optlab.optim.optimizer import RuleOptimizer
from optlab.optim.settings import is_number
from optlab.rules import Rule
from optlab.rules.names import NAMES, condition

# What every optimizer takes, by keyword, after the hyperparameters of its rule.
_COMMON: dict[str, tuple[Any, type, str]] = {
    "maximize": (False, bool, "ascend instead of descend."),
    "execution": ("auto", str, '"plain", "foreach", "compiled" or "auto".'),
    "nonfinite": (
        "propagate",
        str,
        'with a gradient that is not finite "propagate" it, "skip" the step, or "raise".',
    ),
    "rounding": (
        "nearest",
        str,
        'of weights in half precision, to the "nearest" number or "stochastic".',
    ),
}
_MEANING = {name: known.meaning for name, known in NAMES.items()}
_MEANING["betas"] = "decay rates (β1, β2), each in [0, 1)."
_MATRICES = (ops.zero_rows, ops.zero_columns, ops.zero_matrix)


class MadeOptimizer(RuleOptimizer):
    """Base of the optimizers that `make` makes: `of` is the rule."""

    of: ClassVar[Rule]

    def rule(self, group: dict[str, Any]) -> Rule:
        return self.of

    def validate(self, group: dict[str, Any]) -> None:
        super().validate(group)
        for name, default in self.of.hyperparameters.items():
            if name == "lr" or name not in group:
                continue
            value = group[name]
            if isinstance(default, bool):
                right = isinstance(value, bool)
            else:
                right = is_number(value) and math.isfinite(value)
                if condition(name) == "in [0, 1)":
                    right = right and 0 <= value < 1
            if not right:
                raise ValueError(f"Invalid {name} value: {value}")


def make(rule: Rule, module: str) -> type[MadeOptimizer]:
    """The class `module`.`rule.optimizer`.

    Its arguments are the rule's numbers and flags with their defaults, of which beta1 and beta2
    become the pair `betas`, and those that all optimizers have. Functions among the rule's
    hyperparameters, such as a projection, stay at their defaults.

    Raises:
        ValueError: lr or another hyperparameter has no default, or the rule is for matrices only.
    """
    defaults = {"lr": Parameter.empty, **rule.hyperparameters}
    if missing := [k for k, v in defaults.items() if v is Parameter.empty]:
        raise ValueError(
            f"{rule.name} names an optimizer, {rule.optimizer}, but has no default for "
            f"{', '.join(missing)}: give one in the rule"
        )
    if any(start in _MATRICES for start in rule.initial.values()):
        raise ValueError(
            f"{rule.name} keeps rows, columns or matrices, which not every parameter has: "
            f"write the class {rule.optimizer}, as optlab/optim/adafactor.py does"
        )
    if rule.estimated:
        raise ValueError(
            f"{rule.name} is given estimates of the Hessian, which a class must take: "
            f"write the class {rule.optimizer}, as optlab/optim/sophia.py does"
        )
    settings = _settings(rule)
    signature = Signature(
        [
            Parameter("self", Parameter.POSITIONAL_OR_KEYWORD),
            Parameter("params", Parameter.POSITIONAL_OR_KEYWORD, annotation=ParamsT),
            *_parameters(settings.items(), Parameter.POSITIONAL_OR_KEYWORD),
            *_parameters(((k, v) for k, (v, _, _) in _COMMON.items()), Parameter.KEYWORD_ONLY),
        ]
    )

    def __init__(*args: Any, **kwargs: Any) -> None:
        given = signature.bind(*args, **kwargs)
        given.apply_defaults()
        self, params, *values = given.arguments.values()
        MadeOptimizer.__init__(self, params, dict(zip([*settings, *_COMMON], values, strict=True)))

    __init__.__signature__ = signature  # type: ignore[attr-defined]
    __init__.__qualname__ = f"{rule.optimizer}.__init__"
    body = {
        "__init__": __init__,
        "__doc__": _documentation(rule, settings),
        "__module__": module,
        "of": rule,
    }
    return type(str(rule.optimizer), (MadeOptimizer,), body)


def make_all(
    rules: Iterable[object], written: Iterable[type[RuleOptimizer]], module: str
) -> dict[str, type[MadeOptimizer]]:
    """A class for each rule among `rules` that names an optimizer, by that name.

    Raises:
        ValueError: as `make` does, and for a name that a class has already.
    """
    taken = {cls.__name__ for cls in written}
    made: dict[str, type[MadeOptimizer]] = {}
    for rule in rules:
        if not (isinstance(rule, Rule) and rule.optimizer):
            continue
        if rule.optimizer in taken:
            raise ValueError(
                f"{rule.name} names an optimizer {rule.optimizer}, which there is already: "
                "give it another name in the rule"
            )
        made[rule.optimizer] = make(rule, module)
        taken.add(rule.optimizer)
    return made


def _settings(rule: Rule) -> dict[str, Any]:
    """The hyperparameters that a parameter group holds, with the rule's defaults."""
    found = {k: v for k, v in rule.hyperparameters.items() if not callable(v)}
    if {"beta1", "beta2"} <= found.keys():
        pair = found.pop("beta1"), found.pop("beta2")
        found = {"lr": found.pop("lr"), "betas": pair, **found}
    return found


def _parameters(settings: Iterable[tuple[str, Any]], kind: Any) -> Iterable[Parameter]:
    types: dict[str, Any] = {"lr": float | torch.Tensor, "betas": tuple[float, float]}
    types |= {name: kind for name, (_, kind, _) in _COMMON.items()}
    for name, default in settings:
        usual = bool if isinstance(default, bool) else float
        yield Parameter(name, kind, default=default, annotation=types.get(name, usual))


def _documentation(rule: Rule, settings: dict[str, Any]) -> str:
    source = (inspect.getdoc(rule.function) or "").partition("\n")[0].rstrip(".")
    lines = {"params": "iterable of parameters or of groups."}
    lines |= {
        name: _MEANING.get(name)
        or ("True or False." if isinstance(default, bool) else f"{name} of the rule, a number.")
        for name, default in settings.items()
    }
    lines |= {name: text for name, (_, _, text) in _COMMON.items()}
    arguments = "\n".join(f"        {name}: {text}" for name, text in lines.items())
    return f"""{rule.optimizer}, {source}: `optlab.rules.{rule.name}`.

    Args:
{arguments}

    Raises:
        ValueError: for impossible values, in torch.optim's words where it has any.
    """
