"""Three ways to run one rule over many tensors: plain, foreach, compiled.

Each takes a `Batch` and leaves new parameters and state in the old ones' place.
"""

from __future__ import annotations

import functools
import os
import shutil
import warnings
from collections.abc import Callable, Sequence
from typing import Any

import torch
from torch import fx

from optlab import ops
from optlab.optim import inspection, native
from optlab.optim.batch import Batch
from optlab.optim.chunks import chunks, fits_in_one
from optlab.optim.inspection import Found
from optlab.optim.split import Split, split
from optlab.optim.store import store
from optlab.optim.tensorlist import TensorList
from optlab.rules import Rule, State

__all__ = [
    "EXECUTIONS",
    "Batch",
    "chosen",
    "compiled",
    "foreach",
    "forget_kernels",
    "plain",
    "run",
    "way",
]

# `auto` goes by C wherever a rule can be written in C: that takes half a second once a machine, as
# the compiled file is kept on disk, and then a step takes a third of the time of one by lists, or
# less. Where only torch.compile serves, which takes ten seconds in each process, `auto` compiles
# from this many elements on.
WORTH_COMPILING = {"cpu": 2**18}
WORTH_COMPILING_ELSEWHERE = 2**22

# Below this many elements the call of a compiled kernel costs more than its work.
WORTH_A_CALL = 1024


def plain(batch: Batch) -> None:
    """The rule on one tensor after another: what the others are compared with."""
    dtype = batch.compute or batch.params[0].dtype
    for i, (p, g) in enumerate(zip(batch.params, batch.grads, strict=True)):
        s = {name: xs[i] for name, xs in batch.state.items()}
        wide = State(**{name: _widened(x, dtype) for name, x in s.items()})
        x, d = (_widened(y, dtype) for y in (p, g))
        new_p, new_s = batch.rule(x, d, wide, batch.t, **batch.hyperparameters)
        store([(p, new_p), *((s[k], v) for k, v in vars(new_s).items())])


def foreach(batch: Batch) -> None:
    """The rule on lists of tensors: few, wide operations; each makes a list of new tensors.

    So that these are small, large batches are taken in parts.
    """
    if fits_in_one(batch):
        _foreach(batch)
    else:
        for part in chunks(batch, _is_elementwise(batch)):
            _foreach(part)


def _is_elementwise(batch: Batch) -> bool:
    """Whether the rule steps each entry of a tensor by itself."""
    try:
        cut, _ = _cut(batch)
    except Exception:  # a rule that cannot be traced, since it looks at numbers: nothing is known
        return False
    targets = {node.target for node in cut.text.nodes}
    return not targets & {*ops.OVER_A_TENSOR, *ops.OF_ROWS_AND_COLUMNS, *ops.OF_MATRICES}


def _foreach(batch: Batch) -> None:
    dtype = batch.compute or batch.params[0].dtype
    params, grads = TensorList(batch.params), TensorList(batch.grads)
    state = {name: TensorList(xs) for name, xs in batch.state.items()}
    wide = State(**{name: _all_widened(xs, dtype) for name, xs in state.items()})
    x, d = (_all_widened(xs, dtype) for xs in (params, grads))
    new_p, new_s = batch.rule(x, d, wide, batch.t, **batch.hyperparameters)
    pairs = [(params, new_p), *((state[k], v) for k, v in vars(new_s).items())]
    for _, value in pairs:
        _ = value.tensors  # a factor is multiplied in before any place is overwritten
    store(pairs)


def _widened(x: torch.Tensor, dtype: torch.dtype) -> torch.Tensor:
    """x in at least the precision of `dtype`. State may be narrower, where other code cast it."""
    return x.to(dtype) if x.dtype.itemsize < dtype.itemsize else x


def _all_widened(xs: TensorList, dtype: torch.dtype) -> TensorList:
    dtypes = {x.dtype for x in xs.tensors} - {dtype}
    narrow = any(d.itemsize < dtype.itemsize for d in dtypes)
    return TensorList([_widened(x, dtype) for x in xs.tensors]) if narrow else xs


def compiled(
    batch: Batch, found: Found | None = None, *, give_up: bool = False
) -> native.Table | None:
    """The rule as one kernel that reads and writes each array once a pass.

    On a CPU it is a C function that takes all tensors in one call (`native`);
    elsewhere, and for half precision, torch.compile makes it. There is one kernel
    for each rule, dtype and kind of device, for all sizes and all values of the
    hyperparameters. Tensors that it was not made for go to `foreach` or to `plain`,
    and so do rules that cannot be fused; so does everything, with one warning, if
    compilation fails and `give_up` is true.

    found: what `inspect` knows of the batch, if it was asked already.

    Returns the call of the C function, if it was given all tensors where they are.
    """
    if found is None:
        (found,) = inspection.inspect([batch])
    cut, names = _cut(batch)
    table = None
    done: list[int] = []
    if cut.fusible and found.fits:
        numbers = cut.numbers(batch.t, *(batch.hyperparameters[k] for k in names))
        c = _pack(numbers, batch.params[0].device, batch.compute or batch.params[0].dtype)
        table = _run_kernel(batch, cut, found, c, done, give_up)
        # as copy_ does, for backward
        torch.autograd.graph.increment_version([batch.params[i] for i in done])
    if rest := [i for i in (*found.fits, *found.lists) if i not in done]:
        foreach(batch.part(sorted(rest)))
    if found.own:
        plain(batch.part(found.own))
    return table


