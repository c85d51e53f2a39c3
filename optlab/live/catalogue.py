"""The rules that a reader may edit, by chapter, and how the page writes them."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from optlab import rules
from optlab.rules.rule import Rule, text
from optlab.symbolic import operator


@dataclass(frozen=True)
class Entry:
    """A rule whose text a chapter shows.

    Attributes:
        name: of the function, in `optlab.rules`.
        title: what the page calls the rule.
        shown: how the chapter writes the formula; options of `optlab.symbolic.latex`.
        around: for a function that changes a rule, as `with_decay` does, the rule to change.
    """

    name: str
    title: str
    shown: Mapping[str, Any] = field(default_factory=dict)
    around: Rule | None = None

    @property
    def function(self) -> Callable[..., Any]:
        """The function as its file has it."""
        found: Callable[..., Any] = inspect.unwrap(getattr(rules, self.name))
        return found

    @property
    def source(self) -> str:
        return text(self.function)

    def rule_of(self, made: Any) -> Any:
        """The rule that the text has made: `made` is what now bears the name."""
        return made if self.around is None else made(self.around)

    @property
    def rule(self) -> Rule:
        """The book's own."""
        made: Rule = self.rule_of(getattr(rules, self.name))
        return made


W, X, MATRIX = ("w_t", "w_{t+1}"), ("x_t", "x_{t+1}"), ("X_{t-1}", "X_t")
LAYER = r"^{(\ell)}"
MOMENTUM = Entry("momentum", "Momentum", {"parameter": W, "dampening": 0})
ADAMW = Entry("adamw", "AdamW", {"names": {"eta": r"\eta_t", "weight_decay": r"\bar{\lambda}"}})

CHAPTERS: dict[str, tuple[Entry, ...]] = {
    "01-gradient-descent": (
        Entry(
            "gradient_descent",
            "Gradient descent",
            {
                "names": {"lr": r"\eta_t"},
                "parameter": W,
                "project": operator(r"\Pi_{\mathcal{K}}"),
            },
        ),
        MOMENTUM,
    ),
    "02-adagrad": (
        Entry("adagrad", "AdaGrad", {"names": {"sum": "s"}, "parameter": X}),
        Entry("adagrad_full_dual", "AdaGrad, full matrix", {"parameter": X}),
        Entry(
            "adagrad_dual",
            "AdaGrad, primal-dual",
            {
                "names": {"sum": "s"},
                "parameter": X,
                "prox": operator(r"\operatorname{prox}"),
                "project": operator(r"\Pi_{\mathcal{X}}"),
            },
        ),
    ),
    "03-adam": (Entry("adam", "Adam", {"names": {"lr": r"\alpha"}}),),
    "04-adafactor": (
        Entry(
            "factored_adam",
            "Adam with factored moments",
            {"names": {"lr": r"\alpha_t"}, "parameter": MATRIX, "gradient": "G_t"},
        ),
        Entry(
            "adafactor",
            "Adafactor",
            {"names": {"beta2": "b"}, "parameter": MATRIX, "gradient": "G_t"},
        ),
    ),
    "05-amsgrad": (
        Entry(
            "amsgrad",
            "AMSGrad",
            {
                "names": {"lr": r"\alpha_t", "beta1": r"\beta_{1,t}"},
                "parameter": X,
                "project": operator(r"\Pi_{\mathcal{F}, \sqrt{\hat V_t}}"),
                "inline": ("h",),
            },
        ),
    ),
    "06-weight-decay": (
        Entry(
            "with_l2",
            "Adam with L2",
            {"names": {"lr": r"\alpha", "weight_decay": r"\lambda'"}},
            rules.adam,
        ),
        Entry("with_decay", "Adam with decay", {"names": {"lr": r"\alpha"}}, rules.adam),
        ADAMW,
    ),
    "07-adamw": (ADAMW,),
    "09-lars": (
        Entry(
            "lars",
            "LARS",
            {
                "names": {
                    "lr": r"\gamma_t",
                    "trust_coefficient": r"\eta",
                    "local": r"\alpha_\ell",
                    "v": f"v{LAYER}",
                },
                "parameter": (f"w{LAYER}_t", f"w{LAYER}_{{t+1}}"),
                "gradient": f"g{LAYER}_t",
            },
        ),
        Entry(
            "lars_deck",
            "LARS, the second form",
            {"names": {"lr": r"\gamma_t"}, "parameter": W, "phi": operator(r"\phi")},
        ),
    ),
    "10-lamb": (
        Entry(
            "lamb",
            "LAMB",
            {"names": {"lr": r"\eta_t", "r": "u"}, "parameter": X, "phi": operator(r"\phi")},
        ),
    ),
    "13-snapshot-ensembles": (
        Entry("momentum", "Momentum", {"names": {"lr": r"\eta_t"}, "dampening": 0}),
        Entry(
            "with_l2",
            "Momentum with L2",
            {"names": {"lr": r"\eta_t"}, "dampening": 0},
            rules.momentum,
        ),
    ),
    "14-sophia": (Entry("sophia", "Sophia", {"names": {"step": "u"}}),),
    "16-muon": (Entry("muon", "Muon", {"parameter": MATRIX, "gradient": "G_t"}),),
}


def entry(name: str, chapter: str | None = None) -> Entry:
    """The entry of a rule, in a chapter or in the first that has it.

    Raises:
        ValueError: no such rule is to be edited.
    """
    for where, entries in CHAPTERS.items():
        for found in entries:
            if found.name == name and chapter in (None, where):
                return found
    place = f" in chapter {chapter}" if chapter else ""
    raise ValueError(f"no rule {name} is to be edited{place}")
