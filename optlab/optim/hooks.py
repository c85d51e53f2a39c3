"""What surrounds a step: torch's hooks, its profiler, torch.compile, and no gradients.

All of it is torch's own. But to ask for it where nobody has takes longer than to step a small
network; so a step first looks whether there is anything to do.
"""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Any

import torch
from torch._compile import _disable_dynamo  # torch.compiler.disable, loaded when needed
from torch.optim import optimizer as torch_optimizer

try:  # what says whether torch.compile is at work
    from torch._C._dynamo import eval_frame
    from torch.autograd import _profiler_enabled  # type: ignore[attr-defined]

    _SKIPPED = eval_frame._FrameExecStrategy(
        eval_frame._FrameAction.SKIP, eval_frame._FrameAction.DEFAULT
    )
except (ImportError, AttributeError):
    eval_frame = None  # type: ignore[assignment]


def without_gradients(step: Callable[..., Any]) -> Callable[..., Any]:
    """A step that records no gradients, and that torch.compile of a loop goes around."""

    @functools.wraps(step)
    def direct(*args: Any, **kwargs: Any) -> Any:
        recorded = torch.is_grad_enabled()
        torch._C._set_grad_enabled(False)
        try:
            return step(*args, **kwargs)
        finally:
            torch._C._set_grad_enabled(recorded)

    whole = _disable_dynamo(direct)
    whole.direct = direct  # type: ignore[attr-defined]
    return whole


def with_hooks(step: Callable[..., Any]) -> Callable[..., Any]:
    """torch's `profile_hook_step`: a step between the hooks that it may have."""
    whole = torch.optim.Optimizer.profile_hook_step(step)
    direct = getattr(step, "direct", None)
    if direct is None or eval_frame is None:  # somebody's own step, of a subclass; another torch
        return whole

    @functools.wraps(step)
    def hooked(self: torch.optim.Optimizer, *args: Any, **kwargs: Any) -> Any:
        if (
            self._optimizer_step_pre_hooks
            or self._optimizer_step_post_hooks
            or torch_optimizer._global_optimizer_pre_hooks
            or torch_optimizer._global_optimizer_post_hooks
            or _profiler_enabled()
            or eval_frame.get_eval_frame_callback() is not None
        ):
            return whole(self, *args, **kwargs)
        return direct(self, *args, **kwargs)

    # torch.compile leaves this frame alone: what it sees is the step below.
    eval_frame.set_code_exec_strategy(hooked.__code__, _SKIPPED)  # type: ignore[attr-defined]
    hooked._torchdynamo_disable = True  # type: ignore[attr-defined]
    return hooked
