"""The adapter that makes a `torch.optim.Optimizer` of a rule."""

from __future__ import annotations

import functools
import itertools
import math
import warnings
from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any, ClassVar, overload

import torch
from torch.optim.optimizer import ParamsT

from optlab.optim import inspection, memory
from optlab.optim.batch import Batch, Prepared
from optlab.optim.counts import Histories, as_count, checked, is_count, new_count
from optlab.optim.execution import run
from optlab.optim.groups import described
from optlab.optim.hooks import with_hooks, without_gradients
from optlab.optim.loading import MADE_BY, TORCH_ONLY, prepare, state_dtype
from optlab.optim.native import Table
from optlab.optim.nonfinite import all_finite, guarded
from optlab.optim.plan import Plan, plan_of
from optlab.optim.rounding import run_rounded
from optlab.optim.settings import Settled, differing, is_number, make_plain, plain, validate
from optlab.optim.together import by_entries, together
from optlab.rules import Rule, with_decay, with_l2
from optlab.rules.names import NAMES


class RuleOptimizer(torch.optim.Optimizer):
    """Base of optlab's optimizers. A subclass names its rule; everything else is here.

    Differences from torch.optim, where it leaves a choice:

    - Parameters in half precision are updated in float32 and rounded once; their
      state stays float32, also through `load_state_dict`. (In bfloat16 an
      average with decay 0.999 cannot move: its increments round to nothing.)
    - `load_state_dict` copies tensors, never shares them.
    - Values in parameter groups are validated as the constructor's are.
    - `nonfinite` says what a step does where an entry of any gradient is NaN or infinite.
      "propagate": calculate with it, as torch does. "raise": a RuntimeError before anything
      has changed. "skip": nothing changes, neither parameters nor state nor step counts, and
      the device is not waited for; counts then live on the parameters' devices. (Within
      ZeroRedundancyOptimizer each process sees the gradients of its own parameters only.)
    - `rounding` says how weights in half precision are rounded. With "nearest", as in torch, steps
      of less than half of the distance between two numbers are lost: in bfloat16 at a rate of
      1e-4 nearly all, and weight decay with them. "stochastic" rounds up or down at random, so
      that the mean is right, and a step takes about twice the time. It draws from torch's default
      generator of the device: replicas of one model (DistributedDataParallel) stay the same only
      if their processes are seeded alike. Weights in single and double precision are not rounded.
    """

    # The rule's name of a state variable -> its key in `state_dict()`, torch's where torch has one.
    state_names: ClassVar[dict[str, str]] = {}
    # Keys with which torch's class of this name changes the algorithm: refused when true.
    refused: ClassVar[dict[str, str]] = {}
    # State that is float64 whatever the parameters are.
    wide: ClassVar[set[str]] = set()
    # Whether the algorithm is for real parameters only.
    real_only: ClassVar[bool] = False
    # Whether torch's class of this name keeps no step counts.
    uncounted: ClassVar[bool] = False
    # Entries that the groups of torch's class of this name have; none if there is no such class.
    torch_has: ClassVar[frozenset[str]] = frozenset()
    # Settings here that they do not have.
    torch_lacks: ClassVar[frozenset[str]] = frozenset()
    # Settings of this class that are one of a few words.
    choices: ClassVar[dict[str, tuple[str, ...]]] = {}
    # Settings that are True or False, and those that are numbers, beside what
    # `optlab/rules/names.py` knows.
    flags: ClassVar[frozenset[str]] = frozenset({"maximize"})
    numbers: ClassVar[frozenset[str]] = frozenset()
    # Settings that the rule knows by other names, as a pair of numbers or as a number.
    stands_for: ClassVar[dict[str, tuple[str, ...]]] = {"betas": ("beta1", "beta2")}
    # How weight decay is added to a rule that has none: "l2" or "decoupled"; "" if not at all.
    decay: ClassVar[str] = ""

    # What torch calls to put a step between its hooks.
    profile_hook_step = staticmethod(with_hooks)  # type: ignore[assignment]

    # How often entries of the groups, other than rates, were found changed.
    changes: int
    # What the last step found, for the next; None if there is nothing to keep.
    _plan: Plan | None = None

    def __init__(self, params: ParamsT, defaults: dict[str, Any]):
        defaults.setdefault("nonfinite", "propagate")
        defaults.setdefault("rounding", "nearest")
        make_plain(defaults, defaults)
        self.defaults = defaults
        self.validate(defaults)
        self._settled: list[Settled] = []
        self.changes = 0
        self._watched = self.watched(defaults)
        self._histories = Histories()
        self._taken: bool | torch.Tensor = False
        self._steps: int | torch.Tensor = 0
        super().__init__(params, defaults)

    def rule(self, group: dict[str, Any]) -> Rule:
        """The rule that the settings of `group` ask for."""
        raise NotImplementedError

    @by_entries
    def rule_for(self, p: torch.Tensor, group: dict[str, Any]) -> Rule:
        """The rule for one parameter, where that depends on its shape."""
        return self.decayed(self.rule(group), group)

    @by_entries
    def decayed(self, rule: Rule, group: dict[str, Any]) -> Rule:
        """The rule with the weight decay of `group`, if it is for the class to add."""
        if not (self.decay and group["weight_decay"]) or "weight_decay" in rule.hyperparameters:
            return rule
        return with_weight_decay(self.decay, rule)

    def arrange(self, x: torch.Tensor) -> torch.Tensor:
        """A view of a parameter, or of its gradient, in the order of dimensions that the rule
        expects; its state is kept in that order."""
        return x

    def initial(self, name: str, like: torch.Tensor, group: dict[str, Any]) -> torch.Tensor:
        """The state variable that the rule of `group` calls `name`, before the first step."""
        value: torch.Tensor = self.rule_for(like, group).initial[name](self.arrange(like))
        return value.detach()

    @by_entries
    def hyperparameters(self, group: dict[str, Any], rule: Rule) -> dict[str, Any]:
        """The rule's keyword arguments, from the group's entries of the same names."""
        made = {"lr": number(group["lr"])}
        for setting, of_rule in self.stands_for.items():
            if setting in group:
                value = group[setting]
                pair = isinstance(value, tuple | list)
                made |= zip(of_rule, value, strict=True) if pair else dict.fromkeys(of_rule, value)
        names: Iterable[str] = rule.hyperparameters
        if rule.functions:
            # Entries that a user gave the name of one of these are not for the rule.
            names = [k for k in names if k not in rule.functions or k in self.defaults]
        chosen = {k: made[k] if k in made else group[k] for k in names if k in made or k in group}
        for k, x in chosen.items():
            if type(x) is not float and is_number(x):
                chosen[k] = float(x)
        return chosen

    def validate(self, group: dict[str, Any]) -> None:
        """Refuse impossible settings of a group with a ValueError."""
        numbers = [k for k in self.defaults if k in NAMES or k in self.numbers]
        validate(group, self.choices, self.flags, numbers)
        for key, remedy in self.refused.items():
            if group.get(key):
                raise ValueError(f"{type(self).__name__} has no {key}: {remedy}")

    def watched(self, defaults: dict[str, Any]) -> list[str]:
        """The entries of a group that `validate` looks at."""
        return [*(key for key in defaults if key not in TORCH_ONLY), *self.refused]

    def add_param_group(self, param_group: dict[str, Any]) -> None:
        if isinstance(param_group, dict):
            group = {**self.defaults, **param_group}
            make_plain(group, self.defaults)
            self.validate(group)
        with warnings.catch_warnings():  # of the same parameter twice, which is refused below
            warnings.filterwarnings("ignore", ".*duplicate parameters", UserWarning)
            super().add_param_group(param_group)
        make_plain(self.param_groups[-1], self.defaults)
        try:
            for p in self.param_groups[-1]["params"]:
                self.check_parameter(p)
            self._check_apart()
        except ValueError:
            self.param_groups.pop()
            raise

    def _check_apart(self) -> None:
        """Refuse with a ValueError the same parameter, or the same memory, twice."""
        params = self._parameters()
        known: set[int] = set()
        for p in params:
            if id(p) in known:
                raise ValueError(
                    f"{described(p, self.param_groups)}, is given twice: list a tied parameter once"
                )
            known.add(id(p))
        if pair := memory.first_shared(params):
            here, there = (described(params[i], self.param_groups) for i in pair)
            raise ValueError(
                f"{there}, shares memory with {here}: tie the parameters themselves and list "
                "one of them, or clone one"
            )

    def _parameters(self) -> list[torch.Tensor]:
        return [p for group in self.param_groups for p in group["params"]]

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
    @without_gradients
    def step(self, closure: Callable[[], float] | None = None) -> float | None:
        """Take one step. `closure`, if given, re-evaluates the model and returns the loss."""
        self._taken = False  # and so it stays if there is an error
        self._settle()
        loss = None
        if closure is not None:
            with torch.enable_grad():
                loss = closure()
            self._settle()
        plan = self.__dict__.pop("_plan", None)  # no other thread has it meanwhile
        if plan is not None:
            every = [p.grad for group in self.param_groups for p in group["params"]]
            if plan.raises:
                self._judge([g for g in every if g is not None])
            if plan.step(self, every):
                self._plan, self._taken = plan, True
                self._steps = self._steps + 1
                return loss
        present = [
            [p for p in group["params"] if p.grad is not None] for group in self.param_groups
        ]
        params = [p for ps in present for p in ps]
        grads: list[Any] = [p.grad for p in params]
        finite = self._judge(grads)
        self._check_dense(grads)
        self._plan = self._step_anew(present, finite)
        if params:
            skipped = (
                ps and g["nonfinite"] == "skip"
                for ps, g in zip(present, self.param_groups, strict=True)
            )
            self._taken = finite.to(self._device()) if finite is not None and any(skipped) else True
            self._steps = self._steps + self._taken
        return loss

    def _judge(self, grads: Sequence[torch.Tensor]) -> torch.Tensor | None:
        """Whether all gradients are finite, where any group asks. Raises RuntimeError."""
        modes = {group["nonfinite"] for group in self.param_groups} - {"propagate"}
        if not (modes and grads):
            return None
        self._check_dense(grads)
        finite = all_finite(grads)
        if "raise" in modes and not finite:
            raise RuntimeError(self._complaint())
        return finite

    def _check_dense(self, grads: Sequence[torch.Tensor]) -> None:
        if any(g.layout != torch.strided for g in grads):
            raise RuntimeError(
                f"{type(self).__name__} does not support sparse gradients: make them dense with "
                "p.grad = p.grad.to_dense(), or build the embedding with sparse=False"
            )

    def _step_anew(
        self, present: list[list[torch.Tensor]], finite: torch.Tensor | None
    ) -> Plan | None:
        """Step the parameters that are `present`, by group; the plan for the next time.

        All of them are looked at before anything changes.
        """
        prepared = [
            self._prepare(i, group, *alike, finite if group["nonfinite"] == "skip" else None)
            for i, group in enumerate(self.param_groups)
            for alike in self._alike(group, present[i])
        ]
        joined = together(prepared, self.name_of)
        found = inspection.inspect([each.batch for each in joined])
        if len(joined) < len(prepared) and any(known.addresses is None for known in found):
            found = inspection.inspect([each.batch for each in prepared])  # each by itself
        else:
            prepared = joined
        tables: list[Table | None] = []
        for each, known in zip(prepared, found, strict=True):
            if each.rounded:
                run_rounded(each.batch, each.execution)
                tables.append(None)
            else:
                tables.append(run(each.batch, each.execution, known))
            self._count_step(each)
        return plan_of(self, prepared, found, tables)

    @property
    def last_step_taken(self) -> torch.Tensor:
        """Whether the last call of `step()` took a step: a 0-dimensional bool tensor.

        It is on the device of the first parameter, and neither `step()` nor this waits for the
        device. False means that a group with nonfinite="skip" met a gradient that was not finite
        (a group that propagates stepped all the same); that no parameter had a gradient; that the
        call ended in an error, of a closure too; or that there was no call yet, or none since
        `load_state_dict`. A closure's gradients are what is judged. A GradScaler that finds a bad
        gradient does not call `step()` at all, so that this still tells of the call before: what
        follows the steps looks at `steps_taken`.
        """
        return torch.as_tensor(self._taken, dtype=torch.bool, device=self._device())

    @property
    def steps_taken(self) -> torch.Tensor:
        """The number of calls of `step()` after which `last_step_taken` was true: a 0-dimensional
        int64 tensor on the device of the first parameter, that nothing has waited for.

        After `load_state_dict` it is the largest step count of any parameter in the state, and
        goes on from there; torch's SGD keeps no counts, so that it is then 1, or 0.
        """
        return torch.as_tensor(self._steps, dtype=torch.int64, device=self._device())

    def _recount(self) -> None:
        """Take the number of steps from the counts that are there."""
        self._taken = False
        entries = [x for x in self.state.values() if isinstance(x, Mapping)]
        counts = [x["step"] for x in entries if is_count(x.get("step"))]
        self._steps = max((int(count.item()) for count in counts), default=0)

    def _device(self) -> torch.device:
        params = (p for group in self.param_groups for p in group["params"])
        return next((p.device for p in params), torch.device("cpu"))

    @torch.no_grad()
    def init_state(self) -> None:
        """Make the state of all parameters that require a gradient, as it is before their first
        step, which torch.optim leaves to that step.

        Nothing that is calculated changes by it, and a parameter without a gradient is still not
        stepped. But a state that is saved before the first step is whole; and torch's distributed
        checkpoints, which take a step to make state where there is none, need not. State that is
        there already is kept.

        Call it when the model is on its device and has its weights: the dual forms of AdaGrad are
        anchored at those that they find.

        Raises:
            ValueError: a parameter of a lazy module has no shape yet.
        """
        self._settle()
        pairs = [(p, g) for g in self.param_groups for p in g["params"] if p.requires_grad]
        for p, _ in pairs:
            if torch.nn.parameter.is_lazy(p):
                raise ValueError(
                    "a parameter of a lazy module has no shape yet, and so no state: "
                    "run the model on a batch first"
                )
        for p, group in pairs:
            if not self.state.get(p):
                self.complete_state(p, self.rule_for(p, group), group)

    def _settle(self) -> None:
        """Hold what was changed in the groups since the last step to what the constructor asks,
        and count the times that something other than rates has changed.

        Raises:
            ValueError: in the constructor's words, before anything has changed.
        """
        settled, groups = self._settled, self.param_groups
        if len(settled) == len(groups) and all(map(Settled.holds, settled, groups)):
            return
        self.changes += 1
        self._settled = [
            self._settled_anew(i, group, settled[i] if i < len(settled) else None)
            for i, group in enumerate(groups)
        ]

    def _settled_anew(self, i: int, group: dict[str, Any], known: Settled | None) -> Settled:
        values = self._values(group)
        changed = differing([*self._watched, _VALUE], values, known.values if known else [])
        lr = group.get("lr")
        if changed and not (changed == ["lr"] and type(lr) is float and 0 <= lr < math.inf):
            if not {*changed} <= {"lr", _VALUE}:
                self._plan = None
            self.check_group(i, len(self.param_groups), group)
            make_plain(group, self._watched)
            values = self._values(group)
        return Settled(group, values)

    def _values(self, group: dict[str, Any]) -> list[Any]:
        """The settings of a group that are watched, for a comparison; a rate that is a tensor on
        the CPU also by its value, which may have changed in place."""
        values = list(map(group.get, self._watched, itertools.repeat(...)))
        lr = group.get("lr")
        if type(lr) is not float and isinstance(lr, torch.Tensor) and lr.is_cpu and lr.numel() == 1:
            values.append(lr.item())
        return values

    def check_group(self, i: int, groups: int, group: dict[str, Any]) -> None:
        """Refuse impossible settings with a ValueError that says of which group they are."""
        for key in self.defaults:
            if key not in group and key not in TORCH_ONLY:
                raise ValueError(f"parameter group {i} has no {key} any more: set it")
        try:
            self.validate({**group, **{k: plain(group[k]) for k in self._watched if k in group}})
        except ValueError as error:
            where = f" (parameter group {i})" if groups > 1 else ""
            raise ValueError(f"{error}{where}") from None

    def _complaint(self) -> str:
        params = self._parameters()
        bad = next(p for p in params if p.grad is not None and not all_finite([p.grad]))
        return (
            f"the gradient of {described(bad, self.param_groups)}, is not finite; "
            f"nothing was changed: mend the loss, or give {type(self).__name__} nonfinite='skip'"
        )

    def _alike(
        self, group: dict[str, Any], params: list[torch.Tensor]
    ) -> list[tuple[Rule, list[torch.Tensor], Any]]:
        """Parameters of a group in parts that one step treats alike: with their rule, and the
        count that they share."""
        alike: dict[tuple[Any, ...], list[torch.Tensor]] = defaultdict(list)
        keys: dict[Rule, list[str]] = {}
        skipping = group["nonfinite"] == "skip"
        for p in params:
            rule = self.rule_for(p, group)
            if rule not in keys:
                keys[rule] = ["step", *map(self.key_of, rule.initial)]
            state = self.state[p]
            if not all(isinstance(state.get(key), torch.Tensor) for key in keys[rule]):
                self.complete_state(p, rule, group)
            alike[rule, p.device, p.dtype, self._count(p, skipping)].append(p)
        return [(rule, ps, count) for (rule, _, _, count), ps in alike.items()]

    def _count(self, p: torch.Tensor, on_device: bool) -> object:
        """The number of steps of p, or anything that only parameters with the same number share:
        where the device alone knows the number, that they took part in the same steps."""
        state = self.state[p]
        step = state["step"]
        if on_device:
            history = self._histories.find(p, step)
            if history is not None:
                return history
        if not is_count(step) or not (on_device or step.is_cpu):
            step = state["step"] = as_count(step, described(p, self.param_groups))
        steps = step.item()
        if not (steps >= 0 and steps.is_integer()):
            checked(steps, described(p, self.param_groups))
        if on_device:
            step = state["step"] = step.to(p.device)
            self._histories.keep(p, step, int(steps))
        else:
            self._histories.drop(p)
        return int(steps)

    def complete_state(self, p: torch.Tensor, rule: Rule, group: dict[str, Any]) -> None:
        """Give p the state that the rule needs, as far as it is not there."""
        state = self.state[p]
        missing = [name for name in rule.initial if state.get(self.key_of(name)) is None]
        step = state.get("step")
        if step is None:
            begun = len(missing) < len(rule.initial)
            if begun and not self.is_uncounted(rule):
                raise ValueError(
                    f"{described(p, self.param_groups)}, has a state but no step count: set "
                    '"step" in it to the number of steps that it has taken'
                )
            state["step"] = new_count(begun)
        elif not isinstance(step, torch.Tensor):
            state["step"] = as_count(step, described(p, self.param_groups))
        for name in missing:
            state[self.key_of(name)] = self.initial(name, p.to(state_dtype(p)), group)

    def is_uncounted(self, rule: Rule) -> bool:
        """Whether states for `rule` may have no step count, as torch saves them."""
        return self.uncounted

    def key_of(self, name: str) -> str:
        """The key in `state_dict()` of the state variable that the rule calls `name`."""
        return self.state_names.get(name, name)

    def _prepare(
        self,
        place: int,
        group: dict[str, Any],
        rule: Rule,
        params: list[torch.Tensor],
        count: Any,
        finite: torch.Tensor | None,
    ) -> Prepared:
        dtype = params[0].dtype
        states = [self.state[p] for p in params]
        steps = [state["step"] for state in states]
        if finite is None:
            t = count + 1
            hyper = self.hyperparameters(group, rule)
        else:
            finite = finite.to(params[0].device)
            t = steps[0].double() + 1
            hyper = self.hyperparameters(group, rule)
            rule, hyper = guarded(rule), {**hyper, "finite": finite}
        grads = [p.grad for p in params if p.grad is not None]
        if dtype.is_complex:
            grads = [g.resolve_conj() for g in grads]
        if group["maximize"]:
            grads = list(torch._foreach_neg(grads))
        state = {
            name: [s[key] for s in states]
            for name, key in ((name, self.key_of(name)) for name in rule.initial)
        }
        compute = torch.float32 if dtype in _HALF else None
        # A gradient has another dtype only where p.grad_dtype says so.
        grads = [g if g.dtype == dtype else g.to(compute or dtype) for g in grads]
        arranged, grads = [[self.arrange(x) for x in xs] for xs in (params, grads)]
        name = functools.partial(self.name_of, params)
        batch = Batch(rule, t, hyper, arranged, grads, state, compute, name, self.key_of)
        if dtype.is_complex:
            inspection.refuse_conjugates(batch)
            batch.params, batch.grads = _real(arranged), _real(grads)
            batch.state = {name: _real(xs) for name, xs in state.items()}
        rounded = compute is not None and group["rounding"] == "stochastic"
        places = [(place, len(params))]
        return Prepared(batch, places, group["execution"], params, steps, finite, rounded)

    def name_of(self, params: list[torch.Tensor], i: int) -> str:
        """For messages, what the i-th of some parameters is called, such as "parameter 3,"."""
        return f"{described(params[i], self.param_groups)},"

    def _count_step(self, done: Prepared) -> None:
        if done.finite is None:
            count = torch.tensor(float(done.batch.t), dtype=torch.float32, device="cpu")
            torch._foreach_copy_(done.steps, [count] * len(done.steps))
        else:
            torch._foreach_add_(done.steps, [done.finite.float()] * len(done.steps))
            history = object()
            for p, step in zip(done.params, done.steps, strict=True):
                self._histories.keep(p, step, history)

    def state_dict(self) -> dict[str, Any]:
        """As torch.optim's; and each group says as "optimizer" of which class the state is.

        Settings that other code took from NumPy or the like are made plain numbers first, so that
        `torch.load` reads them.
        """
        for group in self.param_groups:
            make_plain(group, self.defaults)
        state: dict[str, Any] = super().state_dict()
        for group in state.get("param_groups", []):  # a hook of the user's may have changed it
            group[MADE_BY] = type(self).__name__
        return state

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        """Load a state of this class, or of torch's class of the same name: all of it or nothing.

        State tensors are copied to the parameters' devices, in the dtype in which
        a step is calculated: the parameter's, but float32 for half precision.
        `execution`, `nonfinite` and `rounding` stay as they are here; settings that the state
        does not have take this optimizer's defaults.

        Where both sides have the parameters' names (`model.named_parameters()`), the state goes
        to the parameters of the same names, whatever their order in a group; prefixes of
        DistributedDataParallel, torch.compile and FSDP do not count. Else it goes by their order.

        Raises:
            ValueError: the state is another optimizer's, or was saved for other parameters (of
                other names, shapes, numbers or groups), or holds impossible settings or step
                counts. Nothing was changed then.
        """
        if not isinstance(state_dict, Mapping):
            kind = type(state_dict).__name__
            raise ValueError(f"not the state of an optimizer, but a {kind}")
        prepared: dict[str, Any] = {}

        def receive(_: torch.optim.Optimizer, given: dict[str, Any]) -> dict[str, Any]:
            prepared.update(prepare(self, given))
            ours = {key for group in prepared["param_groups"] for key in group["params"]}
            rest = {key: x for key, x in prepared["state"].items() if key not in ours}
            return {**prepared, "state": rest}

        def place(_: torch.optim.Optimizer) -> None:
            ids = [key for group in prepared["param_groups"] for key in group["params"]]
            for key, p in zip(ids, self._parameters(), strict=True):
                if key in prepared["state"]:
                    self.state[p] = prepared["state"][key]
            self._recount()

        # The last hook before loading and the first after it: users' own hooks keep their effect.
        before = self.register_load_state_dict_pre_hook(receive)
        after = self.register_load_state_dict_post_hook(place, prepend=True)
        kept = dict(self.__dict__)
        try:
            super().load_state_dict(state_dict)
        except BaseException:
            self.__dict__.update(kept)  # a hook of the user's may have failed after it
            raise
        finally:
            before.remove()
            after.remove()

    def adopt(self, group: dict[str, Any]) -> dict[str, Any]:
        """The settings of a saved group, which torch's class of this name may have saved, as this
        class has them.

        Raises:
            ValueError: they ask for another algorithm.
        """
        for key, remedy in self.refused.items():
            if group.get(key):
                raise ValueError(f"cannot load a state with {key}={group[key]}: {remedy}")
        return {key: value for key, value in group.items() if key not in TORCH_ONLY}

    def __getstate__(self) -> dict[str, Any]:
        return {**super().__getstate__(), "_taken": self._taken, "_steps": self._steps}

    def __setstate__(self, state: dict[str, Any]) -> None:
        super().__setstate__(state)
        self._histories = Histories()
        self._plan = None
        self._settled = []
        self.changes = 0
        self._watched = self.watched(self.defaults)
        if "_steps" not in state:
            self._recount()
        for group in self.param_groups:
            for key, value in self.defaults.items():
                if key not in TORCH_ONLY:
                    group.setdefault(key, value)


_HALF = (torch.float16, torch.bfloat16)

# What `differing` calls the value of a rate that is a tensor.
_VALUE = "value of lr"


def number(lr: float | torch.Tensor) -> float | torch.Tensor:
    """A tensor of one element on the CPU as a float. On a GPU it stays: reading it would wait."""
    if not isinstance(lr, torch.Tensor):
        return lr
    return lr.item() if lr.device.type == "cpu" else lr.reshape(())


@functools.cache
def with_weight_decay(how: str, rule: Rule) -> Rule:
    """The rule with weight decay, always the same for the same rule."""
    decayed: Rule = {"l2": with_l2, "decoupled": with_decay}[how](rule)
    return decayed


def _real(xs: list[torch.Tensor]) -> list[torch.Tensor]:
    """Complex tensors as pairs of real numbers, so that squares are squares of parts."""
    return [torch.view_as_real(x) if x.is_complex() else x for x in xs]
