"""What the settings of a parameter group may be."""

from __future__ import annotations

import math
import operator
from collections.abc import Container, Iterable, Sequence
from decimal import Decimal
from numbers import Complex, Integral, Number, Real
from typing import Any

import numpy as np
import torch

from optlab.optim.execution import EXECUTIONS
from optlab.optim.nonfinite import NONFINITE
from optlab.optim.rounding import ROUNDING
from optlab.rules.names import condition, meets

CHOICES: dict[str, tuple[str, ...]] = {
    "execution": ("auto", *EXECUTIONS),
    "nonfinite": NONFINITE,
    "rounding": ROUNDING,
}


def validate(
    group: dict[str, Any],
    choices: dict[str, tuple[str, ...]],
    flags: Iterable[str],
    numbers: Iterable[str],
) -> None:
    """Refuse impossible settings with a ValueError, in torch.optim's words where it has any.

    choices: the words that settings of this optimizer alone may be, by setting.
    flags, numbers: the names of those that are True or False, and of those that are numbers.
    Other entries of a group are somebody else's.
    """
    lr = group["lr"]
    if isinstance(lr, torch.Tensor):
        if lr.numel() != 1:
            raise ValueError("Tensor lr must be 1-element")
        if not lr.is_floating_point():
            raise ValueError(
                f"Invalid learning rate: {lr!r}; a tensor must be floating-point, "
                "since schedules store their rates in it"
            )
        if lr.is_meta:
            raise ValueError("Invalid learning rate: a tensor on the device meta has no value")
        lr = lr.item()
    _at_least_zero("learning rate", lr)
    eps = group.get("eps", 0.0)
    for value in eps if isinstance(eps, tuple | list) else (eps,):
        _at_least_zero("epsilon value", value)
    betas = group.get("betas", (0, 0))
    if not (isinstance(betas, tuple | list) and len(betas) == 2):
        raise ValueError(f"Invalid betas: {_shown(betas)}; give a pair (beta1, beta2)")
    for i, beta in enumerate(betas):
        if not (is_number(beta) and 0.0 <= beta < 1.0):
            raise ValueError(f"Invalid beta parameter at index {i}: {_shown(beta)}")
    for name in numbers:
        if name not in ("lr", "eps") and name in group:
            _validate_number(name, group[name])
    for name in flags:
        if not isinstance(group.get(name, False), bool):
            raise ValueError(f"Invalid {name} value: {_shown(group[name])}; give True or False")
    for name, allowed in {**choices, **CHOICES}.items():
        if group[name] not in allowed:
            raise ValueError(f"Invalid {name}: {group[name]!r}; choose one of {', '.join(allowed)}")


def _validate_number(name: str, value: Any) -> None:
    if not (is_number(value) and meets(condition(name), value)):
        remedy = "; give one that is not positive" if condition(name) == "<= 0" else ""
        raise ValueError(f"Invalid {name} value: {_shown(value)}{remedy}")


def is_number(x: Any) -> bool:
    return isinstance(x, Real) and not isinstance(x, bool | np.timedelta64)


def _at_least_zero(what: str, value: Any) -> None:
    if not (is_number(value) and 0.0 <= value < math.inf):
        raise ValueError(f"Invalid {what}: {_shown(value)}")


def _shown(value: Any) -> str:
    """A value in one line, and what is wrong with it where its number alone would look right."""
    if isinstance(value, torch.Tensor):
        what = repr(value.item()) if value.numel() == 1 and not value.is_meta else "many numbers"
        return f"a tensor of {what}; only lr may be a tensor: give a number"
    text = " ".join(str(value).split())
    if isinstance(value, str):
        try:
            float(value)
        except ValueError:
            return text
        return f"{value!r}; give a number, not text"
    return text


def plain(x: Any) -> Any:
    """A setting as Python's own int, float, bool, str or tuple, where it is another library's.

    NumPy's scalars and arrays, fractions, decimals, SymPy's numbers, and anything else that has
    a value as a float: what `torch.load` does not read in a checkpoint. Tensors and what is none
    of these stay as they are.
    """
    if type(x) in _PLAIN or isinstance(x, torch.Tensor):
        return x
    if isinstance(x, np.ndarray):
        return plain(x.tolist())
    if isinstance(x, np.bool_):
        return bool(x)
    if isinstance(x, str):
        return str.__str__(x)
    if isinstance(x, tuple | list):
        values = tuple(plain(y) for y in x)
        return x if type(x) is tuple and all(map(operator.is_, x, values)) else values
    try:
        if isinstance(x, Integral):
            float(x)  # what no float can hold is not a setting
            return int(x)
        if hasattr(type(x), "__float__") and (isinstance(x, Real) or not isinstance(x, Complex)):
            return float(x)
    except OverflowError:
        return math.inf
    except (TypeError, ValueError):  # a symbol, say
        pass
    return x


def make_plain(group: dict[str, Any], known: Container[str]) -> None:
    """Make the settings of a group plain, in place, as far as they are `known`; of the others,
    which are somebody else's, numbers and texts."""
    for key, value in group.items():
        others = isinstance(value, Number | Decimal | np.generic | str)
        if key not in ("params", "param_names") and (key in known or others):
            new = plain(value)
            if new is not value:
                group[key] = new


def differing(names: Sequence[str], values: Sequence[Any], known: Sequence[Any]) -> list[str]:
    """The names of the settings that are not what was known of them: neither the same object nor
    an equal plain number or text. The last names may have no values."""
    if len(values) != len(known):
        return [*names]
    if all(map(operator.is_, values, known)):
        return []
    return [
        key
        for key, v, w in zip(names, values, known, strict=False)
        if not (v is w or (type(v) is type(w) and type(v) in _COMPARED and v == w))
    ]


class Settled:
    """A group's entries as they were when its settings were last held to what they may be.

    Attributes:
        values: of those that the optimizer watches, in its order.
    """

    __slots__ = ("_entries", "_keys", "_rate", "values")

    def __init__(self, group: dict[str, Any], values: list[Any]):
        self.values = values
        self._keys, self._entries = [*group], [*group.values()]
        self._rate = self._keys.index("lr") if type(group.get("lr")) is float else None

    def holds(self, group: dict[str, Any]) -> bool:
        """Whether the group has the same entries still, the same objects, but for a rate that may
        be another possible number. A rate that is no number may change in place: not then."""
        entries, rate = [*group.values()], self._rate
        if rate is None or [*group] != self._keys:
            return False
        lr = entries[rate]
        if lr is not self._entries[rate]:
            if type(lr) is not float or not 0 <= lr < math.inf:
                return False
            self._entries[rate] = lr
        return all(map(operator.is_, entries, self._entries))


_PLAIN = (float, bool, str, type(None))
_COMPARED = (*_PLAIN, int)
