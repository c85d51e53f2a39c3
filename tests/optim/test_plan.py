"""A step's plan is kept for the next step while it holds. Whatever other code does in between, a
step does what one without a plan does: the same bits, or the same refusal."""

import copy
import gc
import pickle
import threading
import weakref

import pytest
import torch
from torch.nn import Parameter

import optlab
from optlab.optim import execution
from optlab.optim.plan import Plan

every_execution = pytest.mark.parametrize("how", ["foreach", "compiled"])


@pytest.fixture
def held(monkeypatch):
    """Of each step that had a plan, whether it held."""
    found = []
    step = Plan.step
    monkeypatch.setattr(Plan, "step", lambda *args: found.append(step(*args)) or found[-1])
    return found


def drawn(shape, seed, dtype=torch.float32):
    return torch.randn(shape, generator=torch.Generator().manual_seed(seed)).to(dtype)


class Run:
    """An optimizer and its parameters; with `planned` false it never has a plan."""

    def __init__(self, how, *, planned=True, make=optlab.Adam, dtype=torch.float32, **settings):
        shapes = [(40, 30), (7,), (40, 30), (2, 3, 5)]
        self.params = [Parameter(drawn(s, i, dtype)) for i, s in enumerate(shapes)]
        groups = [{"params": self.params[:3]}, {"params": self.params[3:], "lr": 0.3}]
        self.optimizer = make(groups, **{"lr": 0.1, "execution": how, **settings})
        self.planned, self.t = planned, 0

    def give_gradients(self):
        self.t += 1
        for i, p in enumerate(self.params):
            p.grad = drawn(p.shape, 10 * self.t + i, p.dtype)

    def step(self, *args):
        if not self.planned:
            self.optimizer._plan = None
        return self.optimizer.step(*args)

    def steps(self, n):
        for _ in range(n):
            self.give_gradients()
            torch.manual_seed(self.t)
            self.step()
        return self

    def values(self):
        states = [self.optimizer.state.get(p, {}) for p in self.params]
        tensors = [*self.params, *(x for state in states for x in state.values())]
        return [x.detach().resolve_neg().as_subclass(torch.Tensor).clone() for x in tensors]


def same(a, b):
    torch.testing.assert_close(a.values(), b.values(), rtol=0, atol=0)


@every_execution
def test_an_ordinary_step_keeps_its_plan(how, held):
    """The first step makes state, the second the plan. New gradients and rates change nothing."""
    runs = [Run(how, planned=planned).steps(2) for planned in (True, False)]
    assert held == []
    for k in range(4):
        for run in runs:
            run.optimizer.param_groups[1]["lr"] = 0.1 / (k + 1)
            run.optimizer.zero_grad()
            run.steps(1)
        same(*runs)
    assert held == [True] * 4
    assert runs[0].optimizer.steps_taken == 6
    assert runs[0].optimizer.last_step_taken


@every_execution
def test_parameters_of_several_rules_keep_their_plan(how, held):
    """Adafactor steps matrices and vectors apart, whatever their order."""
    ends = []
    for planned in (True, False):
        params = [Parameter(drawn(s, i)) for i, s in enumerate([(40, 30), (7,), (20, 30), (5,)])]
        optimizer = optlab.Adafactor(params, execution=how)
        for k in range(5):
            for i, p in enumerate(params):
                p.grad = drawn(p.shape, 10 * k + i)
            if not planned:
                optimizer._plan = None
            optimizer.step()
        ends.append([p.detach() for p in params])
    torch.testing.assert_close(*ends, rtol=0, atol=0)
    assert held == [True] * 3


@every_execution
def test_a_rate_that_is_a_tensor_may_change_in_place(how, held):
    runs = [Run(how, planned=planned, lr=torch.tensor(0.1)) for planned in (True, False)]
    for run in runs:
        run.steps(3)
        run.optimizer.param_groups[0]["lr"].fill_(0.01)
        run.steps(1)
    same(*runs)
    assert held == [True] * 2


