"""AMSGrad."""

from __future__ import annotations

from typing import ClassVar

from optlab.optim.made import MadeOptimizer, in_torch
from optlab.rules import Rule, amsgrad


class AMSGrad(MadeOptimizer):
    """AMSGrad, Reddi, Kale and Kumar (2018), Algorithm 2: `optlab.rules.amsgrad`.

    The paper's form, without bias correction, so that the divisor never falls.
    `torch.optim.Adam(amsgrad=True)` corrects the bias after taking the maximum: there
    the divisor may fall.

    Args:
        lr: stepsize α, a number ≥ 0 or a 1-element tensor.
        betas: decay rates (β1, β2) of the two moments, each in [0, 1).
        eps: added to the square root; 0 in the paper, where 0/0 is 0.
        weight_decay: coefficient of L2 regularization, added to the gradient.
    """

    of: ClassVar[Rule] = amsgrad
    decay: ClassVar[str] = "l2"
    state_names: ClassVar[dict[str, str]] = in_torch("m", "v", "v_hat")
