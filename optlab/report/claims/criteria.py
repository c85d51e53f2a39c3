"""Conditions on an experiment's estimates, and the verdict that three sets of seeds give."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol

SETS = 3  # of seeds, each of which must agree


class Estimate(Protocol):
    """A mean and its confidence interval, as `experiments.Interval` has them."""

    @property
    def mean(self) -> float: ...
    @property
    def low(self) -> float: ...
    @property
    def high(self) -> float: ...


@dataclass(frozen=True)
class Criterion:
    """A range that an estimate must lie in, interval and all.

    Written "< 0.5", "> 0" or "within 0.5", which is from -0.5 to 0.5.
    """

    low: float
    high: float
    text: str

    @classmethod
    def read(cls, text: object) -> Criterion:
        """ValueError for anything that is not written so."""
        number = r"([+-]?\d+(?:\.\d+)?(?:e[+-]?\d+)?)"
        if isinstance(text, str):
            if found := re.fullmatch(rf"< {number}", text):
                return cls(float("-inf"), float(found[1]), text)
            if found := re.fullmatch(rf"> {number}", text):
                return cls(float(found[1]), float("inf"), text)
            if (found := re.fullmatch(rf"within {number}", text)) and float(found[1]) > 0:
                return cls(-float(found[1]), float(found[1]), text)
        raise ValueError(f"a criterion is '< x', '> x' or 'within x' with a number x, not {text!r}")

    def holds(self, estimate: Estimate) -> bool | None:
        """True if the whole interval lies in the range, False if all of it lies outside."""
        if self.low < estimate.low and estimate.high < self.high:
            return True
        if estimate.high < self.low or self.high < estimate.low:
            return False
        return None


def judge(
    criteria: Mapping[str, Criterion], estimates: Mapping[str, Sequence[Estimate]]
) -> tuple[str, str]:
    """The verdict of an experiment, and its figures in one line.

    "reproduced" if each criterion holds in each set of seeds, "not reproduced here" if one of
    them is missed by the whole interval of each set, and otherwise "undecided here".

    Args:
        estimates: for each criterion, what each of the three sets of seeds found.

    Raises:
        TypeError: for other names than those of the criteria, or not three sets.
    """
    if estimates.keys() != criteria.keys():
        raise TypeError(
            f"estimates are needed for {', '.join(criteria)}; got {', '.join(estimates) or 'none'}"
        )
    for name, sets in estimates.items():
        if len(sets) != SETS:
            raise TypeError(f"{name}: {SETS} sets of seeds are needed, got {len(sets)}")
    found = {name: [c.holds(x) for x in estimates[name]] for name, c in criteria.items()}
    if all(all(each) for each in found.values()):
        verdict = "reproduced"
    elif any(all(x is False for x in each) for each in found.values()):
        verdict = "not reproduced here"
    else:
        verdict = "undecided here"
    lines = [
        f"{name} {', '.join(_figures(x) for x in estimates[name])}; asked for {c.text}"
        for name, c in criteria.items()
    ]
    return verdict, "; ".join(lines)


def _figures(x: Estimate) -> str:
    digits = max(0, min(6, 1 - _exponent(max(abs(x.low), abs(x.high), x.high - x.low))))
    return f"{x.mean:.{digits}f} [{x.low:.{digits}f}, {x.high:.{digits}f}]"


def _exponent(x: float) -> int:
    return int(f"{x:e}".split("e")[1]) if x == x and abs(x) != float("inf") else 0
