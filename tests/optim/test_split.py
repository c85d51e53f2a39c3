"""The two parts of a rule, run one after the other without a compiler, are the rule."""

import operator

import pytest
import torch
from hyper import HYPER, REGISTERED
from twins import assert_alike

from optlab.optim.split import split
from optlab.rules import (
    Rule,
    State,
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

RULES = [
    (gradient_descent, {}),
    (momentum, {"nesterov": False}),
    (momentum, {"nesterov": True}),
    (adam, {}),
    (with_l2(adam), {}),
    (with_decay(adam), {}),
    (with_decay(cautious(adam)), {}),
    (cautious(momentum), {"nesterov": True}),
    (cautious(lamb), {}),
    (adamw, {}),
    (amsgrad, {}),
    (adagrad, {}),
    (adagrad, {"prox": l1(0.1)}),
    (adagrad_dual, {"prox": l1(0.1)}),
    (lamb, {}),
    (lars, {}),
    (lars_deck, {}),
    (sophia, {}),
    (schedule_free, {}),
    (adafactor_vector, {}),
    *((rule, {}) for rule in REGISTERED),
]
MATRICES = [adafactor, factored_adam]


def title(x):
    return x.name if isinstance(x, Rule) else ",".join(x)


def both(rule, flags, dtype, compute):
    """New parameter and state from the two parts, and from the rule itself."""
    names = [name for name in rule.hyperparameters if name in HYPER]
    generator = torch.Generator().manual_seed(0)
    p, g = (torch.randn(500, generator=generator).to(dtype) for _ in range(2))
    state = {k: torch.rand(500, generator=generator).to(compute or dtype) for k in rule.initial}
    x, d = (p.to(compute), g.to(compute)) if compute else (p, g)
    hyper = {name: HYPER[name] for name in names}
    new_p, new_s = rule(x, d, State(**state), 3, **hyper, **flags)

    cut = split(rule, flags, names, compute)
    numbers = cut.numbers(3, *hyper.values())
    assert all(type(n) is float for n in numbers)
    c = torch.tensor(numbers, dtype=compute or dtype)
    cut.tensors(p, g, *state.values(), c)
    return [p, *state.values()], [new_p.to(dtype), *vars(new_s).values()]


@pytest.mark.parametrize(("rule", "flags"), RULES, ids=title)
def test_double_precision(rule, flags):
    assert_alike(*both(rule, flags, torch.float64, None))


@pytest.mark.parametrize(("rule", "flags"), RULES, ids=title)
def test_half_precision_is_calculated_in_single(rule, flags):
    ours, expected = both(rule, flags, torch.bfloat16, torch.float32)
    assert (ours[0] != expected[0]).float().mean() < 0.01
    assert_alike(ours[1:], expected[1:], rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize(("rule", "flags"), RULES, ids=title)
def test_nothing_that_depends_on_the_step_alone_is_left_to_the_tensors(rule, flags):
    names = [name for name in rule.hyperparameters if name in HYPER]
    graph = split(rule, flags, names, None).tensors.graph
    numbers = {node for node in graph.nodes if node.target is operator.getitem}
    work = [n for n in graph.nodes if n.op in ("call_function", "call_method")]
    work = [n for n in work if n not in numbers]
    assert work
    assert all(not numbers.issuperset(n.all_input_nodes) for n in work)


def lagging(p, g, s, t, *, lr):
    return p - lr * g, State(old=p)


def cut(rule):
    return split(rule, {}, [name for name in rule.hyperparameters if name in HYPER], None)


def test_a_rule_that_hands_on_old_values_or_decomposes_matrices_is_not_fused():
    assert not cut(type(adam)(lagging, {"old": torch.zeros_like})).fusible
    assert not cut(adagrad_full).fusible
    assert not cut(adagrad_full_dual).fusible
    assert all(cut(rule).fusible for rule, _ in RULES)
    assert all(cut(rule).fusible for rule in MATRICES)


def test_a_rule_that_looks_at_rows_and_columns_is_not_given_vectors():
    assert not any(cut(rule).flat for rule in MATRICES)
    assert all(cut(rule).flat for rule, _ in RULES)


@pytest.mark.parametrize(
    "asks",
    [
        lambda p, g, t: g if t > 2 else 2 * g,
        lambda p, g, t: sum(g for _ in range(t)),
        lambda p, g, t: max(g, p),
    ],
)
def test_a_rule_that_asks_for_values_is_told_what_to_use(asks):
    def step(p, g, s, t, *, lr=0.1):
        return p - lr * asks(p, g, t), State()

    with pytest.raises(TypeError, match=r"step cannot be traced: .*optlab\.ops: see CONTRIB"):
        split(Rule(step, {}), {}, ["lr"], None)
