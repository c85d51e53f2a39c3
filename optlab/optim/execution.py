"""Three ways to run one rule over many tensors: plain, foreach, compiled.

Each takes a `Batch` and leaves the new parameters in place; the new state
tensors replace the old ones in `Batch.state`.
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

from optlab.optim.split import Split, split
from optlab.optim.tensorlist import TensorList
from optlab.rules import Rule, State

# `auto` compiles from this many elements on: on two CPU cores a compiled step of
# 4 million parameters saves about 10 ms over foreach, so that the 10 to 20
# seconds of compilation are repaid after some thousand steps.
WORTH_COMPILING = 2**22

# Below this many elements the call of a compiled kernel costs more than its work.
WORTH_A_CALL = 1024


@dataclass
class Batch:
    """Tensors that one rule treats alike: same device, dtype, step number and hyperparameters.

    state: for each parameter, its state tensors by the rule's names.
    compute: the dtype to calculate in, where it is not the parameters' own; the
        state tensors are of this dtype.
    """

    rule: Rule
    t: int
    hyperparameters: dict[str, Any]
    params: list[torch.Tensor]
    grads: list[torch.Tensor]
    state: list[dict[str, torch.Tensor]]
    compute: torch.dtype | None

    def part(self, indices: list[int]) -> Batch:
        def pick(xs: list[Any]) -> list[Any]:
            return [xs[i] for i in indices]

        p, g, s = pick(self.params), pick(self.grads), pick(self.state)
        return Batch(self.rule, self.t, self.hyperparameters, p, g, s, self.compute)


def plain(batch: Batch) -> None:
    """The rule on one tensor after another: what the others are compared with."""
    for p, g, s in zip(batch.params, batch.grads, batch.state, strict=True):
        x, d = (p.to(batch.compute), g.to(batch.compute)) if batch.compute else (p, g)
        new_p, new_s = batch.rule(x, d, State(**s), batch.t, **batch.hyperparameters)
        p.copy_(new_p)
        s.update({k: v.clone() if v is d else v for k, v in vars(new_s).items()})


def foreach(batch: Batch) -> None:
    """The rule on lists of tensors: few, wide operations; each makes a list of new tensors."""
    params, grads = TensorList(batch.params), TensorList(batch.grads)
    if batch.compute:
        params = params.map(lambda x: x.to(batch.compute))
        grads = grads.map(lambda x: x.to(batch.compute))
    names = list(batch.rule.initial)
    state = State(**{k: TensorList([s[k] for s in batch.state]) for k in names})
    new_p, new_s = batch.rule(params, grads, state, batch.t, **batch.hyperparameters)
    torch._foreach_copy_(batch.params, new_p.tensors)
    for k, values in vars(new_s).items():
        for s, v, g in zip(batch.state, values.tensors, grads.tensors, strict=True):
            s[k] = v.clone() if v is g else v


def compiled(batch: Batch) -> None:
    """The rule as one kernel that reads and writes each array once.

    There is one kernel for each rule, dtype and kind of device, for all
    lengths and all values of the hyperparameters. Small and non-contiguous
    tensors go to `foreach`.
    """
    large = [
        i for i, p in enumerate(batch.params) if p.numel() >= WORTH_A_CALL and p.is_contiguous()
    ]
    rest = sorted(set(range(len(batch.params))) - set(large))
    if rest:
        foreach(batch.part(rest))
    if not large:
        return
    device, dtype = batch.params[0].device, batch.params[0].dtype
    flags = {k: v for k, v in batch.hyperparameters.items() if not _is_number(v)}
    names = tuple(k for k in batch.hyperparameters if k not in flags)
    cut, run = _kernel(batch.rule, tuple(flags.items()), names, batch.compute, dtype, device.type)
    numbers = cut.numbers(batch.t, *(batch.hyperparameters[k] for k in names))
    c = _pack(numbers, device, batch.compute or dtype)
    for i in large:
        p, g = batch.params[i].view(-1), batch.grads[i].reshape(-1)
        run(p, g, *(batch.state[i][k].view(-1) for k in batch.rule.initial), c)


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
    elif sum(p.numel() for p in batch.params) >= WORTH_COMPILING and _can_compile(
        batch.params[0].device.type
    ):
        try:
            compiled(batch)
        except torch._dynamo.exc.TorchDynamoException as error:
            _give_up_compiling(batch.params[0].device.type, error)
            foreach(batch)
    else:
        foreach(batch)


@functools.cache
def _kernel(
    rule: Rule,
    flags: tuple[tuple[str, Any], ...],
    names: tuple[str, ...],
    compute: torch.dtype | None,
    dtype: torch.dtype,
    device: str,
) -> tuple[Split, Callable[..., None]]:
    # dtype and device are in the key so that each kernel is compiled only once:
    # torch.compile gives up on a function that it has specialized too often.
    cut = split(rule, dict(flags), names, compute)
    return cut, torch.compile(cut.tensors, dynamic=True, fullgraph=True)


def _is_number(x: Any) -> bool:
    return isinstance(x, int | float | torch.Tensor) and not isinstance(x, bool)


def _pack(numbers: tuple[Any, ...], device: torch.device, dtype: torch.dtype) -> torch.Tensor:
    """The numbers as one tensor on `device`, without waiting for the device."""
    if any(isinstance(x, torch.Tensor) for x in numbers):
        return torch.stack([torch.as_tensor(x, dtype=dtype, device=device) for x in numbers])
    return torch.tensor(numbers, dtype=dtype, device=device)


_given_up: set[str] = set()


def _can_compile(device: str) -> bool:
    return device not in _given_up and _has_compiler(device)


@functools.cache
def _has_compiler(device: str) -> bool:
    if device == "cpu":
        return shutil.which(os.environ.get("CXX", "g++")) is not None
    from torch.utils._triton import has_triton

    return bool(has_triton())


def _give_up_compiling(device: str, error: Exception) -> None:
    _given_up.add(device)
    reason = str(error).strip().splitlines()[0]
    warnings.warn(
        f"torch.compile failed on {device} ({reason}); optlab goes on with execution='foreach'",
        stacklevel=2,
    )
