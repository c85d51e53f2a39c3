"""Groups with the same settings, stepped in one call.

Other code makes a group of each parameter, so that it may give each a rate of its own; while these
are alike, a call for each group would take longer than its work. A rule steps each tensor by
itself, so that what is calculated does not depend on which tensors come with it.
"""

from __future__ import annotations

import operator
from collections import defaultdict
from collections.abc import Callable, Sequence
from functools import partial
from typing import Any, TypeVar

import torch

from optlab.optim.batch import Batch, Prepared
from optlab.optim.execution import chosen
from optlab.optim.memory import PLAIN_CLASSES
from optlab.rules import Rule

_Method = TypeVar("_Method", bound=Callable[..., Any])

# The entries of a group that are no settings.
_OWN = ("params", "param_names")


def together(
    prepared: Sequence[Prepared], name_of: Callable[[list[torch.Tensor], int], str]
) -> list[Prepared]:
    """The batches of a step, with those joined that differ only in their groups.

    Apart stay steps that may be skipped, and rounding at random, which draws numbers in order.

    name_of: what messages call one of some parameters.
    """
    if len(prepared) < 2:
        return list(prepared)
    alike: dict[Any, list[Prepared]] = defaultdict(list)
    for i, each in enumerate(prepared):
        own = not set(map(type, each.params)) <= PLAIN_CLASSES
        alone = own or each.rounded or each.finite is not None
        alike[i if alone else _kind(each)].append(each)
    result: list[Prepared] = []
    for some in alike.values():
        if len(some) == 1:
            result += some
            continue
        # What "auto" is depends on the size of a batch: it is asked of each by itself.
        by_way: dict[str, list[Prepared]] = defaultdict(list)
        for each in some:
            auto = each.execution == "auto"
            by_way[chosen(each.batch) if auto else each.execution].append(each)
        result += (_joined(same, way, name_of) for way, same in by_way.items())
    return result


def _kind(each: Prepared) -> tuple[Any, ...]:
    """What batches must have in common if one call is to step them."""
    batch = each.batch
    p = batch.params[0]
    values = (x.hex() if type(x) is float else id(x) for x in batch.hyperparameters.values())
    kind = batch.rule, batch.t, p.device, p.dtype, batch.compute, each.execution
    return *kind, *batch.hyperparameters, *values


def _joined(
    some: Sequence[Prepared], way: str, name_of: Callable[[list[torch.Tensor], int], str]
) -> Prepared:
    batches = [each.batch for each in some]
    first = batches[0]
    params = [p for each in some for p in each.params]
    batch = Batch(
        first.rule,
        first.t,
        first.hyperparameters,
        [p for batch in batches for p in batch.params],
        [g for batch in batches for g in batch.grads],
        {name: [x for batch in batches for x in batch.state[name]] for name in first.state},
        first.compute,
        partial(name_of, params),
        first.key,
    )
    return Prepared(
        batch,
        [group for each in some for group in each.groups],
        way,
        params,
        [step for each in some for step in each.steps],
        finite=None,
        rounded=False,
    )


def by_entries(method: _Method) -> _Method:
    """Mark a method of an optimizer whose answer follows from the entries of a group other than
    its parameters, and from the shape of a parameter: it need not be asked again of the same
    entries."""
    method.by_entries = True  # type: ignore[attr-defined]
    return method


def follow_from_entries(*methods: Callable[..., Any]) -> bool:
    """Whether all of these are marked, and none is a subclass's own that follows from more."""
    return all(getattr(method, "by_entries", False) for method in methods)


def all_alike(groups: Sequence[dict[str, Any]]) -> bool:
    """Whether groups have the same entries, the same objects, but for parameters and rates."""
    own = (*_OWN, "lr")
    first, *others = ({k: x for k, x in group.items() if k not in own} for group in groups)
    return all(
        len(other) == len(first) and all(other.get(k, ...) is x for k, x in first.items())
        for other in others
    )


def same_rates(groups: Sequence[dict[str, Any]]) -> bool:
    """Whether groups have the same rate: one object, or the same float to the bit."""
    first, *others = [group["lr"] for group in groups]
    return all(lr is first or _is_same(lr, first) for lr in others)


def all_equal(
    groups: Sequence[dict[str, Any]],
    rule: Rule,
    known: dict[str, Any],
    hyperparameters: Callable[[dict[str, Any], Rule], dict[str, Any]],
) -> bool:
    """Whether groups have the same hyperparameters, to the bit.

    known: those of the first. hyperparameters: the method that says them.
    """
    return all(equal(known, hyperparameters(group, rule)) for group in groups[1:])


def equal(some: dict[str, Any], others: dict[str, Any]) -> bool:
    """Whether the hyperparameters of two groups are the same, to the bit."""
    if [*some] != [*others]:
        return False
    values = some.values(), others.values()
    return all(map(operator.is_, *values)) or all(map(_is_same, *values))


def _is_same(x: Any, y: Any) -> bool:
    if x is y:
        return True
    if type(x) is not float or type(y) is not float:
        return False
    return x == y and (x != 0 or str(x) == str(y))  # 0.0 == -0.0
