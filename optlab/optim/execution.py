"""Three ways to run one rule over many tensors: plain, foreach, compiled.

Each takes a `Batch` and leaves new parameters and state in the old ones' place.
"""

from __future__ import annotations

import functools
import os
import shutil
import warnings
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import torch
from torch import fx

from optlab.optim import native
from optlab.optim.split import Split, split
from optlab.optim.store import store
from optlab.optim.tensorlist import TensorList
from optlab.rules import Rule, State

# `auto` compiles from this many elements on. On two CPU cores a C kernel takes half a second
# to compile, once, and then saves about as much in a thousand steps of a quarter of a million
# elements; torch.compile takes ten seconds.
WORTH_COMPILING = {"cpu": 2**18}
WORTH_COMPILING_ELSEWHERE = 2**22

# Below this many elements the call of a compiled kernel costs more than its work.
WORTH_A_CALL = 1024


@dataclass
class Batch:
    """Tensors that one rule treats alike: same device, dtype, step number and hyperparameters.

    state: by the rule's names, a list with that state tensor of each parameter.
    compute: the dtype to calculate in, where it is not the parameters' own; the
        state tensors are of this dtype.
    """

    rule: Rule
    t: int | torch.Tensor
    hyperparameters: dict[str, Any]
    params: list[torch.Tensor]
    grads: list[torch.Tensor]
    state: dict[str, list[torch.Tensor]]
    compute: torch.dtype | None

    def part(self, indices: list[int]) -> Batch:
        def pick(xs: list[Any]) -> list[Any]:
            return [xs[i] for i in indices]

        p, g = pick(self.params), pick(self.grads)
        s = {name: pick(xs) for name, xs in self.state.items()}
        return Batch(self.rule, self.t, self.hyperparameters, p, g, s, self.compute)


def plain(batch: Batch) -> None:
    """The rule on one tensor after another: what the others are compared with."""
    for i, (p, g) in enumerate(zip(batch.params, batch.grads, strict=True)):
        s = {name: xs[i] for name, xs in batch.state.items()}
        x, d = (p.to(batch.compute), g.to(batch.compute)) if batch.compute else (p, g)
        new_p, new_s = batch.rule(x, d, State(**s), batch.t, **batch.hyperparameters)
        store([(p, new_p), *((s[k], v) for k, v in vars(new_s).items())])


def foreach(batch: Batch) -> None:
    """The rule on lists of tensors: few, wide operations; each makes a list of new tensors."""
    params, grads = TensorList(batch.params), TensorList(batch.grads)
    x, d = (params.to(batch.compute), grads.to(batch.compute)) if batch.compute else (params, grads)
    state = {name: TensorList(xs) for name, xs in batch.state.items()}
    new_p, new_s = batch.rule(x, d, State(**state), batch.t, **batch.hyperparameters)
    pairs = [(params, new_p), *((state[k], v) for k, v in vars(new_s).items())]
    for _, value in pairs:
        _ = value.tensors  # a factor is multiplied in before any place is overwritten
    store(pairs)


