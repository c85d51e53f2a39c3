"""What a scheduled entry of a parameter group may hold, and how it is read and set."""

from __future__ import annotations

import math
from collections.abc import Sequence
from numbers import Complex, Real
from typing import Any

import torch

Value = float | torch.Tensor


def number(value: Any) -> float | None:
    """A real number of whatever kind (NumPy's, SymPy's, a fraction, one element of a tensor) as
    a float, so that what is saved is plain data; None if the value is none.

    A tensor on a device is waited for.
    """
    if callable(getattr(value, "item", None)):  # tensors and NumPy's
        try:
            value = value.item()
        except (TypeError, ValueError, RuntimeError):  # more than one element, or on meta
            return None
    if isinstance(value, Complex) and not isinstance(value, Real):
        return None
    if isinstance(value, str | bytes) or not hasattr(value, "__float__"):
        return None
    try:
        return float(value)
    except OverflowError:
        return math.inf
    except (TypeError, ValueError):
        return None


def whole(name: str, value: Any) -> int:
    """The value as an int; ValueError if it is not a whole number."""
    if not isinstance(value, bool):
        x = number(value)
        if x is not None and math.isfinite(x) and x == math.floor(x):
            return int(value)
    raise ValueError(f"{name} must be a whole number; got {shown(value)}")


def copied(value: Any) -> Any:
    """A value of its own, plain: numbers stay ints and floats, others become floats."""
    if isinstance(value, torch.Tensor):
        return value.detach().clone()
    return value if type(value) in (int, float) else number(value)


def check(where: str, key: str, value: Any) -> None:
    """Refuse a value that a schedule cannot scale: anything but one real number."""
    remedy = "a schedule needs one real number"
    if isinstance(value, torch.Tensor):
        if value.numel() != 1:
            raise ValueError(f"{where} has {shown(value)} as {key}; {remedy}")
        if not value.is_floating_point():
            raise ValueError(
                f"{where} has a tensor of {value.dtype} as {key}, which cannot hold the values of"
                " a schedule: give a floating tensor or a number"
            )
    elif isinstance(value, bool) or number(value) is None:
        raise TypeError(f"{where} has {key} = {shown(value)}; {remedy}")
    elif not math.isfinite(number(value) or 0.0):
        raise ValueError(f"{where} has {key} = {shown(value)}; {remedy}, and a finite one")


def scaled(key: str, initial: Value, multiplier: Any, held: Any, t: Any) -> Value:
    """initial * multiplier, as a float, or as a tensor where the group holds one.

    Raises:
        TypeError: if the multiplier is not a real number.
        ValueError: if the multiplier or the product is not finite. What is on a device
            is not looked at where the group holds a tensor: that would wait.
    """
    on_device = isinstance(held, torch.Tensor) and isinstance(multiplier, torch.Tensor)
    if on_device and multiplier.numel() == 1 and multiplier.device.type != "cpu":
        factor: Any = multiplier.reshape(())
        if isinstance(initial, torch.Tensor):
            factor, initial = factor.to(initial.device), initial.detach()
        product: Value = initial * factor
        return product
    x = number(multiplier)
    if x is None:
        raise TypeError(
            f"the schedule of {key} gave {shown(multiplier)} at t = {t}; it must give one real"
            " number"
        )
    if not math.isfinite(x):
        raise ValueError(
            f"the schedule of {key} gave {shown(multiplier)} at t = {t}; it must give a finite"
            " number"
        )
    if isinstance(held, torch.Tensor) and isinstance(initial, torch.Tensor):
        return initial.detach() * x
    base = number(initial)
    value = math.nan if base is None else base * x
    if not math.isfinite(value):
        raise ValueError(
            f"{key} would be {value} at t = {t}: {shown(initial)} times {x}; it must be finite"
        )
    return value


@torch.no_grad()
def put(group: dict[str, Any], key: str, value: Value) -> None:
    """A tensor is filled in place: compiled steps and captured graphs hold on to it."""
    held = group[key]
    if not isinstance(held, torch.Tensor):
        group[key] = value
    elif isinstance(value, torch.Tensor):
        held.copy_(value.reshape(held.shape))
    else:
        held.fill_(value)


def same(one: Sequence[Any], other: Sequence[Any]) -> bool:
    """Whether two lists of values are equal. Tensors on meta, which nobody can read, are."""
    return len(one) == len(other) and all(_equal(a, b) for a, b in zip(one, other, strict=True))


def _equal(a: Any, b: Any) -> bool:
    if any(isinstance(x, torch.Tensor) and x.is_meta for x in (a, b)):
        return True
    return number(a) == number(b)


def shown(value: Any) -> str:
    """What the value is, in one short line."""
    if isinstance(value, torch.Tensor) and value.numel() != 1:
        return f"a tensor of shape {tuple(value.shape)}"
    text = " ".join(repr(value).split())
    return text if len(text) <= 80 else text[:77] + "..."
