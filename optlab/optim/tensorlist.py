"""A list of tensors that a rule takes for one tensor: torch's multi-tensor functions."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import torch

from optlab import ops
from optlab.optim.nonfinite import select
from optlab.tensors import EXACT


class TensorList:
    """Tensors of any shapes on one device and of one dtype, with elementwise arithmetic.

    The other operand is a TensorList of the same shapes, or a number (a float
    or a 0-dimensional tensor). Every operation but `copy_` makes new tensors.
    A Python number that multiplies all of them is kept as a factor, until an
    operation needs the products, or takes the factor itself: x + a y is one
    call of torch, not two.
    """

    __slots__ = ("_factor", "_unscaled")

    def __init__(self, tensors: Sequence[torch.Tensor], factor: float = 1.0):
        self._unscaled = list(tensors)
        self._factor = factor

    def __getattr__(self, name: str) -> Any:
        raise AttributeError(f"a list of tensors has no {name!r}. {ops.REMEDY}")

    def _has_no_truth(self, other: Any = None) -> Any:
        raise TypeError(f"a list of tensors is not compared. {ops.REMEDY}")

    __bool__ = __lt__ = __le__ = __gt__ = __ge__ = _has_no_truth

    @property
    def tensors(self) -> list[torch.Tensor]:
        """The entries, with the factor multiplied in."""
        if self._factor != 1:
            self._unscaled = list(torch._foreach_mul(self._unscaled, self._factor))
            self._factor = 1.0
        return self._unscaled

    def _with_factor(self, factor: float) -> TensorList:
        return TensorList(self._unscaled, factor)

    def __add__(self, other: Any) -> TensorList:
        if not isinstance(other, TensorList):
            return TensorList(torch._foreach_add(self.tensors, other))
        x: TensorList = self if self._factor == 1 else other
        y = other if x is self else self
        return TensorList(torch._foreach_add(x.tensors, y._unscaled, alpha=y._factor))

    def __sub__(self, other: Any) -> TensorList:
        difference: TensorList = self + -other
        return difference

    def __mul__(self, other: Any) -> TensorList:
        if _is_number(other):
            return self._with_factor(self._factor * other)
        return TensorList(torch._foreach_mul(self.tensors, _operand(other)))

    def __truediv__(self, other: Any) -> TensorList:
        if _is_number(other) and other != 0:
            return self._with_factor(self._factor / other)
        if isinstance(other, TensorList):
            quotients = torch._foreach_div(self._unscaled, other.tensors)
            return TensorList(quotients, self._factor)
        return TensorList(torch._foreach_div(self.tensors, other))

    def __pow__(self, exponent: float) -> TensorList:
        if exponent == 2:
            return self * self
        return TensorList(torch._foreach_pow(self.tensors, exponent))

    def __neg__(self) -> TensorList:
        return self._with_factor(-self._factor)

    def __radd__(self, number: Any) -> TensorList:
        return self.__add__(number)

    def __rsub__(self, number: Any) -> TensorList:
        return self.__neg__().__add__(number)

    def __rmul__(self, number: Any) -> TensorList:
        return self.__mul__(number)

    def __rtruediv__(self, number: Any) -> TensorList:
        return TensorList(torch._foreach_reciprocal(self.tensors)).__mul__(number)

    def copy_(self, other: TensorList) -> None:
        torch._foreach_copy_(self.tensors, other.tensors)

    def clone(self) -> TensorList:
        return self.map(torch.clone)

    def to(self, dtype: torch.dtype) -> TensorList:
        return self.map(lambda x: x.to(dtype))

    def map(self, f: Callable[[torch.Tensor], torch.Tensor]) -> TensorList:
        return TensorList([f(x) for x in self.tensors])


def _is_number(x: Any) -> bool:
    return isinstance(x, int | float)


def _operand(x: Any) -> Any:
    return x.tensors if isinstance(x, TensorList) else x


def _one_by_one(operation: ops.Operation) -> Callable[..., TensorList]:
    """`operation` on each tensor, for want of a multi-tensor function."""
    on_tensors = operation.dispatch(torch.Tensor)

    def on_lists(*args: Any) -> TensorList:
        n = next(len(a.tensors) for a in args if isinstance(a, TensorList))
        columns = [a.tensors if isinstance(a, TensorList) else (a,) * n for a in args]
        return TensorList([on_tensors(*row) for row in zip(*columns, strict=True)])

    return on_lists


def _swappable(function: Callable[..., Any]) -> Callable[..., TensorList]:
    """A multi-tensor function of two arguments whose order does not matter."""

    def on_lists(x: Any, y: Any) -> TensorList:
        lists, other = (x, y) if isinstance(x, TensorList) else (y, x)
        return TensorList(function(lists.tensors, _operand(other)))

    return on_lists


def _norms(xs: TensorList) -> TensorList:
    if all(x.is_cpu for x in xs.tensors):
        # One call where all are small; as ops.norm does it.
        small = all(x.dtype is torch.float32 and x.numel() <= EXACT for x in xs.tensors)
        if small:
            found = torch._foreach_norm(xs.tensors, 2, torch.float64)
            return TensorList(torch.stack(found).float().unbind())
        return TensorList([ops.norm(x) for x in xs.tensors])
    return TensorList(torch._foreach_norm(xs.tensors))


def _ratios(x: Any, y: Any) -> TensorList:
    """Ratios; of numbers, one for each tensor as norms are, in one call for all of them."""
    every = [e for xs in (x, y) if isinstance(xs, TensorList) for e in xs.tensors]
    lists = isinstance(x, TensorList) and isinstance(y, TensorList)
    if not lists or any(e.dim() for e in every) or len({e.dtype for e in every}) > 1:
        return _one_by_one(ops.ratio)(x, y)
    above, below = torch.stack(every).view(2, -1)
    return TensorList(ops.ratio(above, below).unbind())


# Where products of matrices are taken one after another. On two cores of a CPU a batched product
# took 1.0 to 2.4 times as long, with the copies that it needs, from 128 × 128 on.
ONE_BY_ONE = {"cpu"}


def _products(xs: Any, ys: Any) -> TensorList:
    """Products of matrices; on a GPU, those of equal shapes in one call."""
    pairs = list(zip(xs.tensors, ys.tensors, strict=True))
    alike: dict[Any, list[int]] = {}
    for i, (x, y) in enumerate(pairs):
        together = x.dim() == y.dim() == 2 and x.device.type not in ONE_BY_ONE
        alike.setdefault((x.shape, y.shape) if together else i, []).append(i)
    found: dict[int, torch.Tensor] = {}
    for places in alike.values():
        if len(places) == 1:
            found[places[0]] = ops.matmul(*pairs[places[0]])
        else:
            left, right = (torch.stack([pairs[i][k] for i in places]) for k in (0, 1))
            found |= zip(places, torch.bmm(left, right), strict=True)
    return TensorList([found[i] for i in range(len(pairs))])


for _operation in (*ops.OPERATIONS, *ops.INITIAL, select):
    _operation.register(TensorList, _one_by_one(_operation))
ops.sqrt.register(TensorList, lambda x: TensorList(torch._foreach_sqrt(x.tensors)))
ops.sign.register(TensorList, lambda x: TensorList(torch._foreach_sign(x.tensors)))
ops.norm.register(TensorList, _norms)
ops.ratio.register(TensorList, _ratios)
ops.matmul.register(TensorList, _products)
ops.maximum.register(TensorList, _swappable(torch._foreach_maximum))
ops.minimum.register(TensorList, _swappable(torch._foreach_minimum))