def _run_kernel(
    batch: Batch, cut: Split, found: Found, c: torch.Tensor, done: list[int], give_up: bool
) -> native.Table | None:
    """Step the parameters that fit by a kernel, and note in `done` those that were stepped."""
    device, dtype = batch.params[0].device, batch.params[0].dtype
    fit = found.fits
    route = "C"
    try:
        kernel = None
        if device.type == "cpu" and not batch.compute:
            if give_up and (device.type, route) in _given_up:
                return None
            kernel = _native(cut, dtype)
        if kernel is not None:
            table = _table(kernel, batch, found.addresses) if found.addresses is not None else None
            (table or kernel.of(_arrays(batch, fit))).run(c)
            done += fit
            return table
        route = "torch.compile"
        if give_up and (device.type, route) in _given_up:
            return None
        loop = _compiled(cut, dtype, device.type)
        shape = _flat if cut.flat else _alone
        for i in fit:
            if batch.params[i].numel() >= WORTH_A_CALL:
                loop(*(shape(x) for x in _arrays(batch, [i])[0]), c)
                done.append(i)
    except Exception as error:
        # What torch.compile raises is of many classes: where its own cache cannot be written, too.
        # Whatever is wrong with the tensors themselves, `foreach` will say.
        if not give_up or (route == "C" and not isinstance(error, native.CannotCompile)):
            raise
        _give_up_compiling(device.type, route, error)
    return None


def _arrays(batch: Batch, indices: list[int]) -> list[list[torch.Tensor]]:
    """What a kernel takes of each tensor: parameter, gradient and state."""
    state = [batch.state[name] for name in batch.rule.initial]
    return [
        [batch.params[i], batch.grads[i].contiguous(), *(xs[i] for xs in state)] for i in indices
    ]


EXECUTIONS: dict[str, Callable[[Batch], object]] = {
    "plain": plain,
    "foreach": foreach,
    "compiled": compiled,
}


def run(batch: Batch, execution: str, found: Found | None = None) -> native.Table | None:
    """Run `batch` as `execution` says; "auto" chooses by rule, dtype, device, size
    and what is installed, and never by timing.

    Tensors of other classes, such as DTensor, take `plain` under every execution: that leaves
    the dispatch to them.

    found: what `inspect` knows of the batch, if it was asked already.

    Returns the call of the C function, if that was all: what may be done again by `way`.
    """
    if found is None:
        (found,) = inspection.inspect([batch])
    if execution == "plain" or len(found.own) == len(batch.params):
        plain(batch)
        return None
    if execution == "auto":
        execution = chosen(batch)
    if execution == "foreach":
        if found.own:
            plain(batch.part(found.own))
            batch = batch.part(sorted([*found.fits, *found.lists]))
        foreach(batch)
        return None
    return compiled(batch, found, give_up=execution != "compiled")


def chosen(batch: Batch) -> str:
    """What "auto" is for this batch, for `run`."""
    if _is_for_c(batch):
        return "compiled or foreach"
    device = batch.params[0].device.type
    enough = WORTH_COMPILING.get(device, WORTH_COMPILING_ELSEWHERE)
    large = sum(p.numel() for p in batch.params) >= enough
    return "compiled or foreach" if large and has_compiler(device) else "foreach"


def _is_for_c(batch: Batch) -> bool:
    """Whether the rule of a batch can be a C function, and there is a compiler for it."""
    p = batch.params[0]
    if not p.is_cpu or batch.compute or p.dtype not in native.REAL or not _has_c():
        return False
    cut, _ = _cut(batch)
    return cut.fusible and _can_be_written(cut, p.dtype)


def way(
    batch: Batch, execution: str, found: Found, table: native.Table | None
) -> Callable[[Batch, Sequence[int] | None], None]:
    """What `run` did with a batch all of whose tensors fit, to be done again.

    It is called with a batch of the same tensors but for the gradients, and with the addresses
    of these, or None where they have not moved; whatever else `inspect` finds must be as it was.
    It keeps no tensors.

    table: what `run` returned.
    """
    if table is not None:
        return _ByKernel(batch, execution, table)
    fits = Found(found.fits)

    def again(batch: Batch, _: Sequence[int] | None) -> None:
        run(batch, execution, fits)

    return again


def _table(kernel: native.Kernel, batch: Batch, addresses: Sequence[int]) -> native.Table:
    """addresses: as `inspect` finds them."""
    n = len(batch.params)
    roles = [addresses[k : k + n] for k in range(0, len(addresses), n)]
    return kernel.table(list(zip(*roles, strict=True)), [p.shape for p in batch.params])


