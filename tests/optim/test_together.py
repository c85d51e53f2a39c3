"""Groups with the same settings are stepped in one call, and the numbers are those of separate
optimizers, to the bit."""

import copy

import pytest
import torch
from every import EVERY, make, parameters_for
from torch.optim import lr_scheduler
from twins import assert_alike, give_gradients, train

import optlab
from optlab import rules
from optlab.ops import sign
from optlab.optim import execution, optimizer
from optlab.optim.together import all_equal, by_entries, equal

SHAPES = [(40, 30), (7,), (40, 30), (2, 3, 5), (7,), (1, 30)]

every_execution = pytest.mark.parametrize("how", ["plain", "foreach", "compiled", "auto"])


@pytest.fixture
def calls(monkeypatch):
    """A function that takes a step, and says how many parameters each of its calls has stepped."""
    sizes = []

    def counted(run):
        def counting(batch, *args):
            sizes.append(len(batch.params))
            return run(batch, *args)

        return counting

    way = execution.way
    monkeypatch.setattr(optimizer, "run", counted(optimizer.run))
    monkeypatch.setattr(execution, "way", lambda *args: counted(way(*args)))

    def step(twins):
        twins.draw()
        del sizes[:]
        twins.one.step()
        return sorted(sizes)

    return step


class Twins:
    """An optimizer with a group for each parameter, and an optimizer for each parameter."""

    def __init__(self, label="AdamW", dtype=torch.float32, shapes=SHAPES, **options):
        options = {"execution": "auto", **options}
        self.params, self.others = (parameters_for(label, dtype, shapes) for _ in range(2))
        self.one = make(label, [{"params": [p]} for p in self.params], **options)
        self.apart = [make(label, [p], **options) for p in self.others]
        self.t = 0

    def groups(self, i):
        """The group of the i-th parameter, in both."""
        return self.one.param_groups[i], self.apart[i].param_groups[0]

    def set(self, i, **settings):
        for group in self.groups(i):
            group.update(settings)

    def of(self, i):
        """The state of the i-th parameter, in both."""
        return self.one.state[self.params[i]], self.apart[i].state[self.others[i]]

    def draw(self):
        for params in (self.params, self.others):
            give_gradients(params, self.t)
        if isinstance(self.one, optlab.Sophia):
            self.one.update_hessian([torch.cos(3 * p.grad) for p in self.params])
            for alone, p in zip(self.apart, self.others, strict=True):
                alone.update_hessian([torch.cos(3 * p.grad)])
        self.t += 1

    def steps(self, n=1, *, missing=()):
        for _ in range(n):
            self.draw()
            for i in missing:
                self.params[i].grad = self.others[i].grad = None
            self.one.step()
            for alone in self.apart:
                alone.step()
        self.agree()

    def agree(self):
        assert_alike(self.params, self.others, rtol=0, atol=0)
        for i in range(len(self.params)):
            here, there = self.of(i)
            assert list(here) == list(there)
            assert_alike(here.values(), there.values(), rtol=0, atol=0)


@pytest.mark.parametrize("how", ["plain", "foreach", "compiled"])
@pytest.mark.parametrize("label", EVERY)
def test_every_optimizer_steps_as_separate_ones_do(label, how):
    twins = Twins(label, torch.float64, execution=how)
    twins.steps(4)
    for i in range(0, len(twins.params), 2):
        twins.set(i, lr=0.05)
    twins.steps(3)


@pytest.mark.parametrize("dtype", [torch.complex64, torch.bfloat16], ids=str)
@pytest.mark.parametrize("label", ["SGD momentum", "AdamW", "LAMB", "Lion"])
def test_so_they_do_in_other_dtypes(label, dtype):
    Twins(label, dtype, execution="foreach").steps(4)


@every_execution
def test_equal_groups_are_one_call(how, calls):
    twins = Twins(execution=how)
    assert [calls(twins) for _ in range(4)] == [[6]] * 4


def test_what_a_parameter_needs_of_its_own_parts_a_call(calls):
    """Adafactor steps matrices and vectors by different rules."""
    twins = Twins("Adafactor")
    assert [calls(twins) for _ in range(3)] == [[2, 4]] * 3