def compiled(batch: Batch, *, give_up: bool = False) -> None:
    """The rule as one kernel that reads and writes each array once a pass.

    On a CPU it is a C function that takes all tensors in one call (`native`);
    elsewhere, and for half precision, torch.compile makes it. There is one kernel
    for each rule, dtype and kind of device, for all sizes and all values of the
    hyperparameters. Non-contiguous tensors go to `foreach`, and so do rules that
    cannot be fused; so does everything, with one warning, if compilation fails
    and `give_up` is true.
    """
    hyper = batch.hyperparameters
    device, dtype = batch.params[0].device, batch.params[0].dtype
    flags = {k: v for k, v in hyper.items() if not _is_number(v)}
    names = tuple(k for k in hyper if k not in flags)
    cut = _split(batch.rule, tuple(flags.items()), names, batch.compute)
    done: set[int] = set()
    if cut.fusible:
        places = zip(batch.params, *batch.state.values(), strict=True)
        fit = [i for i, xs in enumerate(places) if all(x.is_contiguous() for x in xs)]
        numbers = cut.numbers(batch.t, *(hyper[k] for k in names))
        c = _pack(numbers, device, batch.compute or dtype)
        try:
            run = _native(cut, dtype) if device.type == "cpu" and not batch.compute else None
            if run is not None:
                run(_arrays(batch, fit), c)
                done.update(fit)
            else:
                kernel = _compiled(cut, dtype, device.type)
                shape = _flat if cut.flat else _alone
                for i in fit:
                    if batch.params[i].numel() >= WORTH_A_CALL:
                        kernel(*(shape(x) for x in _arrays(batch, [i])[0]), c)
                        done.add(i)
        except (native.CannotCompile, torch._dynamo.exc.TorchDynamoException) as error:
            if not give_up:
                raise
            _give_up_compiling(device.type, error)
        # as copy_ does, for backward
        torch.autograd.graph.increment_version([batch.params[i] for i in done])
    if rest := [i for i in range(len(batch.params)) if i not in done]:
        foreach(batch.part(rest))


def _arrays(batch: Batch, indices: list[int]) -> list[list[torch.Tensor]]:
    """What a kernel takes of each tensor: parameter, gradient and state."""
    state = [batch.state[name] for name in batch.rule.initial]
    return [
        [batch.params[i], batch.grads[i].contiguous(), *(xs[i] for xs in state)] for i in indices
    ]


EXECUTIONS: dict[str, Callable[[Batch], None]] = {
    "plain": plain,
    "foreach": foreach,
    "compiled": compiled,
}


def run(batch: Batch, execution: str) -> None:
    """Run `batch` as `execution` says; "auto" chooses by size, device and what is installed."""
    if execution != "auto":
        EXECUTIONS[execution](batch)
    elif any(type(p) not in (torch.Tensor, torch.nn.Parameter) for p in batch.params):
        plain(batch)  # DTensor and other subclasses: leave the dispatch to them
    else:
        device = batch.params[0].device.type
        enough = WORTH_COMPILING.get(device, WORTH_COMPILING_ELSEWHERE)
        if sum(p.numel() for p in batch.params) >= enough and _can_compile(device):
            compiled(batch, give_up=True)
        else:
            foreach(batch)


@functools.cache
def _split(
    rule: Rule,
    flags: tuple[tuple[str, Any], ...],
    names: tuple[str, ...],
    compute: torch.dtype | None,
) -> Split:
    return split(rule, dict(flags), names, compute)


@functools.cache
def _native(cut: Split, dtype: torch.dtype) -> native.Kernel | None:
    """The C function, or None where C is not for this rule or there is no C compiler."""
    if dtype not in native.REAL or native.compiler() is None:
        return None
    try:
        return native.kernel(cut.text, cut.rule, dtype)
    except native.CannotWrite:
        return None


@functools.cache
def _compiled(cut: Split, dtype: torch.dtype, device: str) -> Callable[..., None]:
    # dtype and device are in the key so that each kernel is compiled only once:
    # torch.compile gives up on a function that it has specialized too often.
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


_given_up: set[str] = set()


def forget_kernels() -> None:
    """Compile anew from here on, also where compilation was given up."""
    for cached in (_split, _native, _compiled, _has_compiler):
        cached.cache_clear()
    _given_up.clear()


def _can_compile(device: str) -> bool:
    return device not in _given_up and _has_compiler(device)


@functools.cache
def _has_compiler(device: str) -> bool:
    if device == "cpu":
        named = native.compiler(), shutil.which(os.environ.get("CXX", "g++"))
        return any(name is not None for name in named)
    from torch.utils._triton import has_triton

    return bool(has_triton())


def _give_up_compiling(device: str, error: Exception) -> None:
    _given_up.add(device)
    reason = str(error).strip().splitlines()[0]
    warnings.warn(
        f"compilation failed on {device} ({reason}); optlab goes on with execution='foreach'",
        stacklevel=2,
    )
