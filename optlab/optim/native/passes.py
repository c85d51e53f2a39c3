"""Reading a rule's text before C is written: which values are of what extent, and in which
pass over the arrays each of them is known and may be stored."""

from __future__ import annotations

import copy
import enum
import operator
from dataclasses import dataclass
from typing import Any, cast

from torch import fx

from optlab import ops


class CannotWrite(Exception):
    """The rule has an operation that C is not written for here."""


class Extent(enum.IntFlag):
    """What a value has entries for. Values of two extents meet in one of the union:
    a row vector's times a column vector's entries are a matrix."""

    NUMBER = 0  # one for all tensors, given
    WHOLE = 1  # one for a tensor
    MATRIX = 3  # one for each matrix of a tensor: its dimensions before the last two
    ROW = 7  # one for each row
    COLUMN = 11  # one for each column
    FULL = 15


OVER_ALL = (ops.norm, ops.mean)
OVER_COLUMNS = (ops.row_sums, ops.row_means)
OVER_ROWS = (ops.column_sums, ops.column_means)
SUMS = (*OVER_ALL, *OVER_COLUMNS, *OVER_ROWS)
MEANS = (ops.mean, ops.row_means, ops.column_means)


@dataclass
class Passes:
    """The text of a split rule, read.

    arrays: the tensors that come in, in order.
    extent: of each value.
    level: of each value, the pass over all elements in which it is known: one more than the
        latest sum over elements that it depends on.
    sums: the sums over elements.
    stores: pairs (place, value) of what has an entry for each element.
    when: the pass in which each of these places is written.
    small: the values, in order, that are kept between passes since they are not for each element.
    small_stores: pairs (place, value) of the others.
    """

    arrays: list[fx.Node]
    extent: dict[fx.Node, Extent]
    level: dict[fx.Node, int]
    sums: list[fx.Node]
    stores: list[tuple[fx.Node, Any]]
    when: dict[fx.Node, int]
    small: list[fx.Node]
    small_stores: list[tuple[fx.Node, Any]]

    @property
    def last(self) -> int:
        """The last pass over all elements."""
        return max(self.when.values(), default=0)

    def moved(self) -> int:
        """How many arrays with an entry for each element all passes read and write together."""
        return sum(len(self._read(k)) for k in range(self.last + 1)) + len(self.stores)

    def _read(self, k: int) -> set[fx.Node]:
        """The places of such arrays that pass k reads."""
        place = {value: p for p, value in self.stores if self.when[p] < k}
        todo: list[Any] = [value for p, value in self.stores if self.when[p] == k]
        todo += [n.args[0] for n in self.sums if self.level[n] == k]
        found = set()
        while todo:
            node = todo.pop()
            if not isinstance(node, fx.Node) or self.extent[node] != Extent.FULL:
                continue
            if node in place or node.op == "placeholder":
                found.add(place.get(node, node))
            else:
                todo += node.all_input_nodes
        return found


def read(text: fx.Graph, rows: tuple[str, ...] = (), columns: tuple[str, ...] = ()) -> Passes:
    """Read a rule's text.

    rows, columns: names of the arrays that have an entry for each row, or each column.
    """
    text = copy.deepcopy(text)
    _multiply_by_inverses(text, _extents(text, rows, columns))
    extent = _extents(text, rows, columns)
    nodes = list(extent)
    arrays = [n for n in nodes if n.op == "placeholder" and n.target != "c"]
    copies = [cast("tuple[fx.Node, Any]", n.args) for n in nodes if n.target == "copy_"]
    pairs = [(place, value) for place, value in copies if place is not value]
    sums = [n for n in nodes if n.target in SUMS and extent[n.all_input_nodes[0]] == Extent.FULL]
    level: dict[fx.Node, int] = {}
    for node in nodes:
        level[node] = max((level[i] + (i in sums) for i in node.all_input_nodes), default=0)
    stores = [(p, v) for p, v in pairs if extent[p] == Extent.FULL]
    last = max((level[v] for _, v in stores), default=0)
    small = [
        n
        for n in nodes
        if n.op == "call_function" and n.target is not operator.getitem and extent[n] != Extent.FULL
    ]
    small_stores = [pair for pair in pairs if pair not in stores]
    when = _when_to_store(stores, level, extent, sums, last)
    return Passes(arrays, extent, level, sums, stores, when, small, small_stores)