SETTINGS = {
    "rate": {"lr": 0.01},
    "rate of zero": {"lr": 0.0},
    "betas": {"betas": (0.8, 0.9)},
    "decay": {"weight_decay": 0.2},
    "no decay": {"weight_decay": 0.0},
    "the other decay": {"decay_by": "schedule"},
    "ascent": {"maximize": True},
    "execution": {"execution": "plain"},
    "what is not finite ends": {"nonfinite": "raise"},
    "steps may be skipped": {"nonfinite": "skip"},
    "rate as a tensor": {"lr": torch.tensor(0.01)},
    "equal rate as a tensor": {"lr": torch.tensor(0.1, dtype=torch.float64)},
}


@pytest.mark.parametrize("settings", SETTINGS.values(), ids=SETTINGS)
@every_execution
def test_a_group_may_part_and_come_back(how, settings):
    twins = Twins(execution=how)
    twins.steps(3)
    before = {key: twins.one.param_groups[2][key] for key in settings}
    twins.set(2, **copy.deepcopy(settings))
    twins.steps(2)
    twins.set(2, **before)
    twins.steps(3)


def test_only_the_group_that_differs_is_stepped_by_itself(calls):
    twins = Twins()
    twins.steps(3)
    twins.set(2, lr=0.01)
    assert [calls(twins) for _ in range(2)] == [[1, 5]] * 2


def test_zeros_of_either_sign_are_told_apart():
    """p - lr · g is 0.0 or -0.0 as lr is."""
    one, other = {"lr": 0.0, "flag": True}, {"lr": -0.0, "flag": True}
    assert equal(one, {**one, "lr": float("0.0")})
    assert not equal(one, other)
    assert not equal(one, {"lr": 0.0, "flag": 1})
    assert not equal(one, {"lr": 0.0})
    assert not equal({"lr": 0.0}, one)
    assert not equal({"a": 1.0, "b": 1.0}, {"b": 1.0, "c": 1.0})
    assert not equal({"a": one, "b": other}, {"b": one, "a": other})
    twins = Twins("SGD")
    twins.steps(3)
    for _ in range(2):
        for i, p in enumerate(twins.params):
            p.data.fill_(-0.0)
            twins.others[i].data.fill_(-0.0)
            twins.set(i, lr=0.0 if i % 2 else -0.0)
        twins.draw()
        for q in (*twins.params, *twins.others):
            q.grad.fill_(1.0)
        for o in (twins.one, *twins.apart):
            o.step()
        signs = [[torch.signbit(p) for p in ps] for ps in (twins.params, twins.others)]
        assert all(map(torch.equal, *signs))


@every_execution
def test_schedules_of_their_own(how):
    """Rates that are equal, then differ, then are equal again."""
    twins = Twins(execution=how)
    factors = [lambda t, i=i: 0.5 if 4 <= t < 8 and i % 2 else 1 / (1 + t) for i in range(6)]
    schedules = [lr_scheduler.LambdaLR(twins.one, factors)]
    schedules += [
        lr_scheduler.LambdaLR(alone, factor)
        for alone, factor in zip(twins.apart, factors, strict=True)
    ]
    for _ in range(12):
        twins.steps()
        for schedule in schedules:
            schedule.step()


def test_one_schedule_for_all_leaves_them_together(calls):
    twins = Twins()
    schedule = lr_scheduler.CosineAnnealingLR(twins.one, 10)
    for _ in range(9):
        assert calls(twins) == [6]
        schedule.step()
    assert len({id(group["lr"]) for group in twins.one.param_groups}) == 6


def test_rates_that_are_tensors_may_change_in_place(calls):
    twins = Twins()
    for i in range(6):
        for group in twins.groups(i):
            group["lr"] = torch.tensor(0.1)
    twins.steps(3)
    twins.one.param_groups[1]["lr"].fill_(0.02)
    twins.apart[1].param_groups[0]["lr"].fill_(0.02)
    twins.steps(2)
    assert calls(twins) == [1, 5]


