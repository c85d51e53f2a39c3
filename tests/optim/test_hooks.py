"""What surrounds a step is torch's, also where it comes after the first step."""

import pytest
import torch
from torch.optim.optimizer import (
    register_optimizer_step_post_hook,
    register_optimizer_step_pre_hook,
)
from twins import assert_alike, give_gradients, parameters

import optlab
from optlab.optim import RuleOptimizer, hooks


def stepped(optimizer, params, steps=1):
    for step in range(steps):
        give_gradients(params, step)
        optimizer.step()
    return params


@pytest.fixture(params=["optlab", "torch"])
def optimizer(request):
    cls = {"optlab": optlab.AdamW, "torch": torch.optim.AdamW}[request.param]
    params = parameters([(3,), (2, 2)])
    made = cls(params, lr=0.1)
    stepped(made, params, 3)  # so that there is a plan
    made.params = params
    return made


REGISTER = {
    "before": lambda o, hook: o.register_step_pre_hook(hook),
    "after": lambda o, hook: o.register_step_post_hook(hook),
    "before all": lambda o, hook: register_optimizer_step_pre_hook(hook),
    "after all": lambda o, hook: register_optimizer_step_post_hook(hook),
}


@pytest.mark.parametrize("kind", REGISTER)
def test_a_hook_that_comes_later_runs_once_a_step_until_it_is_removed(optimizer, kind):
    said = []
    handle = REGISTER[kind](optimizer, lambda o, args, kwargs: said.append(o))
    stepped(optimizer, optimizer.params, 2)
    handle.remove()
    stepped(optimizer, optimizer.params)
    assert said == [optimizer, optimizer]


def test_a_profile_shows_the_step(optimizer):
    give_gradients(optimizer.params, 0)
    with torch.profiler.profile() as profile:
        optimizer.step()
    names = [event.name for event in profile.events()]
    assert names.count("Optimizer.step#AdamW.step") == 1


@pytest.mark.parametrize("recorded", [True, False])
def test_whether_gradients_are_recorded_is_as_before(optimizer, recorded):
    seen = []

    def closure():
        seen.append(torch.is_grad_enabled())
        if len(seen) > 1:
            raise KeyError
        return torch.tensor(1.0)

    with torch.set_grad_enabled(recorded):
        assert optimizer.step(closure) == 1
        assert torch.is_grad_enabled() is recorded
        with pytest.raises(KeyError):
            optimizer.step(closure)
        assert torch.is_grad_enabled() is recorded
    assert seen == [True, True]
    assert all(p.is_leaf for p in optimizer.params)


def test_a_step_of_a_subclass_s_own_meets_hooks_as_in_torch():
    said = {}
    for cls in (optlab.AdamW, torch.optim.AdamW):

        class Mine(cls):
            def step(self, closure=None):
                return super().step(closure)

        cls(parameters([(3,)]))  # whose class torch has put between hooks then, too
        params = parameters([(3,)])
        mine = Mine(params)
        calls = said[cls] = []
        mine.register_step_post_hook(lambda o, args, kwargs, calls=calls: calls.append("after"))
        stepped(mine, params, 2)
    ours, theirs = said.values()
    assert ours == theirs != []


def test_a_compiled_loop_goes_around_the_step():
    torch._dynamo.reset()
    compiling, runs = [], []

    class Mine(optlab.AdamW):
        def hyperparameters(self, *args):
            compiling.append(torch.compiler.is_compiling())
            return super().hyperparameters(*args)

    for wrap in (lambda f: f, lambda f: torch.compile(f, backend="eager")):
        params = parameters([(3,), (2, 2)])
        optimizer = Mine(params, lr=0.1)

        def loop(params=params, optimizer=optimizer):
            optimizer.zero_grad()
            sum((p**2).sum() for p in params).backward()
            optimizer.step()

        loop = wrap(loop)
        for _ in range(3):
            loop()
        runs.append(params)
    assert_alike(*runs)
    assert compiling == 6 * [False]


def test_without_torch_s_internals_a_step_is_between_torch_s_hooks(monkeypatch):
    monkeypatch.setattr(hooks, "eval_frame", None)

    class Mine(optlab.AdamW):
        step = RuleOptimizer.step  # as it is before torch puts it between hooks

    params = parameters([(3,)])
    mine = Mine(params, lr=0.1)
    assert Mine.step.hooked
    assert not hasattr(Mine.step, "_torchdynamo_disable")
    theirs = parameters([(3,)])
    other = torch.optim.AdamW(theirs, lr=0.1)
    assert_alike(stepped(mine, params, 3), stepped(other, theirs, 3), rtol=1e-9)
