# Written by tools/stubs.py from the rules and their classes.

import torch
from torch.optim.optimizer import ParamsT

from optlab.optim import (
    adafactor,
    adagrad,
    adam,
    adamw,
    amsgrad,
    lamb,
    lars,
    muon,
    schedule_free,
    sgd,
    sophia,
)
from optlab.optim.made import MadeOptimizer
from optlab.optim.optimizer import RuleOptimizer

MADE: dict[str, type[MadeOptimizer]]
OPTIMIZERS: dict[str, type[RuleOptimizer]]
OF_THE_DECK: frozenset[str]

__all__ = [
    "LAMB",
    "LARS",
    "SGD",
    "AMSGrad",
    "AdEMAMix",
    "AdaGrad",
    "Adafactor",
    "Adam",
    "AdamW",
    "AdamWScheduleFree",
    "FullAdaGrad",
    "Lion",
    "Muon",
    "Sophia",
]

class SGD(sgd.SGD):
    def __init__(
        self,
        params: ParamsT,
        lr: float | torch.Tensor = 0.001,
        momentum: float = 0,
        dampening: float = 0,
        weight_decay: float = 0,
        nesterov: bool = False,
        *,
        maximize: bool = False,
        execution: str = "auto",
        nonfinite: str = "propagate",
        rounding: str = "nearest",
    ) -> None: ...

class AdaGrad(adagrad.AdaGrad):
    def __init__(
        self,
        params: ParamsT,
        lr: float | torch.Tensor = 0.01,
        weight_decay: float = 0,
        initial_accumulator_value: float = 0,
        eps: float = 1e-10,
        *,
        form: str = "mirror",
        maximize: bool = False,
        execution: str = "auto",
        nonfinite: str = "propagate",
        rounding: str = "nearest",
    ) -> None: ...

class FullAdaGrad(adagrad.FullAdaGrad):
    def __init__(
        self,
        params: ParamsT,
        lr: float | torch.Tensor = 0.01,
        weight_decay: float = 0,
        eps: float = 1e-10,
        *,
        form: str = "mirror",
        maximize: bool = False,
        execution: str = "auto",
        nonfinite: str = "propagate",
        rounding: str = "nearest",
    ) -> None: ...

class Adam(adam.Adam):
    def __init__(
        self,
        params: ParamsT,
        lr: float | torch.Tensor = 0.001,
        betas: tuple[float, float] = (0.9, 0.999),
        eps: float = 1e-08,
        weight_decay: float = 0,
        *,
        caution: bool = False,
        maximize: bool = False,
        execution: str = "auto",
        nonfinite: str = "propagate",
        rounding: str = "nearest",
    ) -> None: ...

class AdamW(adamw.AdamW):
    def __init__(
        self,
        params: ParamsT,
        lr: float | torch.Tensor = 0.001,
        betas: tuple[float, float] = (0.9, 0.999),
        eps: float = 1e-08,
        weight_decay: float = 0.01,
        *,
        decay_by: str = "lr",
        caution: bool = False,
        maximize: bool = False,
        execution: str = "auto",
        nonfinite: str = "propagate",
        rounding: str = "nearest",
    ) -> None: ...

class Adafactor(adafactor.Adafactor):
    def __init__(
        self,
        params: ParamsT,
        lr: float | torch.Tensor = 0.01,
        beta2_decay: float = -0.8,
        eps: tuple[float, float] = (1e-30, 0.001),
        d: float = 1.0,
        weight_decay: float = 0.0,
        *,
        maximize: bool = False,
        execution: str = "auto",
        nonfinite: str = "propagate",
        rounding: str = "nearest",
    ) -> None: ...

class AMSGrad(amsgrad.AMSGrad):
    def __init__(
        self,
        params: ParamsT,
        lr: float | torch.Tensor = 0.001,
        betas: tuple[float, float] = (0.9, 0.999),
        eps: float = 1e-08,
        weight_decay: float = 0,
        *,
        maximize: bool = False,
        execution: str = "auto",
        nonfinite: str = "propagate",
        rounding: str = "nearest",
    ) -> None: ...

class LARS(lars.LARS):
    def __init__(
        self,
        params: ParamsT,
        lr: float | torch.Tensor = 1.0,
        momentum: float = 0.9,
        weight_decay: float = 0,
        trust_coefficient: float = 0.001,
        *,
        form: str = "2017",
        maximize: bool = False,
        execution: str = "auto",
        nonfinite: str = "propagate",
        rounding: str = "nearest",
    ) -> None: ...

class LAMB(lamb.LAMB):
    def __init__(
        self,
        params: ParamsT,
        lr: float | torch.Tensor = 0.001,
        betas: tuple[float, float] = (0.9, 0.999),
        eps: float = 1e-06,
        weight_decay: float = 0,
        *,
        maximize: bool = False,
        execution: str = "auto",
        nonfinite: str = "propagate",
        rounding: str = "nearest",
    ) -> None: ...

class Sophia(sophia.Sophia):
    def __init__(
        self,
        params: ParamsT,
        lr: float | torch.Tensor = 0.0001,
        betas: tuple[float, float] = (0.965, 0.99),
        rho: float = 0.04,
        weight_decay: float = 0.1,
        *,
        eps: float = 1e-12,
        maximize: bool = False,
        execution: str = "auto",
        nonfinite: str = "propagate",
        rounding: str = "nearest",
    ) -> None: ...

class Muon(muon.Muon):
    def __init__(
        self,
        params: ParamsT,
        lr: float | torch.Tensor = 0.02,
        weight_decay: float = 0.0,
        momentum: float = 0.95,
        nesterov: bool = True,
        ns_coefficients: tuple[float, float, float] = (3.4445, -4.775, 2.0315),
        eps: float = 1e-07,
        *,
        adjust_lr_fn: str = "original",
        betas: tuple[float, float] = (0.9, 0.95),
        use_muon: bool = True,
        form: str = "newton-schulz",
        ns_precision: str = "weights",
        maximize: bool = False,
        execution: str = "auto",
        nonfinite: str = "propagate",
        rounding: str = "nearest",
    ) -> None: ...

class AdamWScheduleFree(schedule_free.AdamWScheduleFree):
    def __init__(
        self,
        params: ParamsT,
        lr: float | torch.Tensor = 0.0025,
        betas: tuple[float, float] = (0.9, 0.999),
        eps: float = 1e-08,
        weight_decay: float = 0.0,
        warmup_steps: float = 0,
        *,
        maximize: bool = False,
        execution: str = "auto",
        nonfinite: str = "propagate",
        rounding: str = "nearest",
    ) -> None: ...

class AdEMAMix(MadeOptimizer):
    def __init__(
        self,
        params: ParamsT,
        lr: float | torch.Tensor = 0.001,
        betas: tuple[float, float] = (0.9, 0.999),
        beta3: float = 0.9999,
        alpha: float = 5.0,
        eps: float = 1e-08,
        weight_decay: float = 0.0,
        *,
        maximize: bool = False,
        execution: str = "auto",
        nonfinite: str = "propagate",
        rounding: str = "nearest",
    ) -> None: ...

class Lion(MadeOptimizer):
    def __init__(
        self,
        params: ParamsT,
        lr: float | torch.Tensor = 0.0001,
        betas: tuple[float, float] = (0.9, 0.99),
        weight_decay: float = 0.0,
        *,
        maximize: bool = False,
        execution: str = "auto",
        nonfinite: str = "propagate",
        rounding: str = "nearest",
    ) -> None: ...