@every_execution
def test_counts_of_their_own(how, calls):
    """A parameter that missed steps has another count, until it has caught up."""
    twins = Twins(execution=how)
    twins.steps(2)
    twins.steps(2, missing=[1, 4])
    twins.steps(2)
    for entry in twins.of(3):
        entry["step"].fill_(20)
    twins.steps(2)
    for entry in twins.of(3):
        entry["step"].fill_(float(twins.of(0)[0]["step"]))
    twins.steps(2)
    assert [float(twins.of(i)[0]["step"]) for i in range(6)] == [10, 8, 10, 10, 8, 10]
    assert calls(twins) == [2, 4]


@every_execution
def test_a_state_that_is_loaded(how):
    twins, donor = Twins(execution=how), Twins(execution=how)
    donor.set(1, lr=0.3)
    donor.steps(5, missing=[2])
    twins.steps(3)
    twins.one.load_state_dict(donor.one.state_dict())
    for alone, given in zip(twins.apart, donor.apart, strict=True):
        alone.load_state_dict(given.state_dict())
    twins.steps(3)
    assert twins.one.param_groups[1]["lr"] == 0.3


@every_execution
def test_a_group_that_is_added(how, calls):
    twins = Twins(execution=how)
    twins.steps(3)
    for params in (twins.params, twins.others):
        params.append(torch.nn.Parameter(torch.ones(4, 5)))
    twins.one.add_param_group({"params": [twins.params[-1]]})
    twins.apart.append(make("AdamW", [twins.others[-1]], execution=how))
    twins.steps(3)
    for entry in twins.of(6):
        entry["step"].fill_(6)
    twins.steps(2)
    assert calls(twins) == [7]


@every_execution
def test_a_hook_that_changes_one_group(how):
    twins = Twins(execution=how)
    twins.steps(3)

    def slower(optimizer, *_):
        group = optimizer.param_groups[2 if optimizer is twins.one else 0]
        group["lr"] /= 2

    hooked = [o.register_step_pre_hook(slower) for o in (twins.one, twins.apart[2])]
    twins.steps(3)
    for handle in hooked:
        handle.remove()
    twins.steps(2)
    assert twins.one.param_groups[2]["lr"] == 0.0125


@rules.rule()
def _signs(p, g, s, t, *, lr):
    """With the sign of the gradient."""
    return p - lr * sign(g), s


def test_a_method_that_looks_at_the_group():
    """What a subclass makes of any entry of a group parts it from the others."""

    class Scaled(optlab.SGD):
        def hyperparameters(self, group, rule):
            values = super().hyperparameters(group, rule)
            return {**values, "lr": values["lr"] * group.get("scale", 1.0)}

        def rule_for(self, p, group):
            return _signs if group.get("signs") else super().rule_for(p, group)

    params = parameters_for("SGD", torch.float32, SHAPES)
    others = parameters_for("SGD", torch.float32, SHAPES)
    one, apart = Scaled([{"params": [p]} for p in params], 0.1), [Scaled([p], 0.1) for p in others]
    for t in range(8):
        if t == 4:
            one.param_groups[1]["scale"] = apart[1].param_groups[0]["scale"] = 0.5
        if t == 6:
            one.param_groups[3]["signs"] = apart[3].param_groups[0]["signs"] = True
        for ps in (params, others):
            give_gradients(ps, t)
        for o in (one, *apart):
            o.step()
        assert_alike(params, others, rtol=0, atol=0)


@every_execution
def test_tensors_that_are_not_as_expected_are_seen_in_joined_groups(how):
    """What is refused names the parameter, whatever group it is of."""
    twins = Twins(execution=how)
    twins.steps(3)
    twins.draw()
    state = twins.of(4)[0]
    state["exp_avg"] = torch.ones(3)
    before = [p.detach().clone() for p in twins.params]
    with pytest.raises(RuntimeError, match=r"'exp_avg' of parameter 4, .* has the shape \(3,\)"):
        twins.one.step()
    assert_alike(twins.params, before, rtol=0, atol=0)
    state["exp_avg"] = twins.of(5)[0]["exp_avg"].view(30)[:7]
    with pytest.raises(RuntimeError, match="shares memory"):
        twins.one.step()
    assert_alike(twins.params, before, rtol=0, atol=0)


