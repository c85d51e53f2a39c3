"""The optimizers that the reader can choose: rules, and the hyperparameters to set."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import Any

from optlab.explorer.slider import Slider
from optlab.ops import zeros_like
from optlab.optim import MADE
from optlab.rules import (
    Rule,
    State,
    adafactor,
    adafactor_vector,
    adagrad,
    adam,
    amsgrad,
    average_hessian,
    gradient_descent,
    lamb,
    lars,
    momentum,
    sophia,
    with_decay,
    with_l2,
)
from optlab.rules.names import condition, label


@dataclass(frozen=True)
class Choice:
    """A rule to choose.

    Attributes:
        sliders: for hyperparameters of the rule, the learning rate first.
        constants: hyperparameters that the reader does not set, where they are not the rule's
            defaults; afterwards all of them.
        fixed: those that are not numbers, as in `optlab.symbolic.record`.
        positive: state that is never negative, to be drawn on a logarithmic axis.
        chapter: of the book, where there is one.
    """

    label: str
    rule: Rule
    sliders: tuple[Slider, ...]
    constants: dict[str, float] = field(default_factory=dict)
    fixed: dict[str, Any] = field(default_factory=dict)
    positive: tuple[str, ...] = ()
    chapter: str | None = None

    def __post_init__(self) -> None:
        set_by = {slider.name for slider in self.sliders}
        others = {k: self.rule.defaults.get(k) for k in self.rule.numbers if k not in set_by}
        constants = {k: x for k, x in others.items() if x is not None} | self.constants
        object.__setattr__(self, "constants", constants)


def _of(name: str, *range_: Any) -> Slider:
    """A slider of what `optlab.rules.names` calls a hyperparameter."""
    return Slider(name, label(name), *range_)


def _rate(start: float, high: float = 1) -> Slider:
    return _of("lr", 1e-4, high, start, "log")


def _memory(name: str, start: float) -> Slider:
    return _of(name, 0, 0.9999, start, "memory")


MOMENTUM = _memory("momentum", 0.9)
BETA1 = _memory("beta1", 0.9)
BETA2 = _memory("beta2", 0.999)
EPS = _of("eps", 1e-12, 10, 1e-8, "log")


def _decay(start: float) -> Slider:
    return _of("weight_decay", 0, 1, start)


def _hessian(p: Any, g: Any, s: Any, t: Any, *, beta2: Any) -> Any:
    """Liu et al. (2023), Algorithm 3, at every k-th step: g is the estimated diagonal."""
    return p, State(h=average_hessian(s.h, g, beta2=beta2))


HESSIAN = Rule(_hessian, {"h": sophia.initial["h"]})

# The order is that of the house palette: six colors, then the same six with dashes, then with dots.
OPTIMIZERS = {
    "gd": Choice("Gradient descent", gradient_descent, (_rate(0.05),), chapter="01"),
    "momentum": Choice("Momentum", momentum, (_rate(0.02), MOMENTUM)),
    "adagrad": Choice(
        "AdaGrad",
        adagrad,
        (_rate(0.3, 3), _of("delta", 0, 10, 0)),
        positive=("sum",),
        chapter="02",
    ),
    "adam": Choice("Adam", adam, (_rate(0.1), BETA1, BETA2, EPS), positive=("v",), chapter="03"),
    "adamw": Choice(
        "AdamW",
        with_decay(adam),
        (_rate(0.1), BETA1, BETA2, _decay(0.1)),
        positive=("v",),
        chapter="07",
    ),
    "amsgrad": Choice(
        "AMSGrad",
        amsgrad,
        (_rate(0.1), BETA1, BETA2, EPS),
        positive=("v", "v_hat"),
        chapter="05",
    ),
    "nesterov": Choice(
        "Nesterov",
        momentum,
        (_rate(0.02), MOMENTUM),
        fixed={"nesterov": True},
    ),
    "adam-l2": Choice(
        "Adam with L2",
        with_l2(adam),
        (_rate(0.1), BETA1, BETA2, _decay(0.1)),
        positive=("v",),
        chapter="06",
    ),
    "adafactor": Choice(
        "Adafactor",
        adafactor_vector,
        (_rate(0.1), _of("d", 0.1, 10, 1, "log")),
        {k: adafactor.defaults[k] for k in ("beta2_decay", "eps1", "eps2")},
        positive=("V",),
        chapter="04",
    ),
    "lars": Choice(
        "LARS",
        lars,
        (
            _rate(0.5, 10),
            MOMENTUM,
            _of("trust_coefficient", 1e-4, 1, 0.02, "log"),
            _decay(0),
        ),
    ),
    "lamb": Choice(
        "LAMB",
        lamb,
        (_rate(0.05), BETA1, BETA2, _decay(0)),
        positive=("v",),
    ),
    "sophia": Choice(
        "Sophia",
        sophia,
        (
            _rate(0.1),
            BETA1,
            replace(_memory("beta2", 0.9), label="β₂, of curvatures"),
            _of("rho", 0.01, 10, 1, "log"),
            Slider("k", "Curvature every k steps", 1, 20, 2, whole=True),
        ),
        {"weight_decay": 0},
    ),
}

# Sliders of hyperparameters that several rules have, by name.
SLIDERS = {slider.name: slider for slider in (_rate(0.05), MOMENTUM, BETA1, BETA2, EPS, _decay(0))}


def _made(rule: Rule) -> Choice:
    """The choice of a rule that is an optimizer as it stands: what it lets one set."""
    others = [_slider(name, rule.defaults[name]) for name in rule.numbers if name != "lr"]
    # the rule's own rate is for networks
    return Choice(str(rule.optimizer), rule, (SLIDERS["lr"], *others))


def _slider(name: str, start: float) -> Slider:
    if name in SLIDERS:
        usual = SLIDERS[name]
        return replace(usual, start=min(max(start, usual.low), usual.high))
    if condition(name) == "in [0, 1)":
        return _memory(name, start)
    if start > 0:
        return _of(name, start / 100, 100 * start, start, "log")
    return _of(name, 2 * start, 0, start) if start else _of(name, 0, 1, 0)


# Those without an entry above, but for what the page cannot start: it starts all state at zero.
OPTIMIZERS |= {
    cls.of.name: _made(cls.of)
    for cls in MADE.values()
    if all(start is zeros_like for start in cls.of.initial.values())
}
