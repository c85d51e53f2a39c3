"""Every rule in all three executions: plain, foreach and compiled write the same numbers."""

import pytest
import torch
from compilers import NEEDS_C, NEEDS_CXX
from hyper import HYPER, REGISTERED
from torch._dynamo.utils import counters
from walk import randn

from optlab.ops import maximum, minimum
from optlab.optim import execution, native
from optlab.optim.execution import EXECUTIONS, Batch
from optlab.rules import (
    Rule,
    adafactor,
    adafactor_vector,
    adagrad,
    adagrad_dual,
    adagrad_full,
    adagrad_full_dual,
    adam,
    adamw,
    amsgrad,
    cautious,
    factored_adam,
    gradient_descent,
    l1,
    lamb,
    lars,
    lars_deck,
    momentum,
    schedule_free,
    sophia,
    with_decay,
    with_l2,
)


def clipped(z):
    return minimum(maximum(z, 1.0), 10.0)


RULES = [
    (gradient_descent, {}),
    (momentum, {"nesterov": True}),
    (with_l2(momentum), {"nesterov": False}),
    (adam, {}),
    (with_decay(adam), {}),
    (with_decay(cautious(adam)), {}),
    (cautious(momentum), {"nesterov": True}),
    (cautious(lamb), {}),
    (adamw, {}),
    (amsgrad, {}),
    (adagrad, {}),
    (adagrad, {"prox": l1(0.3)}),
    (adagrad_dual, {"prox": l1(0.3)}),
    (with_l2(adagrad), {}),
    (adagrad_full, {}),
    (adagrad_full_dual, {}),
    (factored_adam, {}),
    (adafactor, {}),
    (with_decay(adafactor), {}),
    (adafactor_vector, {}),
    (lars, {}),
    (lars_deck, {"phi": clipped}),
    (lamb, {}),
    (lamb, {"phi": clipped}),
    (sophia, {}),
    (schedule_free, {}),
    *((rule, {}) for rule in REGISTERED),
]


def title(x):
    return x.name if isinstance(x, Rule) else ",".join(x)


# With few and with many entries, tall and wide, zeros among them; one is too small for a kernel.
SHAPES = [(40, 30), (30, 41), (4, 300), (2, 3)]


def final(rule, flags, execution, dtype, shapes=SHAPES, steps=3):
    """Parameters and state after a few steps."""
    names = [name for name in rule.hyperparameters if name in HYPER]
    params = [randn(*shape, seed=i).to(dtype) for i, shape in enumerate(shapes)]
    params[-1].zero_()
    state = {k: [make(p) for p in params] for k, make in rule.initial.items()}
    for h in state.get("h", []):
        h.add_(randn(*h.shape, seed=9).to(dtype))
    for t in range(1, steps + 1):
        grads = [randn(*shape, seed=100 * t + i).to(dtype) for i, shape in enumerate(shapes)]
        grads[0][:, 0] = 0
        hyper = {name: HYPER[name] for name in names}
        EXECUTIONS[execution](Batch(rule, t, {**hyper, **flags}, params, grads, state, None))
    return [*params, *(x for xs in state.values() for x in xs)]


@pytest.mark.parametrize("execution", ["foreach", pytest.param("compiled", marks=NEEDS_C)])
@pytest.mark.parametrize(("rule", "flags"), RULES, ids=title)
def test_it_is_the_plain_one(rule, flags, execution):
    dtype = torch.float64
    full = rule in (adagrad_full, adagrad_full_dual)
    shapes = [(4, 3), (2, 3)] if full else SHAPES
    expected = final(rule, flags, "plain", dtype, shapes)
    assert all(x.isfinite().all() for x in expected)
    for a, b in zip(final(rule, flags, execution, dtype, shapes), expected, strict=True):
        torch.testing.assert_close(a, b, rtol=1e-11, atol=1e-12)


@NEEDS_CXX
@pytest.mark.parametrize("rule", [factored_adam, adafactor], ids=lambda rule: rule.name)
def test_matrices_of_new_sizes_compile_nothing(rule, monkeypatch):
    monkeypatch.setattr(native, "compiler", lambda: None)  # so that torch.compile is asked

    def graphs():
        return counters["stats"]["unique_graphs"]

    execution.forget_kernels()  # of other tests, and how often torch has compiled for them
    torch._dynamo.reset()
    new = Rule(rule.function, rule.initial)  # that nothing has been compiled for
    before = graphs()
    final(new, {}, "compiled", torch.float64, [(40, 30), (3, 2)], steps=1)
    assert graphs() == before + 1
    shapes = [(31, 47), (2, 900), (1200, 3), (64, 64), (3, 2)]
    final(new, {}, "compiled", torch.float64, shapes, steps=2)
    assert graphs() == before + 1