class _ByKernel:
    """The call of a C function, with its table of addresses.

    It is made once more where the hyperparameters are of other names or kinds, or kernels were
    forgotten.
    """

    def __init__(self, batch: Batch, execution: str, table: native.Table):
        self.execution, self.table = execution, table
        self.cut, self.names = _cut(batch)
        self.dtype = batch.params[0].dtype
        self.keys = [*batch.hyperparameters]
        self.flags = {k: v for k, v in batch.hyperparameters.items() if k not in self.names}

    def __call__(self, batch: Batch, gradients: Sequence[int] | None) -> None:
        given = batch.hyperparameters
        if (
            [*given] != self.keys
            or (self.flags and any(given[k] is not v for k, v in self.flags.items()))
            or _native(self.cut, self.dtype) is not self.table.kernel
        ):
            run(batch, self.execution)
            if gradients is not None:
                self.table.move_gradients(gradients)  # for the next time
            return
        if gradients is not None:
            self.table.move_gradients(gradients)
        self.table.run(self.cut.numbers(batch.t, *(given[name] for name in self.names)))
        torch.autograd.graph.increment_version(batch.params)  # as copy_ does, for backward


def _cut(batch: Batch) -> tuple[Split, tuple[str, ...]]:
    """The rule of a batch in two parts, and which of its hyperparameters are left open."""
    flags = {k: v for k, v in batch.hyperparameters.items() if not _is_number(v)}
    names = tuple(k for k in batch.hyperparameters if k not in flags)
    return _split(batch.rule, tuple(flags.items()), names, batch.compute), names


@functools.cache
def _split(
    rule: Rule,
    flags: tuple[tuple[str, Any], ...],
    names: tuple[str, ...],
    compute: torch.dtype | None,
) -> Split:
    return split(rule, dict(flags), names, compute)


@functools.cache
def _can_be_written(cut: Split, dtype: torch.dtype) -> bool:
    try:
        native.write(cut.text, cut.rule, native.REAL[dtype])
    except native.CannotWrite:
        return False
    return True


@functools.cache
def _native(cut: Split, dtype: torch.dtype) -> native.Kernel | None:
    """The C function, or None where C is not for this rule or there is no C compiler."""
    if dtype not in native.REAL:
        return None
    if not _has_c():
        return None
    try:
        return native.kernel(cut, dtype)
    except native.CannotWrite:
        return None


@functools.cache
def _compiled(cut: Split, dtype: torch.dtype, device: str) -> Callable[..., None]:
    # dtype and device are in the key so that each kernel is compiled only once:
    # torch.compile gives up on a function that it has specialized too often.
    if device == "cpu" and not _has_cxx():
        raise native.CannotCompile(
            f"no C++ compiler found, which torch.compile needs for {dtype}: install g++, or set CXX"
        )
    copy = fx.GraphModule({}, cut.tensors.graph)
    return torch.compile(copy, dynamic=True, fullgraph=True)


def _flat(x: torch.Tensor) -> torch.Tensor:
    """x as a vector that shares its memory, and that is not known as a view of x: a kernel
    that is told of the base would be compiled anew for each number of its dimensions."""
    return x.view(-1).data


def _alone(x: torch.Tensor) -> torch.Tensor:
    """x in its shape, sharing its memory, and not known as a view."""
    return x.data


def _is_number(x: Any) -> bool:
    return isinstance(x, int | float | torch.Tensor) and not isinstance(x, bool)


def _pack(numbers: tuple[Any, ...], device: torch.device, dtype: torch.dtype) -> torch.Tensor:
    """The numbers as one tensor on `device`, without waiting for the device."""
    if any(isinstance(x, torch.Tensor) for x in numbers):
        return torch.stack([torch.as_tensor(x, dtype=dtype, device=device) for x in numbers])
    return torch.tensor(numbers, dtype=dtype, device=device)


# Kinds of devices with the compilers, "C" or "torch.compile", that failed there.
_given_up: set[tuple[str, str]] = set()


def forget_kernels() -> None:
    """Compile anew from here on, also where compilation was given up."""
    for cached in (_split, _can_be_written, _native, _compiled, has_compiler, _has_c):
        cached.cache_clear()
    _given_up.clear()


@functools.cache
def has_compiler(device: str) -> bool:
    """Whether anything here can compile a step on this kind of device."""
    if device == "cpu":
        return _has_c() or _has_cxx()
    from torch.utils._triton import has_triton

    return bool(has_triton())


@functools.cache
def _has_c() -> bool:
    found = native.compiler() is not None
    if not found and (named := os.environ.get("CC")):
        warnings.warn(f"CC={named} names no program: rules are not compiled to C", stacklevel=2)
    return found


def _has_cxx() -> bool:
    return shutil.which(os.environ.get("CXX", "g++")) is not None


def _give_up_compiling(device: str, route: str, error: Exception) -> None:
    _given_up.add((device, route))
    reason = (str(error).strip() or type(error).__name__).splitlines()[0]
    warnings.warn(
        f"compilation failed on {device} ({reason}); optlab goes on with execution='foreach'",
        stacklevel=2,
    )