def _multiply_by_inverses(text: fx.Graph, extent: dict[fx.Node, Extent]) -> None:
    """What divides many elements by one number multiplies them by its inverse, computed once:
    divisions are what the time goes into, at the price of one more rounding. A divisor that
    is a product of such numbers, a row's and a column's, is taken apart."""
    inverses: dict[fx.Node, fx.Node] = {}
    for node, own in extent.items():
        above, below = node.args if node.target is operator.truediv else (None, None)
        if own != Extent.FULL or not isinstance(below, fx.Node):
            continue
        factors: list[Any] = list(below.args) if below.target is operator.mul else []
        if extent[below] != Extent.FULL:
            factors = [below]
        if not factors or any(extent.get(f, Extent.FULL) == Extent.FULL for f in factors):
            continue
        for factor in factors:
            if factor not in inverses:
                with text.inserting_after(factor):
                    inverses[factor] = text.call_function(operator.truediv, (1, factor))
        *others, last = (inverses[f] for f in factors)
        for other in others:
            with text.inserting_before(node):
                above = text.call_function(operator.mul, (above, other))
        node.target, node.args = operator.mul, (above, last)
        if not below.users:
            text.erase_node(below)


def _extents(
    text: fx.Graph, rows: tuple[str, ...], columns: tuple[str, ...]
) -> dict[fx.Node, Extent]:
    """The extent of each value, in order."""
    extent: dict[fx.Node, Extent] = {}
    for node in text.nodes:
        if node.op == "output":
            continue
        if node.op == "placeholder":
            extent[node] = (
                Extent.NUMBER
                if node.target == "c"
                else Extent.ROW
                if node.target in rows
                else Extent.COLUMN
                if node.target in columns
                else Extent.FULL
            )
        elif node.target is operator.getitem:
            extent[node] = Extent.NUMBER
        elif node.target in SUMS:
            extent[node] = _extent_of_sum(node, extent[node.all_input_nodes[0]])
        else:
            met = Extent.WHOLE
            for i in node.all_input_nodes:
                met |= extent[i]
            extent[node] = met
    return extent


def _extent_of_sum(node: fx.Node, of: Extent) -> Extent:
    if node.target in OVER_ALL and of == Extent.FULL:
        return Extent.WHOLE
    if node.target in OVER_COLUMNS and of in (Extent.FULL, Extent.COLUMN):
        return Extent.ROW if of == Extent.FULL else Extent.MATRIX
    if node.target in OVER_ROWS and of in (Extent.FULL, Extent.ROW):
        return Extent.COLUMN if of == Extent.FULL else Extent.MATRIX
    raise CannotWrite(f"no C for {node.target} of a value with one entry for each {of.name}")


def _when_to_store(
    stores: list[tuple[Any, Any]],
    level: dict[fx.Node, int],
    extent: dict[fx.Node, Extent],
    sums: list[fx.Node],
    last: int,
) -> dict[fx.Node, int]:
    """The pass in which each place is written: as early as its value is known, unless a later
    pass needs what stood there before."""
    known = {n for n, e in extent.items() if e != Extent.FULL}
    when = {place: level[value] for place, value in stores}
    moved = True
    while moved:
        moved = False
        for k in range(1, last + 1):
            stored = {value for place, value in stores if when[place] < k}
            need = [v for place, v in stores if when[place] == k]
            need += [n.args[0] for n in sums if level[n] == k]
            for leaf in _leaves(need, known | stored):
                if when.get(leaf, k) < k:
                    when[leaf], moved = k, True
    return when


def _leaves(need: list[Any], known: set[fx.Node]) -> set[fx.Node]:
    """The arrays whose old values are needed to compute `need` from what is known."""
    found, seen, todo = set(), set(), list(need)
    while todo:
        node = todo.pop()
        if not isinstance(node, fx.Node) or node in seen or node in known:
            continue
        seen.add(node)
        if node.op == "placeholder":
            found.add(node)
        todo += node.all_input_nodes
    return found
