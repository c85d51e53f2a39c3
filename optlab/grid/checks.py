"""Whether a grid gives what a run alone gives, tried on a few steps before training."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import torch

from optlab.grid.alone import Batch, Trial

# Differences that may be rounding, as fractions of the largest gradient or output.
_ROUNDING = {torch.float64: 1e-7, torch.float32: 1e-3}
_OF_HALF = 5e-2


def difference(alone: Trial, together: Sequence[Trial]) -> str | None:
    """What differs between a run alone and runs in a grid with the same numbers; None if nothing.

    Gradients are compared by the largest one of the whole network: some are zero but for
    rounding, such as that of a bias before a normalization.
    """
    for other in together:
        for of_step in zip(alone.losses, other.losses, alone.grads, other.grads, strict=True):
            loss, other_loss, grads, other_grads = of_step
            scale = max(1.0, float(loss.abs()))
            if not _close(loss, other_loss, scale):
                return "the loss"
            sizes = [float(g.abs().max()) for g in grads.values() if g is not None and g.numel()]
            largest = max(sizes, default=0.0)
            for name, g in grads.items():
                h = other_grads[name]
                if g is None:
                    continue
                if h is None or not _close(g, h, largest):
                    return f"the gradient of {name}"
        for a, b in zip(alone.outputs, other.outputs, strict=True):
            if not _close(a, b, float(a.abs().max()) if a.numel() else 0.0):
                return "the output in evaluation"
    return None


def _close(a: torch.Tensor, b: torch.Tensor, scale: float) -> bool:
    if a.shape != b.shape:
        return False
    finite = a.isfinite()
    if not bool((finite == b.isfinite()).all()):
        return False
    wanted, got = a[finite], b[finite]
    if not wanted.is_floating_point():
        return torch.equal(wanted, got)
    least = float(torch.finfo(a.dtype).tiny)
    bound = _ROUNDING.get(a.dtype, _OF_HALF) * scale + least
    return bool(((wanted - got).abs() <= bound).all())


def stepped(
    losses: Callable[[torch.Tensor, torch.Tensor], torch.Tensor],
    outputs: Callable[[torch.Tensor], torch.Tensor],
    params: dict[str, torch.Tensor],
    grads: Sequence[torch.Tensor],
    batches: Sequence[Batch],
    x_test: torch.Tensor,
    like: Trial,
) -> list[Trial]:
    """The steps of a run alone, `like`, taken by copies: one trial of each.

    params and grads: each runs × shape; losses and outputs: of all runs, as an engine has them.
    """
    runs = len(next(iter(params.values())))
    trials = [Trial(rate=like.rate) for _ in range(runs)]

    def look() -> None:
        for trial, out in zip(trials, outputs(x_test), strict=True):
            trial.outputs.append(out.clone())

    look()
    for x, y in batches:
        values = losses(x[None], y[None])
        for r, trial in enumerate(trials):
            trial.losses.append(values[r])
            trial.grads.append({n: g[r].clone() for n, g in zip(params, grads, strict=True)})
        for (name, p), g in zip(params.items(), grads, strict=True):
            if like.grads[0][name] is not None:
                p -= like.rate * g
    look()
    return trials