@every_execution
def test_gradients_of_other_kinds_in_one_group(how):
    twins = Twins(execution=how)
    twins.steps(3)

    def strided(x):
        return x.t().contiguous().t()

    for change in (strided, torch._neg_view, lambda g: g.as_subclass(Tagged)):
        twins.draw()
        for params in (twins.params, twins.others):
            params[2].grad = change(params[2].grad)
        for o in (twins.one, *twins.apart):
            o.step()
        twins.agree()
    twins.draw()
    for params in (twins.params, twins.others):
        params[2].grad = params[0].data  # is copied before anything is written
    for o in (twins.one, *reversed(twins.apart)):
        o.step()
    twins.agree()
    twins.steps(2)


class Tagged(torch.Tensor):
    """A tensor of a class of its own."""


def test_where_one_is_of_another_kind_each_group_is_stepped_by_itself(calls):
    """On a GPU, lists of which one tensor is strided take another way, with other roundings."""
    twins = Twins(execution="foreach")
    twins.params[2].data = twins.params[2].data.t().contiguous().t()
    assert [calls(twins) for _ in range(3)] == [[1] * 6] * 3
    twins.params[2].data = twins.params[2].data.contiguous()
    assert calls(twins) == [1] * 6  # the moments were made strided
    for x in twins.of(2)[0].values():
        x.data = x.data.contiguous()
    assert calls(twins) == [6]


@pytest.mark.parametrize("options", [{"nonfinite": "skip"}, {"maximize": True}], ids=str)
@every_execution
def test_other_steps(how, options):
    Twins(execution=how, **options).steps(4)


def test_rounding_at_random_draws_in_the_order_of_the_groups():
    """As it did: group after group, whatever they have in common."""
    params, others = (parameters_for("SGD", torch.bfloat16, SHAPES) for _ in range(2))
    settings = {"lr": 1e-3, "rounding": "stochastic"}
    one = optlab.SGD(
        [{"params": [p], "lr": 1e-3 * (1 + i % 2)} for i, p in enumerate(params)], **settings
    )
    apart = [
        optlab.SGD([p], **{**settings, "lr": 1e-3 * (1 + i % 2)}) for i, p in enumerate(others)
    ]
    for t in range(4):
        for ps in (params, others):
            give_gradients(ps, t)
        torch.manual_seed(t)
        one.step()
        torch.manual_seed(t)
        for alone in apart:
            alone.step()
        assert_alike(params, others, rtol=0, atol=0)


def test_what_auto_is_does_not_depend_on_the_other_groups(monkeypatch):
    """Where only torch.compile serves, it is for large groups: many small ones are none."""
    monkeypatch.setattr(execution, "_is_for_c", lambda batch: False)
    monkeypatch.setattr(execution, "WORTH_COMPILING", {"cpu": 2000})
    ways = []
    for name in ("compiled", "foreach"):

        def noted(batch, *args, name=name, **kwargs):
            ways.append((name, len(batch.params)))
            execution.plain(batch)

        monkeypatch.setattr(execution, name, noted)
    monkeypatch.setattr(execution, "has_compiler", lambda device: True)
    params = parameters_for("AdamW", torch.float32, [(40, 30), (40, 30), (60, 60), (7,)])
    optimizer = optlab.AdamW([{"params": [p]} for p in params])
    train(optimizer, params, 1)
    assert sorted(ways) == [("compiled", 1), ("foreach", 3)]


@every_execution
def test_a_joined_step_that_fails_part_way_is_tried_anew(how, monkeypatch):
    twins = Twins(execution=how)
    twins.steps(3)
    monkeypatch.setattr(twins.one, "hyperparameters", lambda *_: 1 / 0)
    twins.draw()
    with pytest.raises(ZeroDivisionError):
        twins.one.step()
    monkeypatch.undo()
    twins.t -= 1
    twins.steps(3)


