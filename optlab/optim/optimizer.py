"""The adapter that makes a `torch.optim.Optimizer` of a rule."""

from __future__ import annotations

import copy
from collections import defaultdict
from collections.abc import Callable
from typing import Any, ClassVar, overload

import torch
from torch.optim.optimizer import ParamsT

from optlab.optim.execution import Batch, run
from optlab.optim.settings import is_number, validate
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

    def __init__(self, params: ParamsT, defaults: dict[str, Any]):
        self.validate(defaults)
        super().__init__(params, defaults)

    # State that is float64 whatever the parameters are.
    wide: ClassVar[set[str]] = set()
    # Whether the algorithm is for real parameters only.
    real_only: ClassVar[bool] = False

    def rule(self, group: dict[str, Any]) -> Rule:
        """The rule that the settings of `group` ask for."""
        raise NotImplementedError

    def rule_for(self, p: torch.Tensor, group: dict[str, Any]) -> Rule:
        """The rule for one parameter, where that depends on its shape."""
        return self.rule(group)

    def arrange(self, x: torch.Tensor) -> torch.Tensor:
        """A view of a parameter, or of its gradient, in the order of dimensions that the rule
        expects; its state is kept in that order."""
        return x

    def initial(self, name: str, like: torch.Tensor, group: dict[str, Any]) -> torch.Tensor:
        """The state variable that the rule of `group` calls `name`, before the first step."""
        value: torch.Tensor = self.rule_for(like, group).initial[name](self.arrange(like))
        return value.detach()

    def hyperparameters(self, group: dict[str, Any], rule: Rule, first: bool) -> dict[str, Any]:
        """The rule's keyword arguments, from the group's entries of the same names.

        first: whether the state is the rule's initial one.
        """
        values = {**group}
        if "betas" in group:
            values["beta1"], values["beta2"] = group["betas"]
        lr = group["lr"]
        if isinstance(lr, torch.Tensor):
            # On a GPU it stays a tensor: reading it would wait.
            values["lr"] = lr.item() if lr.device.type == "cpu" else lr.reshape(())
        chosen = {name: values[name] for name in rule.hyperparameters if name in values}
        return {name: float(x) if is_number(x) else x for name, x in chosen.items()}

    def validate(self, group: dict[str, Any]) -> None:
        """Refuse impossible settings of a group with a ValueError."""
        validate(group)

    def add_param_group(self, param_group: dict[str, Any]) -> None:
        if isinstance(param_group, dict):
            self.validate({**self.defaults, **param_group})
        super().add_param_group(param_group)
        try:
            for p in self.param_groups[-1]["params"]:
                self.check_parameter(p)
        except ValueError:
            self.param_groups.pop()
            raise

    def check_parameter(self, p: torch.Tensor) -> None:
        """Refuse with a ValueError a parameter that the algorithm is not for."""
        if self.real_only and p.is_complex():
            raise ValueError(
                f"{type(self).__name__} does not support complex parameters: "
                "give torch.view_as_real of them"
            )

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
        grads = [p.grad for g in self.param_groups for p in g["params"] if p.grad is not None]
        if any(g.layout != torch.strided for g in grads):
            raise RuntimeError(
                f"{type(self).__name__} does not support sparse gradients: make them dense with "
                "p.grad = p.grad.to_dense(), or build the embedding with sparse=False"
            )
        for group in self.param_groups:
            self._step_group(group)
        return loss

    def _step_group(self, group: dict[str, Any]) -> None:
        alike: dict[tuple[Any, ...], list[torch.Tensor]] = defaultdict(list)
        for p in group["params"]:
            if p.grad is not None:
                rule = self.rule_for(p, group)
                first = self.complete_state(p, rule, group)
                t = int(self.state[p]["step"].item()) + 1
                alike[rule, p.device, p.dtype, t, first].append(p)
        for (rule, _, _, t, first), params in alike.items():
            self._step_batch(group, rule, params, t, first)

    def complete_state(self, p: torch.Tensor, rule: Rule, group: dict[str, Any]) -> bool:
        """Give p the state that the rule needs; True if some of it had to be made."""
        state = self.state[p]
        step = state.get("step")
        if not isinstance(step, torch.Tensor):
            state["step"] = torch.tensor(float(step or 0))  # torch's SGD does not count
        missing = [name for name in rule.initial if state.get(self._key(name)) is None]
        for name in missing:
            state[self._key(name)] = self.initial(name, p.to(_dtype_of_state(p)), group)
        return bool(missing)

    def _key(self, name: str) -> str:
        """The key in `state_dict()` of the state variable that the rule calls `name`."""
        return self.state_names.get(name, name)

    def _step_batch(
        self, group: dict[str, Any], rule: Rule, params: list[torch.Tensor], t: int, first: bool
    ) -> None:
        grads = [p.grad.resolve_conj() for p in params if p.grad is not None]
        if group["maximize"]:
            grads = list(torch._foreach_neg(grads))
        batch = Batch(
            rule,
            t,
            self.hyperparameters(group, rule, first),
            [_real(self.arrange(p)) for p in params],
            [_real(self.arrange(g)) for g in grads],
            [
                {name: _real(self.state[p][self._key(name)]) for name in rule.initial}
                for p in params
            ],
            torch.float32 if params[0].dtype in _HALF else None,
        )
        run(batch, group["execution"])
        for p in params:
            self.state[p]["step"] += 1

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        """Load a state of this class, or of torch's class of the same name.

        State tensors are copied to the parameters' devices, in the dtype in which
        a step is calculated: the parameter's, but float32 for half precision.
        `execution` stays as it is here: it says how to compute, not what.
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
            # torch casts state to the dtype of the parameter; go back to what was saved.
            ids = [i for g in saved["param_groups"] for i in g["params"]]
            params = [p for g in self.param_groups for p in g["params"]]
            for i, p in zip(ids, params, strict=True):
                for key, value in saved["state"].get(i, {}).items():
                    if key == "step" and isinstance(value, torch.Tensor):
                        self.state[p][key] = value.to("cpu", torch.float32)
                    elif isinstance(value, torch.Tensor):
                        dtype = torch.float64 if key in self.wide else _dtype_of_state(p)
                        self.state[p][key] = value.to(p.device, dtype)

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


_HALF = (torch.float16, torch.bfloat16)

# Entries of torch's parameter groups that say how torch computes, or choose another algorithm.
_TORCH_ONLY = {
    "foreach",
    "fused",
    "capturable",
    "differentiable",
    "amsgrad",
    "decoupled_weight_decay",
}


def _real(x: torch.Tensor) -> torch.Tensor:
    """A complex tensor as pairs of real numbers, so that squares are squares of parts."""
    return torch.view_as_real(x) if x.is_complex() else x


def _dtype_of_state(p: torch.Tensor) -> torch.dtype:
    return torch.float32 if p.dtype in _HALF else p.dtype
