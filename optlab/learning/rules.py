"""The rule of each parameter, and what it keeps of one."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeAlias

import torch

from optlab.rules import Rule

# A rule for all parameters, or a function of a parameter that chooses one.
Rules: TypeAlias = Rule | Callable[[torch.Tensor], Rule]


def rule_of(rules: Any, p: torch.Tensor, name: str = "a parameter") -> Rule:
    """The rule of a parameter, which `name` calls in messages. Raises TypeError in one line."""
    if isinstance(rules, Rule):
        return rules
    if not callable(rules) or isinstance(rules, type):
        raise TypeError(
            f"rule must be one of optlab.rules, such as rules.adam, or a function of a "
            f"parameter that chooses one; got {rules!r:.80}"
        )
    chosen = rules(p)
    if not isinstance(chosen, Rule):
        raise TypeError(f"the function rule= must give one of optlab.rules; of {name}: {chosen!r}")
    return chosen


def elements_of_state(rule: Rule, p: torch.Tensor) -> int:
    """How many numbers a rule keeps of a parameter, which may be on the device "meta"."""
    with torch.device("meta"):
        like = torch.empty_like(p, device="meta")
        return sum(make(like).numel() for make in rule.initial.values())
