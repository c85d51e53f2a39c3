"""Optimizers made of rules: what an optimizer takes, and says of it, is written once.

The rule has names and defaults, `optlab/rules/names.py` meanings and conditions, and a class says
only what is its own. The constructor and its documentation are made of the three.
"""

from __future__ import annotations

import inspect
import re
from collections.abc import Callable, Iterable, Mapping
from inspect import Parameter, Signature
from typing import Any, ClassVar

import torch  # noqa: F401 - annotations of the constructors name it
from torch.optim.optimizer import ParamsT  # noqa: F401 - and this

from optlab import ops
from optlab.optim.optimizer import RuleOptimizer
from optlab.optim.together import by_entries
from optlab.rules import Rule
from optlab.rules.names import NAMES

# What every optimizer takes, by keyword, after settings of its own.
COMMON: dict[str, tuple[Any, str]] = {
    "maximize": (False, "ascend instead of descend."),
    "execution": ("auto", '"plain", "foreach", "compiled" or "auto".'),
    "nonfinite": (
        "propagate",
        'with a gradient that is not finite "propagate" it, "skip" the step, or "raise".',
    ),
    "rounding": (
        "nearest",
        'of weights in half precision, to the "nearest" number or "stochastic".',
    ),
}
_EVERY = {name: default for name, (default, _) in COMMON.items()}
_MEANING = {
    "params": "iterable of parameters or of groups.",
    **{name: known.meaning for name, known in NAMES.items()},
    "betas": "decay rates (β1, β2), each in [0, 1).",
    **{name: text for name, (_, text) in COMMON.items()},
}
_RAISES = "ValueError: for impossible values, in torch.optim's words where it has any."
_MATRICES = (ops.zero_rows, ops.zero_columns, ops.zero_matrix)

# The name of a state variable in papers -> its key in the states of torch.optim.
_IN_TORCH = {
    "m": "exp_avg",
    "v": "exp_avg_sq",
    "v_hat": "max_exp_avg_sq",
    "b": "momentum_buffer",
    "R": "row_var",
    "C": "col_var",
    "V": "variance",
}


def in_torch(*names: str) -> dict[str, str]:
    """Of state variables with these names in the rule, the keys that torch.optim has for them."""
    return {name: _IN_TORCH[name] for name in names}


class MadeOptimizer(RuleOptimizer):
    """Base of the optimizers whose constructors are made of what rule and class say.

    A subclass that has `of`, `chosen` or `settings` in its body takes, after `params`, its
    `settings`, and then by keyword what all optimizers take. What its docstring says of some of
    them, under "Args:", stands in its documentation; the others are described as everywhere.
    """

    # The rule; with `chosen`, a setting and the rule for each of its words, the default first.
    of: ClassVar[Rule]
    chosen: ClassVar[tuple[str, Mapping[str, Rule]] | None] = None
    # The settings of the groups, in order, with their defaults. If a class does not say: those
    # of the rule, and weight_decay where the class adds it.
    settings: ClassVar[dict[str, Any]]
    # Those of them that are given by keyword only.
    keywords: ClassVar[tuple[str, ...]] = ()
    # Entries of the groups that nobody sets: torch's class of this name looks for them.
    for_torch: ClassVar[dict[str, Any]] = {}

    def __init_subclass__(cls, **options: Any) -> None:
        super().__init_subclass__(**options)
        own = vars(cls)
        if not own.keys() & {"of", "chosen", "settings"}:
            return  # a subclass of somebody's own
        words = {}
        if cls.chosen is not None and "chosen" in own:
            name, rules = cls.chosen
            words[name] = next(iter(rules))
            cls.choices = {name: tuple(rules)}
            cls.of = rules[words[name]]
        if "settings" not in own:
            more = {"weight_decay": 0} if cls.decay else {}
            cls.settings = settings_of(cls.of, cls.stands_for, **more)
        if "weight_decay" not in cls.settings:  # a group that asks for it would get nothing
            cls.refused = {**cls.refused, "weight_decay": "leave it out of the groups"}
        kinds = {k: type(v) for k, v in {**cls.settings, **_EVERY}.items()}
        cls.flags = frozenset(k for k, kind in kinds.items() if kind is bool)
        cls.numbers = frozenset(k for k, kind in kinds.items() if kind in (int, float))
        cls.__init__ = _constructor(cls, words)  # type: ignore[method-assign]
        cls.__doc__ = _documentation(cls)

    @by_entries
    def rule(self, group: dict[str, Any]) -> Rule:
        if self.chosen is None:
            return self.of
        name, rules = self.chosen
        return rules[group[name]]


