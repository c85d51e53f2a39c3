"""The adapter that makes a `torch.optim.Optimizer` of a rule."""

from __future__ import annotations

import copy
import math
from collections import defaultdict
from collections.abc import Callable
from numbers import Real
from typing import Any, ClassVar, overload

import torch

from optlab.optim.execution import EXECUTIONS, Batch, run
from optlab.rules import Rule


class RuleOptimizer(torch.optim.Optimizer):
    """Base of optlab's optimizers. A subclass names its rule; everything else is here.

    Differences from torch.optim, where it leaves a choice:

    - Parameters in half precision are updated in float32 and rounded once; their
      state stays float32, also through `load_state_dict`. (In bfloat16 an
      average with decay 0.999 cannot move: its increments round to nothing.)
    - `load_state_dict` copies tensors, never shares them.
    - Values in parameter groups are validated as the constructor's are.
    """

    # The rule's name of a state variable -> its key in `state_dict()`, torch's where torch has one.
    state_names: ClassVar[dict[str, str]] = {}
    # Keys with which torch's class of this name changes the algorithm: refused when true.
    refused: ClassVar[dict[str, str]] = {}

    def rule(self, group: dict[str, Any]) -> Rule:
        """The rule that the settings of `group` ask for."""
        raise NotImplementedError

    def hyperparameters(self, group: dict[str, Any], rule: Rule, t: int) -> dict[str, Any]:
        """The rule's keyword arguments at step t, from the group's entries of the same names."""
        values = {**group}
        if "betas" in group:
            values["beta1"], values["beta2"] = group["betas"]
        lr = group["lr"]
        if isinstance(lr, torch.Tensor) and lr.device.type == "cpu":
            values["lr"] = lr.item()  # on another device it stays a tensor: reading it would wait
        return {name: values[name] for name in rule.hyperparameters if name in values}

    def add_param_group(self, param_group: dict[str, Any]) -> None:
        if isinstance(param_group, dict):
            validate({**self.defaults, **param_group})
        super().add_param_group(param_group)

    @overload
    def step(self, closure: None = None) -> None: ...
    @overload
    def step(self, closure: Callable[[], float]) -> float: ...
    @torch.no_grad()
    def step(self, closure: Callable[[], float] | None = None) -> float | None:
        """Take one step. `closure`, if given, re-evaluates the model and returns the loss."""
        loss = None
        if closure is not None:
            with torch.enable_grad():
                loss = closure()
        for group in self.param_groups:
            self._step_group(group)
        return loss

    def _step_group(self, group: dict[str, Any]) -> None:
        rule = self.rule(group)
        with_grad = [p for p in group["params"] if p.grad is not None]
        if any(p.grad.layout != torch.strided for p in with_grad):
            raise RuntimeError(
                f"{type(self).__name__} does not support sparse gradients: make them dense with "
                "p.grad = p.grad.to_dense(), or build the embedding with sparse=False"
            )
        alike: dict[tuple[Any, ...], list[torch.Tensor]] = defaultdict(list)
        for p in with_grad:
            alike[p.device, p.dtype, self._count_step(p)].append(p)
        for (_, dtype, t), params in alike.items():
            self._step_batch(group, rule, params, dtype, t)

    def _count_step(self, p: torch.Tensor) -> int:
        state = self.state[p]
        step = state.get("step")
        if not isinstance(step, torch.Tensor):
            # torch's SGD does not count: a state that has no count has made one step at least.
            step = torch.tensor(float(step if step is not None else len(state) > 0))
            state["step"] = step
        step += 1
        return int(step.item())

    def _step_batch(
        self,
        group: dict[str, Any],
        rule: Rule,
        params: list[torch.Tensor],
        dtype: torch.dtype,
        t: int,
    ) -> None:
        compute = torch.float32 if dtype in (torch.float16, torch.bfloat16) else None
        grads = [p.grad for p in params if p.grad is not None]
        if group["maximize"]:
            grads = list(torch._foreach_neg(grads))
        keys = {name: self.state_names.get(name, name) for name in rule.initial}
        for p in params:
            for name, key in keys.items():
                if self.state[p].get(key) is None:
                    like = p.to(compute) if compute else p
                    self.state[p][key] = rule.initial[name](like).detach()
        state = [{name: _real(self.state[p][key]) for name, key in keys.items()} for p in params]
        hyper = self.hyperparameters(group, rule, t)
        batch = Batch(
            rule, t, hyper, [_real(p) for p in params], [_real(g) for g in grads], state, compute
        )
        run(batch, group["execution"])
        for p, s in zip(params, batch.state, strict=True):
            for name, key in keys.items():
                self.state[p][key] = torch.view_as_complex(s[name]) if p.is_complex() else s[name]

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        """Load a state of this class, or of torch's class of the same name.

        State tensors are copied to the parameters' devices and keep their own
        dtype. `execution` stays as it is here: it says how to compute, not what.
        """
        here = [g["execution"] for g in self.param_groups]
        saved: dict[str, Any] = {}

        def receive(_: torch.optim.Optimizer, given: dict[str, Any]) -> dict[str, Any]:
            for group in given["param_groups"]:
                for key, remedy in self.refused.items():
                    if group.get(key):
                        raise ValueError(f"cannot load a state with {key}={group[key]}: {remedy}")
            saved.update(copy.deepcopy(given))
            return saved

        def restore(_: torch.optim.Optimizer) -> None:
            for group, execution in zip(self.param_groups, here, strict=True):
                for key in _TORCH_ONLY:
                    group.pop(key, None)
                group["execution"] = execution
            # torch casts state to the dtype of the parameter; put back what was saved.
            ids = [i for g in saved["param_groups"] for i in g["params"]]
            params = [p for g in self.param_groups for p in g["params"]]
            for i, p in zip(ids, params, strict=True):
                for key, value in saved["state"].get(i, {}).items():
                    if isinstance(value, torch.Tensor) and key != "step":
                        self.state[p][key] = value.to(p.device)

        # The last hook before loading and the first after it: users' own hooks keep their effect.
        before = self.register_load_state_dict_pre_hook(receive)
        after = self.register_load_state_dict_post_hook(restore, prepend=True)
        try:
            super().load_state_dict(state_dict)
        finally:
            before.remove()
            after.remove()

    def __setstate__(self, state: dict[str, Any]) -> None:
        super().__setstate__(state)
        for group in self.param_groups:
            for key, value in self.defaults.items():
                if key not in _TORCH_ONLY:
                    group.setdefault(key, value)