def test_what_looks_at_other_entries_is_asked_of_each_group(calls):
    """An entry that is not a setting of the class may be a hyperparameter all the same; and a
    method of a subclass may look at the parameters themselves."""
    twins = Twins("SGD")
    twins.one.rule_for = lambda p, group: optlab.rules.lion
    for i, alone in enumerate(twins.apart):
        alone.rule_for = lambda p, group: optlab.rules.lion
        for group in twins.groups(i):
            group.update(beta1=0.9, beta2=0.99)
    twins.steps(3)
    twins.set(4, beta1=0.5)
    twins.steps(2)
    for group in twins.groups(1):
        del group["beta1"]
        group["note"] = 0.9
    twins.steps(2)
    assert calls(twins) == [1, 1, 4]  # without it the rule has its own default

    class BySize(optlab.SGD):
        def hyperparameters(self, group, rule):
            values = super().hyperparameters(group, rule)
            return {**values, "lr": values["lr"] * float(group["params"][0].detach().sum() > 0)}

    params, others = (parameters_for("SGD", torch.float32, SHAPES) for _ in range(2))
    one = BySize([{"params": [p]} for p in params], 0.1)
    apart = [BySize([p], 0.1) for p in others]
    for t in range(8):
        for ps in (params, others):
            give_gradients(ps, t)
            if t == 4:
                for p in ps[::2]:
                    p.data.neg_()
        for o in (one, *apart):
            o.step()
        assert_alike(params, others, rtol=0, atol=0)


def test_an_entry_that_one_group_has_more_is_asked_about():
    @by_entries
    def hyperparameters(group, rule):
        return {"lr": group["lr"] * group.get("factor", 1.0)}

    first, more = {"params": [], "lr": 0.1}, {"params": [], "lr": 0.1, "factor": 2.0}
    first["lr"] = more["lr"]  # one object
    known = hyperparameters(first, None)
    assert all_equal([first, {**first}], None, known, hyperparameters)
    assert not all_equal([first, more], None, known, hyperparameters)


class Scaled(optlab.SGD):
    """Asks each group for an entry of its own, and counts how often it is asked."""

    asked = 0

    @by_entries
    def hyperparameters(self, group, rule):
        self.asked += 1
        values = super().hyperparameters(group, rule)
        return {**values, "lr": values["lr"] * group.get("factor", 1.0)}


def scaled(n=20):
    """One optimizer with n groups, n with one, and a step of all, which says how often the one
    was asked."""
    params, others = (parameters_for("SGD", torch.float32, [(3, 2)] * n) for _ in range(2))
    one = Scaled([{"params": [p]} for p in params], 0.1)
    apart = [Scaled([p], 0.1) for p in others]

    def step(closure=None):
        for ps in (params, others):
            give_gradients(ps, step.t)
        step.t, one.asked = step.t + 1, 0
        for o in (one, *apart):
            o.step()
        assert_alike(params, others, rtol=0, atol=0)
        return one.asked

    step.t = 0
    return one, apart, step


def test_groups_that_are_alike_are_asked_once():
    one, apart, step = scaled()

    def both(i, **entries):
        one.param_groups[i].update(entries)
        apart[i].param_groups[0].update(entries)

    for _ in range(4):
        step()
    assert step() == 1
    for i in range(len(apart)):  # as schedulers do, each rate an object of its own
        both(i, lr=float("0.07"))
    assert step() == step() == 1
    both(3, note="its own")
    assert step() == step() == len(apart)  # no longer alike, but equal
    del one.param_groups[3]["note"], apart[3].param_groups[0]["note"]
    assert step() == step() == 1
    both(5, factor=2.0)
    for _ in range(4):
        step()
    both(5, factor=1.0)
    for _ in range(4):
        step()
    both(7, lr=0.5)
    for _ in range(4):
        step()


def test_an_entry_that_was_seen_to_change_before_an_error_is_not_forgotten():
    one, apart, step = scaled(3)
    for _ in range(5):
        step()
    one.param_groups[1]["factor"] = apart[1].param_groups[0]["factor"] = 3.0

    def fails():
        raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        one.step(fails)
    step()