def settings_of(
    rule: Rule, stands_for: Mapping[str, tuple[str, ...]] = RuleOptimizer.stands_for, **more: Any
) -> dict[str, Any]:
    """The hyperparameters of a rule that a parameter group holds, with the rule's defaults.

    Functions, such as a projection, are left out; `more` are added. Numbers that a setting
    `stands_for`, all of them, become that pair: beta1 and beta2 are `betas`.
    """
    found = {k: v for k, v in rule.defaults.items() if not callable(v)} | more
    for setting, (first, *others) in stands_for.items():
        if others and {first, *others} <= found.keys():
            pair = (found[first], *(found.pop(k) for k in others))
            found = {
                setting if k == first else k: pair if k == first else v for k, v in found.items()
            }
    return found


def make(rule: Rule, module: str) -> type[MadeOptimizer]:
    """The class `module`.`rule.optimizer`.

    Its arguments are the rule's numbers and flags with their defaults, of which beta1 and beta2
    become the pair `betas`, and those that all optimizers have. Functions among the rule's
    hyperparameters, such as a projection, stay at their defaults.

    Raises:
        ValueError: lr or another hyperparameter has no default, or the rule is for matrices only.
    """
    if missing := [k for k in {"lr": None, **rule.hyperparameters} if k not in rule.defaults]:
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
    return type(str(rule.optimizer), (MadeOptimizer,), {"__module__": module, "of": rule})


def make_all(
    rules: Iterable[object], written: Iterable[type[RuleOptimizer]], module: str
) -> dict[str, type[MadeOptimizer]]:
    """A class for each rule among `rules` that names an optimizer which is not `written`, by that
    name.

    Raises:
        ValueError: as `make` does, and for a name that another rule's class has already.
    """
    taken: dict[str, Rule | None] = {cls.__name__: getattr(cls, "of", None) for cls in written}
    made: dict[str, type[MadeOptimizer]] = {}
    for rule in rules:
        if not (isinstance(rule, Rule) and rule.optimizer):
            continue
        if rule.optimizer not in taken:
            made[rule.optimizer] = make(rule, module)
            taken[rule.optimizer] = rule
        elif taken[rule.optimizer] is not rule:
            raise ValueError(
                f"{rule.name} names an optimizer {rule.optimizer}, which there is already: "
                "give it another name in the rule"
            )
    return made


def _constructor(cls: type[MadeOptimizer], words: Mapping[str, str]) -> Callable[..., None]:
    either, keyword = Parameter.POSITIONAL_OR_KEYWORD, Parameter.KEYWORD_ONLY
    placed = {k: v for k, v in cls.settings.items() if k not in cls.keywords}
    defaults = {**placed, **words, **cls.settings, **_EVERY}
    signature = Signature(
        [
            Parameter("self", either),
            Parameter("params", either, annotation="ParamsT"),
            *(
                Parameter(k, either if k in placed else keyword, default=v, annotation=_type(k, v))
                for k, v in defaults.items()
            ),
        ]
    )
    name = f"{cls.__name__}.__init__"

    def __init__(*args: Any, **kwargs: Any) -> None:
        try:
            given = signature.bind(*args, **kwargs)
        except TypeError as error:
            raise TypeError(f"{name}() {error}") from None
        given.apply_defaults()
        self, params, *values = given.arguments.values()
        settings = dict(zip(defaults, values, strict=True))
        super(cls, self).__init__(params, {**settings, **cls.for_torch})

    __init__.__signature__ = signature  # type: ignore[attr-defined]
    __init__.__annotations__ = {
        k: x.annotation for k, x in signature.parameters.items() if k != "self"
    }
    __init__.__qualname__ = name
    return __init__


def _type(name: str, default: Any) -> str:
    """The type of an argument, as one would write it."""
    if name == "lr":
        return "float | torch.Tensor"
    if isinstance(default, tuple):
        return f"tuple[{', '.join(['float'] * len(default))}]"
    return type(default).__name__ if isinstance(default, bool | str) else "float"


def _documentation(cls: type[MadeOptimizer]) -> str:
    if not cls.__doc__:
        source = (inspect.getdoc(cls.of.function) or "").partition("\n")[0].rstrip(".")
        cls.__doc__ = f"{cls.__name__}, {source}: `optlab.rules.{cls.of.name}`."
    text, _, own = inspect.cleandoc(cls.__doc__).partition("\n\nArgs:\n")
    said = dict(re.findall(r"(?ms)^    (\w+): (.*?)(?=\n    \w|\Z)", own))
    arguments = []
    for name, argument in inspect.signature(cls).parameters.items():
        usual = "True or False." if isinstance(argument.default, bool) else ""
        usual = _MEANING.get(name) or usual or f"{name} of the rule, a number."
        arguments.append(f"    {name}: {said.pop(name, usual)}")
    if said:
        raise ValueError(f"the documentation of {cls.__name__} has {', '.join(said)} under Args")
    return "\n".join([f"{text}\n\nArgs:", *arguments, "\nRaises:", f"    {_RAISES}"])