# Entries of torch's parameter groups that say how torch computes, or choose another algorithm.
_TORCH_ONLY = {
    "foreach",
    "fused",
    "capturable",
    "differentiable",
    "amsgrad",
    "decoupled_weight_decay",
}


def validate(group: dict[str, Any]) -> None:
    """Refuse impossible settings, in torch.optim's words where it has any."""
    lr = group["lr"]
    if isinstance(lr, torch.Tensor):
        if lr.numel() != 1:
            raise ValueError("Tensor lr must be 1-element")
    else:
        _at_least_zero("learning rate", lr)
    if "eps" in group:
        _at_least_zero("epsilon value", group["eps"])
    betas = group.get("betas", (0, 0))
    if not (isinstance(betas, tuple | list) and len(betas) == 2):
        raise ValueError(f"Invalid betas: {betas}; give a pair (beta1, beta2)")
    for i, beta in enumerate(betas):
        if not (_number(beta) and 0.0 <= beta < 1.0):
            raise ValueError(f"Invalid beta parameter at index {i}: {beta}")
    for name in ("momentum", "weight_decay"):
        if name in group:
            _at_least_zero(f"{name} value", group[name])
    if group["execution"] not in (known := ["auto", *EXECUTIONS]):
        raise ValueError(
            f"Invalid execution: {group['execution']!r}; choose one of {', '.join(known)}"
        )


def _number(x: Any) -> bool:
    return isinstance(x, Real) and not isinstance(x, bool)


def _at_least_zero(what: str, value: Any) -> None:
    if not (_number(value) and 0.0 <= value < math.inf):
        raise ValueError(f"Invalid {what}: {value}")


def _real(x: torch.Tensor) -> torch.Tensor:
    """A complex tensor as pairs of real numbers, so that squares are squares of parts."""
    return torch.view_as_real(x) if x.is_complex() else x
