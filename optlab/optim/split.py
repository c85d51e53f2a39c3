"""A rule split in two: the numbers that depend on the step, and the work on tensors.

In m / (1 - beta1**t) the denominator is one number a step. Left inside a
compiled kernel it would be computed once an element, and a new learning rate
would mean a new kernel. So the rule is traced once (with torch.fx), and the
trace is cut where numbers meet tensors: the first part runs in Python's
float64, the second takes those numbers as a small tensor `c`.
"""

from __future__ import annotations

import operator
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch import fx

from optlab import ops
from optlab.optim.nonfinite import select
from optlab.optim.store import store
from optlab.rules import Rule, State


def _traced(operation: ops.Operation) -> Callable[..., fx.Proxy]:
    """`operation` on traced values: a call of `operation` in the trace."""

    def on_proxies(*args: Any) -> fx.Proxy:
        proxy = next(a for a in args if isinstance(a, fx.Proxy))
        return proxy.tracer.create_proxy("call_function", operation, args, {})

    return on_proxies


for _operation in (*ops.OPERATIONS, select):
    _operation.register(fx.Proxy, _traced(_operation))


@dataclass(frozen=True, eq=False)
class Split:
    """A rule in two parts:

    numbers(t, *hyperparameters) -> the numbers that meet tensors, as a tuple;
    tensors(p, g, *state, c), with those numbers as c, writes p and state in place.

    text: the second part with the operations of `optlab.ops`, from which `tensors` is made.
    fusible: whether torch.compile can make one kernel of it. It cannot where the rule
        decomposes a matrix; and it may not where a new value is another's old value, say
        the old parameter a part of the state: it loses that (pytorch issue 198131).
    flat: whether tensors may come as vectors, since the rule looks at no rows and columns.
    """

    rule: Rule
    numbers: Callable[..., tuple[Any, ...]]
    tensors: fx.GraphModule
    text: fx.Graph
    fusible: bool
    flat: bool


def split(
    rule: Rule, flags: dict[str, Any], names: Sequence[str], compute: torch.dtype | None
) -> Split:
    """Split `rule` with `flags` fixed and the hyperparameters `names` left open.

    compute: the dtype to calculate in where it is not the parameter's (half precision).

    Raises:
        TypeError: the rule asks for values, as `if` does, or for what only tensors have.
    """
    whole = fx.Graph()
    tracer = fx.proxy.GraphAppendingTracer(whole)

    def placeholder(name: str) -> fx.Proxy:
        return fx.Proxy(whole.placeholder(name), tracer)

    p, g = placeholder("p"), placeholder("g")
    s = State(**{name: placeholder(f"s_{name}") for name in rule.initial})
    t = placeholder("t")
    hyper = {name: placeholder(name) for name in names}
    x, d = (p.to(compute), g.to(compute)) if compute else (p, g)
    try:
        new_p, new_s = rule(x, d, s, t, **hyper, **flags)
    except (fx.proxy.TraceError, TypeError, AttributeError) as error:
        raise TypeError(f"{rule.name} cannot be traced: {error}. {ops.REMEDY}") from error
    store([(p, new_p), *((vars(s)[k], v) for k, v in vars(new_s).items())])

    targets = [node.target for node in whole.nodes]
    fusible = "clone" not in targets and not any(op in targets for op in ops.OF_MATRICES)
    flat = not any(op in targets for op in ops.OF_ROWS_AND_COLUMNS)

    number = {t.node, *(h.node for h in hyper.values())}
    for node in whole.nodes:
        if node.op != "placeholder" and all(i in number for i in node.all_input_nodes):
            number.add(node)
    met = [n for n in whole.nodes if n in number and any(u not in number for u in n.users)]

    copied: dict[fx.Node, fx.Node] = {}
    numbers = fx.Graph()
    for node in whole.nodes:
        if node in number:
            copied[node] = numbers.node_copy(node, copied.__getitem__)
    numbers.output(tuple(copied[n] for n in met))

    copied = {}
    text = fx.Graph()
    arrays = [p, g, *vars(s).values()]
    for array in arrays:
        copied[array.node] = text.node_copy(array.node)
    c = text.placeholder("c")
    for i, node in enumerate(met):
        copied[node] = text.call_function(operator.getitem, (c, i))
    for node in whole.nodes:
        if node not in copied and node not in number:
            copied[node] = text.node_copy(node, copied.__getitem__)
    text.output(None)
    return Split(rule, fx.GraphModule({}, numbers).forward, _lowered(text), text, fusible, flat)


def _lowered(text: fx.Graph) -> fx.GraphModule:
    """`text` with the functions of torch in the place of the operations of `optlab.ops`."""
    graph, copied = fx.Graph(), dict[fx.Node, fx.Node]()
    for node in text.nodes:
        copied[node] = graph.node_copy(node, copied.__getitem__)
        if isinstance(node.target, ops.Operation):
            copied[node].target = node.target.dispatch(torch.Tensor)
    return fx.GraphModule({}, graph)