def shrunk(x, offset=0):
    """x, which begins at an element of its storage, with a storage that is too small for that."""
    whole = torch.cat([torch.zeros(offset), x.reshape(-1)])
    view = whole[offset:].view(x.shape)
    whole.untyped_storage().resize_(x.nbytes)
    if not offset:
        whole.untyped_storage().resize_(x.nbytes // 2)
    return view


def cut_off(x):
    """Make the storage of x too small, mostly at the same address."""
    raw = x.untyped_storage()
    raw.resize_(8)
    raw.resize_(x.nbytes - 8)


class Tagged(torch.Tensor):
    """A tensor of a class of its own."""


def of(run, i=0, key="exp_avg"):
    return run.optimizer.state[run.params[i]][key]


def put(run, new, i=0, key="exp_avg"):
    run.optimizer.state[run.params[i]][key] = new


def misaligned(x):
    raw = torch.zeros(x.nbytes + 8, dtype=torch.uint8)
    y = torch.frombuffer(raw.numpy()[1 : x.nbytes + 1].data, dtype=x.dtype).view(x.shape)
    return y.copy_(x)


def into_parameter(run):
    p = run.params[0]
    with torch.no_grad():
        run.params[2].grad = p.data


def into_part_of_state(run):
    m = of(run)
    whole = torch.zeros(m.numel() + 9)
    put(run, whole[: m.numel()].view(m.shape).copy_(m))
    run.params[2].grad = whole[9:].view(m.shape)


def swap_entries(run):
    group = run.optimizer.param_groups[0]["params"]
    group[0], group[2] = group[2], group[0]


def move_to_the_other_group(run):
    first, second = (group["params"] for group in run.optimizer.param_groups)
    second.insert(0, first.pop())


def add_group(run):
    run.params.append(Parameter(drawn((4, 2), 99)))
    run.params[-1].grad = drawn((4, 2), 98)
    run.optimizer.add_param_group({"params": [run.params[-1]], "lr": 0.2})


def loaded(run):
    other = Run(run.optimizer.defaults["execution"]).steps(2).optimizer.state_dict()
    run.optimizer.load_state_dict(other)


def setting(key, value, group=0):
    return lambda run: run.optimizer.param_groups[group].update({key: value})


# What other code does after the gradients are there.
CHANGES = {
    "a group is added": add_group,
    "a gradient is missing": lambda r: setattr(r.params[0], "grad", None),
    "all but one are missing": lambda r: [setattr(p, "grad", None) for p in r.params[1:]],
    "a parameter's data is replaced": lambda r: setattr(r.params[0], "data", drawn((40, 30), 77)),
    "it is transposed": lambda r: setattr(
        r.params[0], "data", r.params[0].data.t().contiguous().t()
    ),
    "it is negative": lambda r: setattr(r.params[0], "data", torch._neg_view(r.params[0].data)),
    "it is a part of something": lambda r: setattr(
        r.params[0], "data", drawn((50, 40), 77)[:40, :30]
    ),
    "parameters change places": swap_entries,
    "a parameter changes its group": move_to_the_other_group,
    "a state is loaded": loaded,
    "a state tensor is replaced": lambda r: put(r, drawn((40, 30), 76)),
    "it is cast": lambda r: put(r, of(r).double()),
    "it is negative too": lambda r: put(r, torch._neg_view(of(r))),
    "it is of another class": lambda r: put(r, of(r).as_subclass(Tagged)),
    "it is deleted": lambda r: r.optimizer.state[r.params[0]].pop("exp_avg"),
    "an entry is deleted": lambda r: r.optimizer.state.pop(r.params[0]),
    "all state is": lambda r: r.optimizer.state.clear(),
    "a count is written to": lambda r: of(r, key="step").fill_(41),
    "a count is written to unseen": lambda r: of(r, key="step").data.fill_(41),
    "a count is replaced by a number": lambda r: put(r, 41, key="step"),
    "a count is of another dtype": lambda r: put(r, torch.tensor(41), key="step"),
    "a gradient is strided": lambda r: setattr(
        r.params[0], "grad", r.params[0].grad.t().contiguous().t()
    ),
    "a gradient is negative": lambda r: setattr(
        r.params[0], "grad", torch._neg_view(r.params[0].grad)
    ),
    "a gradient is of another class": lambda r: setattr(
        r.params[0], "grad", r.params[0].grad.as_subclass(Tagged)
    ),
    "a gradient is misaligned": lambda r: setattr(
        r.params[0], "grad", misaligned(r.params[0].grad)
    ),
    "a gradient is a parameter": into_parameter,
    "a gradient is a part of some state": into_part_of_state,
    "two gradients are one": lambda r: setattr(r.params[2], "grad", r.params[0].grad),
    "weight decay begins": setting("weight_decay", 0.1),
    "betas change": setting("betas", (0.5, 0.6)),
    "ascent begins": setting("maximize", True),
    "steps may be skipped": setting("nonfinite", "skip"),
    "a gradient that is not finite ends": setting("nonfinite", "raise"),
    "the execution changes": setting("execution", "plain"),
    "a parameter is frozen": lambda r: r.params[0].requires_grad_(False),
}


@pytest.mark.parametrize("change", CHANGES.values(), ids=CHANGES)
@every_execution
def test_what_changes_a_plan_makes_it_anew(how, change, held):
    runs = [Run(how, planned=planned).steps(3) for planned in (True, False)]
    for run in runs:
        run.give_gradients()
        change(run)
        run.step()
    same(*runs)
    del held[:]
    for run in runs:
        run.steps(3)
    same(*runs)


# What a step without a plan refuses.
REFUSALS = {
    "sparse": lambda r: setattr(r.params[0], "grad", r.params[0].grad.to_sparse()),
    "has the shape": lambda r: put(r, torch.ones(41, 30)),
    "too few for its shape": lambda r: setattr(
        r.params[0], "grad", shrunk(r.params[0].grad, offset=5)
    ),
    "too few": lambda r: setattr(r.params[0], "grad", shrunk(r.params[0].grad)),
    "has .* bytes of memory, too few": lambda r: cut_off(r.params[0].data),
    "bytes of memory, too few": lambda r: cut_off(of(r)),
    "several elements": lambda r: put(r, torch.ones(1, 30).expand(40, 30)),
    "and a step would write both": lambda r: setattr(r.params[2], "data", r.params[0].data),
    "shares memory with the state": lambda r: put(r, of(r), i=2),
    "step count": lambda r: put(r, torch.tensor(2.5), key="step"),
    "Invalid beta": setting("betas", (0.5, 1.6)),
    "Invalid lr|learning rate": setting("lr", -1.0),
    "no weight_decay any more": lambda r: r.optimizer.param_groups[0].pop("weight_decay"),
    "no step count": lambda r: r.optimizer.state[r.params[0]].pop("step"),
}


@pytest.mark.parametrize(("message", "change"), REFUSALS.items(), ids=REFUSALS)
@every_execution
def test_what_is_refused_is_refused_with_a_plan(how, message, change):
    run = Run(how).steps(3)
    run.give_gradients()
    change(run)
    before = [p.detach().clone() for p in run.params[1:2]]
    with pytest.raises((RuntimeError, ValueError), match=message):
        run.step()
    torch.testing.assert_close(before, [p.detach() for p in run.params[1:2]], rtol=0, atol=0)
    assert not run.optimizer.last_step_taken


@every_execution
def test_a_dtype_may_change_between_steps(how):
    runs = [Run(how, planned=planned) for planned in (True, False)]
    for run in runs:
        for dtype in (torch.float32, torch.float64, torch.float32):
            for p in run.params:
                p.grad = None
                p.data = p.data.to(dtype)
            run.steps(3)
    same(*runs)


# Where each step is one of its own kind.
UNPLANNED = {
    "rounded": {"dtype": torch.bfloat16, "rounding": "stochastic", "lr": 1e-3},
    "skipped": {"nonfinite": "skip"},
    "ascending": {"maximize": True},
    "complex": {"dtype": torch.complex64},
    "half": {"dtype": torch.bfloat16},
}


@pytest.mark.parametrize("settings", UNPLANNED.values(), ids=UNPLANNED)
def test_other_steps_are_as_without_a_plan(settings):
    runs = [Run("foreach", planned=planned, **settings).steps(3) for planned in (True, False)]
    for run in runs:
        run.give_gradients()
        if "nonfinite" in settings:
            run.params[0].grad[0, 0] = torch.nan
        torch.manual_seed(0)
        run.step()
        run.steps(2)
    same(*runs)
    skipped = "nonfinite" in settings
    assert {s["step"].item() for s in runs[0].optimizer.state.values()} == {6.0 - skipped}


@every_execution
def test_hooks_and_closures_may_change_everything(how):
    runs = [Run(how, planned=planned).steps(3) for planned in (True, False)]
    for run in runs:

        def hook(optimizer, *_):
            p, _, q, _ = (p for group in optimizer.param_groups for p in group["params"])
            p.grad, q.grad = q.grad, p.grad

        handle = run.optimizer.register_step_pre_hook(hook)
        run.steps(2)
        handle.remove()
        run.give_gradients()

        def closure(run=run):
            run.params[0].data = run.params[0].data.clone() * 2
            run.optimizer.param_groups[0]["weight_decay"] = 0.5
            return 3.0

        assert run.step(closure) == 3.0
        run.steps(2)
    same(*runs)


def pickled(x):
    return pickle.loads(pickle.dumps(x))  # noqa: S301


@pytest.mark.parametrize("way", [copy.deepcopy, pickled])
@every_execution
def test_copies_have_plans_of_their_own(how, way):
    run, twin = Run(how).steps(3), Run(how, planned=False).steps(3)
    copied = Run(how)
    copied.params, copied.optimizer = way((run.params, run.optimizer))
    copied.t = run.t
    assert copied.optimizer._plan is None
    copied.steps(3)
    run.steps(1)
    same(run, twin.steps(1))
    same(copied, twin.steps(2))


@every_execution
def test_another_thread_may_step(how):
    runs = [Run(how, planned=planned).steps(3) for planned in (True, False)]
    for run in runs:
        thread = threading.Thread(target=run.steps, args=(2,))
        thread.start()
        thread.join()
        run.steps(1)
    same(*runs)


@every_execution
def test_two_threads_do_not_share_a_plan(how, monkeypatch):
    """While one is at it, the other steps without."""
    run = Run(how).steps(3)
    seen = []
    step = Plan.step

    def meanwhile(*args):
        seen.append(run.optimizer._plan)
        return step(*args)

    monkeypatch.setattr(Plan, "step", meanwhile)
    run.steps(1)
    assert seen == [None]
    assert run.optimizer._plan is not None


@every_execution
def test_a_plan_keeps_no_tensors(how):
    run = Run(how).steps(3)
    p = run.params[0]
    kept = [weakref.ref(x) for x in (p.grad, of(run), of(run, key="step"))]
    run.optimizer.zero_grad()
    run.optimizer.state.clear()
    gc.collect()
    assert [x() for x in kept] == [None] * 3
    assert run.optimizer._plan is not None


@every_execution
def test_backward_through_a_weight_that_was_stepped_is_an_error(how, held):
    run = Run(how).steps(3)
    loss = (run.params[0] ** 2).sum()
    run.steps(1)
    assert held == [True, True]
    with pytest.raises(RuntimeError, match="modified by an inplace operation"):
        loss.backward()


@every_execution
def test_an_error_within_a_step_ends_its_plan(how, monkeypatch):
    runs = [Run(how, planned=planned).steps(3) for planned in (True, False)]
    for run in runs:
        run.give_gradients()
        monkeypatch.setattr(run.optimizer, "hyperparameters", lambda *_: 1 / 0)
        with pytest.raises(ZeroDivisionError):
            run.step()
        monkeypatch.undo()
        run.step()
        run.steps(2)
    same(*runs)


@every_execution
def test_a_rule_may_depend_on_any_entry_of_a_group(how):
    class Mine(optlab.SGD):
        def rule_for(self, p, group):
            return optlab.rules.lion if group.get("signs") else super().rule_for(p, group)

        def hyperparameters(self, group, rule):
            if rule is optlab.rules.lion:
                return {"lr": 0.1, "beta1": 0.9, "beta2": 0.99, "weight_decay": 0.0}
            return super().hyperparameters(group, rule)

    runs = [Run(how, planned=planned, make=Mine).steps(3) for planned in (True, False)]
    for run in runs:
        run.optimizer.param_groups[0]["signs"] = True
        run.steps(3)
    same(*runs)


@every_execution
def test_a_rule_may_depend_on_a_setting_and_on_the_shape(how):
    class Mine(optlab.SGD):
        def rule_for(self, p, group):
            momentum = p.dim() > group["dampening"]
            return optlab.rules.momentum if momentum else optlab.rules.gradient_descent

    runs = [
        Run(how, planned=planned, make=Mine, momentum=0.9).steps(3) for planned in (True, False)
    ]
    for run in runs:
        run.optimizer.param_groups[0]["dampening"] = 1
        run.steps(3)
    same(*runs)


def test_hyperparameters_of_another_kind_find_another_kernel():
    class Mine(optlab.SGD):
        def hyperparameters(self, group, rule):
            return {**super().hyperparameters(group, rule), **getattr(self, "extra", {})}

    runs = [
        Run("compiled", planned=planned, make=Mine, momentum=0.9).steps(3)
        for planned in (True, False)
    ]
    for run in runs:
        run.optimizer.extra = {"nesterov": True}
        run.steps(2)
        run.optimizer.extra = {"dampening": torch.tensor(0.5, dtype=torch.float64)}
        run.steps(2)
    same(*runs)
    runs[0].optimizer.extra = {"nonsense": 1.0}
    with pytest.raises(TypeError, match="nonsense"):
        runs[0].steps(1)


def test_kernels_that_are_forgotten_are_not_called(monkeypatch):
    run = Run("compiled").steps(3)
    execution.forget_kernels()
    monkeypatch.setattr(execution.native, "kernel", lambda *_: 1 / 0)
    run.give_gradients()
    with pytest.raises(ZeroDivisionError):
        run.step()
    execution.forget_kernels()
