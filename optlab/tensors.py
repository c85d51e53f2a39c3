"""The operations of `optlab.ops` on one torch tensor."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import torch

from optlab import ops


def _maximum(x: Any, y: Any) -> torch.Tensor:
    if isinstance(x, torch.Tensor) and isinstance(y, torch.Tensor):
        return torch.maximum(x, y)
    return x.clamp(min=y) if isinstance(x, torch.Tensor) else y.clamp(min=x)


def _minimum(x: Any, y: Any) -> torch.Tensor:
    if isinstance(x, torch.Tensor) and isinstance(y, torch.Tensor):
        return torch.minimum(x, y)
    return x.clamp(max=y) if isinstance(x, torch.Tensor) else y.clamp(max=x)


def _divide(x: Any, y: torch.Tensor) -> Any:
    return x / torch.where(y == 0, torch.ones_like(y), y)


def _ratio(x: torch.Tensor, y: torch.Tensor) -> torch.Tensor:
    return torch.where((x > 0) & (y > 0), x / y, torch.ones_like(y))


# Of float32 on a CPU, torch adds squares up in order and in float32: of 3e7 normal numbers the norm
# is then off by 2e-3, and training by as much. Up to EXACT entries are added up in float64, which
# torch does slowly; of more, pieces of _PIECE entries in float32 (off by at most 5e-7, for equal
# entries) and their norms in float64.
EXACT, _PIECE = 2**14, 2**9


def _norm(x: torch.Tensor) -> torch.Tensor:
    """The Euclidean norm of x, in its dtype, with sums in at least float64 on a CPU."""
    if x.dtype != torch.float32 or x.device.type != "cpu":
        norm: torch.Tensor = torch.linalg.vector_norm(x)
        return norm
    whole = torch.compiler.is_compiling() or type(x) not in (torch.Tensor, torch.nn.Parameter)
    if whole or x.numel() <= EXACT:
        norm = torch.linalg.vector_norm(x, dtype=torch.float64).to(x.dtype)
        return norm
    flat = _in_order_of_memory(x).reshape(-1)
    most = flat.numel() // _PIECE * _PIECE
    pieces = torch.linalg.vector_norm(flat[:most].view(-1, _PIECE), dim=1)
    parts = torch.stack([_norm(pieces), _norm(flat[most:])])
    norm = torch.linalg.vector_norm(parts, dtype=torch.float64).to(x.dtype)
    return norm


def _in_order_of_memory(x: torch.Tensor) -> torch.Tensor:
    """x with its dimensions in the order that may spare a copy where it is flattened."""
    if x.is_contiguous():
        return x
    return x.permute(sorted(range(x.dim()), key=x.stride, reverse=True))


def _outer(x: torch.Tensor, y: torch.Tensor) -> torch.Tensor:
    return torch.outer(x.flatten().double(), y.flatten().double())


def _solve_root(a: torch.Tensor, delta: Any, x: torch.Tensor) -> torch.Tensor:
    # In float64 whatever x is: the root doubles the relative error of small eigenvalues.
    values, vectors = torch.linalg.eigh(a.double())
    roots = delta + values.clamp(min=0).sqrt()
    along = vectors.T @ x.flatten().double()
    # Rounding leaves eigenvalues of about 1e-16 of the largest where there should be none.
    noise = roots <= 1e-7 * roots[-1:]  # eigenvalues come in ascending order
    along = torch.where(noise, 0.0, along / torch.where(noise, 1.0, roots))
    solution: torch.Tensor = (vectors @ along).to(x.dtype).view_as(x)
    return solution


def _matmul(x: torch.Tensor, y: torch.Tensor) -> torch.Tensor:
    product = _matrix(x) @ _matrix(y)
    is_number = y.dim() == 0 and len(product) == 1
    return product.reshape(() if is_number else (len(product), *y.shape[1:]))


def _matrix(x: torch.Tensor) -> torch.Tensor:
    """x as a matrix; a number is one of one entry."""
    return x if x.dim() == 2 else x.flatten(1) if x.dim() > 2 else x.reshape(-1, 1)


def _polar(x: torch.Tensor) -> torch.Tensor:
    # In float64, and of what is finite: else the decomposition would be an error.
    finite = x.isfinite().all()
    wide = torch.where(finite, _matrix(x).double(), 0.0)
    u, values, vt = torch.linalg.svd(wide, full_matrices=False)
    noise = values <= torch.finfo(x.dtype).eps * max(wide.shape) * values[:1]
    factor = torch.where(finite, (u * ~noise) @ vt, torch.nan)
    return factor.to(x.dtype).reshape(x.shape)


_ON_TENSORS: dict[ops.Operation, Callable[..., Any]] = {
    ops.sqrt: torch.sqrt,
    ops.log: torch.log,
    ops.floor: torch.floor,
    ops.ceil: torch.ceil,
    ops.cospi: lambda x: torch.cos(math.pi * x),
    ops.choose: torch.where,
    ops.sign: torch.sign,
    ops.maximum: _maximum,
    ops.minimum: _minimum,
    ops.divide: _divide,
    ops.ratio: _ratio,
    ops.norm: _norm,
    ops.mean: torch.mean,
    ops.row_sums: lambda x: x.sum(-1, keepdim=True),
    ops.column_sums: lambda x: x.sum(-2, keepdim=True),
    ops.row_means: lambda x: x.mean(-1, keepdim=True),
    ops.column_means: lambda x: x.mean(-2, keepdim=True),
    ops.outer: _outer,
    ops.solve_root: _solve_root,
    ops.matmul: _matmul,
    ops.transpose: lambda x: _matrix(x).mT,
    ops.polar: _polar,
    # numbers that live where x does, as norms do
    ops.row_count: lambda x: x.new_full((), x.shape[0] if x.dim() else 1),
    ops.column_count: lambda x: x.new_full((), math.prod(x.shape[1:])),
    ops.zeros_like: torch.zeros_like,
    ops.zero_matrix: lambda x: x.new_zeros(x.numel(), x.numel(), dtype=torch.float64),
    ops.zero_rows: lambda x: torch.zeros_like(ops.row_sums(x)),
    ops.zero_columns: lambda x: torch.zeros_like(ops.column_sums(x)),
    ops.copy: torch.clone,
}
for _operation, _on_tensors in _ON_TENSORS.items():
    _operation.register(torch.Tensor, _on_tensors)
ops.AS_NUMBERS.append(torch.Tensor)
