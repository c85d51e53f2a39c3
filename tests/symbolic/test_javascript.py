"""The step function for the browser, run in V8 beside torch."""

import json
import random

import pytest
import sympy
import torch
from hyper import REGISTERED, numbers
from py_mini_racer import MiniRacer

from optlab.rules import (
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
    sophia,
    with_decay,
    with_l2,
)
from optlab.symbolic import JAVASCRIPT_OPERATIONS, javascript, javascript_of_layer

CASES = {
    "adam": (adam, {}),
    "adam with L2": (with_l2(adam), {}),
    "momentum": (momentum, {}),
    "Nesterov momentum": (momentum, {"nesterov": True}),
    "gradient descent": (gradient_descent, {}),
    "momentum with L2": (with_l2(momentum), {"dampening": 0}),
    "adam with decay": (with_decay(adam), {}),
    "adamw": (adamw, {}),
    "amsgrad": (amsgrad, {}),
    "adagrad": (adagrad, {}),
    "adagrad with L1": (adagrad, {"prox": l1(0.5)}),
    "dual adagrad with L1": (adagrad_dual, {"prox": l1(0.5)}),
    "sophia": (sophia, {}),
}
RANGES = {
    "lr": (1e-4, 1.0),
    "beta1": (0.0, 0.99),
    "beta2": (0.5, 0.9999),
    "eps": (0.0, 1e-3),
    "momentum": (0.0, 0.99),
    "dampening": (0.0, 0.9),
    "weight_decay": (0.0, 0.5),
    "eta": (0.0, 1.0),
    "delta": (0.0, 1.0),
    "rho": (0.01, 1.0),
}


def torch_step(rule, x, fixed):
    def tensor(value):
        return torch.tensor(value, dtype=torch.float64)

    s = State(**{k: tensor(v) for k, v in x["s"].items()})
    p, s = rule(tensor(x["p"]), tensor(x["g"]), s, x["t"], **x["h"], **fixed)
    return [p.item(), {k: v.item() for k, v in vars(s).items()}]


@pytest.mark.parametrize("name", CASES)
def test_a_thousand_random_steps(name):
    rule, fixed = CASES[name]
    draw = random.Random(0)
    hyper = [h for h in rule.hyperparameters if h in RANGES and h not in fixed]
    inputs = [
        {
            "p": draw.gauss(0, 1),
            "g": draw.gauss(0, 1) * 10 ** draw.uniform(-6, 3),
            "s": {k: abs(draw.gauss(0, 1)) for k in rule.initial},
            "t": draw.choice([1, 2, 10, 1000, 100_000]),
            "h": {h: draw.uniform(*RANGES[h]) for h in hyper},
        }
        for _ in range(1000)
    ]
    engine = MiniRacer()
    engine.eval(javascript(rule, **fixed))
    call = f"x => {rule.name}(x.p, x.g, x.s, x.t, x.h)"
    results = json.loads(engine.eval(f"JSON.stringify({json.dumps(inputs)}.map({call}))"))
    for x, (p, s) in zip(inputs, results, strict=True):
        expected_p, expected_s = torch_step(rule, x, fixed)
        # A step that nearly cancels p leaves p's own rounding: measure against both terms.
        size = max(abs(x["p"]), abs(expected_p))
        assert abs(p - expected_p) <= 1e-12 * size
        assert s.keys() == expected_s.keys() == rule.initial.keys()
        for k in s:
            size = max(abs(expected_s[k]), abs(x["s"][k]))
            assert abs(s[k] - expected_s[k]) <= 1e-12 * size


def test_a_projection_is_written_with_the_rule():
    def onto_box(w):
        return sympy.Max(-1, sympy.Min(1, w))

    engine = MiniRacer()
    engine.eval(javascript(gradient_descent, project=onto_box))
    assert engine.eval("gradient_descent(0.5, -1, {}, 1, {lr: 2})[0]") == 1
    assert engine.eval("gradient_descent(0.5, 0.25, {}, 1, {lr: 2})[0]") == 0


def test_the_function_says_where_it_comes_from():
    assert javascript(adam).startswith("// Kingma and Ba (2015), Algorithm 1.\nfunction adam(")


OF_TENSORS = {
    lamb: "norm",
    lars: "norm",
    lars_deck: "norm",
    adafactor: "column_means, mean, row_means",
    adafactor_vector: "mean",
    factored_adam: "column_sums, row_sums",
    adagrad_full: "outer, solve_root",
    adagrad_full_dual: "outer, solve_root",
}


@pytest.mark.parametrize("rule", OF_TENSORS, ids=lambda rule: rule.name)
def test_a_rule_of_whole_tensors_is_refused(rule):
    with pytest.raises(ValueError, match=f"{rule.name} needs {OF_TENSORS[rule]} of a tensor"):
        javascript(rule)


def test_negative_curvature_is_not_divided_by():
    engine = MiniRacer()
    engine.eval(javascript(sophia))
    step = (
        "sophia(0, 0.001, {m: 0, h: -5}, 1, {lr: 1, beta1: 0, rho: 1, eps: 0.1, weight_decay: 0})"
    )
    assert engine.eval(f"{step}[0]") == pytest.approx(-0.01)


ON_LAYERS = {
    **CASES,
    "lars": (lars, {}),
    "the deck's lars": (lars_deck, {}),
    "lamb": (lamb, {}),
    # Without 0/0, whose sign is NaN in JavaScript and 0 in torch, and would be in the mean.
    "cautious adam": (with_decay(cautious(adam)), {"eps": 1e-8}),
    "cautious lamb": (cautious(lamb), {"eps": 1e-6}),
    "adafactor for vectors": (adafactor_vector, {}),
    **{rule.name: (rule, {}) for rule in REGISTERED},
}
OF_LAYERS = {
    **RANGES,
    "trust_coefficient": (1e-4, 0.1),
    "beta2_decay": (-0.9, -0.5),
    "eps1": (1e-30, 1e-20),
    "eps2": (1e-4, 1e-2),
    "d": (0.5, 2.0),
}


@pytest.mark.parametrize("name", ON_LAYERS)
def test_a_thousand_random_steps_of_a_layer(name):
    """Of 1 to 4 coordinates, a tenth of the entries 0, and a tenth of the points 0 altogether."""
    rule, fixed = ON_LAYERS[name]
    draw = random.Random(1)
    hyper = [h for h in rule.hyperparameters if h in OF_LAYERS and h not in fixed]
    usual = numbers(rule) if rule in REGISTERED else {}

    def entries(n, scale, sign):
        return [(draw.random() > 0.1) * scale * sign(draw.gauss(0, 1)) for _ in range(n)]

    inputs = [
        {
            "p": entries(n, draw.random() > 0.1, float),
            "g": entries(n, 10 ** draw.uniform(-6, 3), float),
            "s": {k: entries(n, 1, abs) for k in rule.initial},
            "t": draw.choice([1, 2, 10, 1000, 100_000]),
            "h": usual
            | {h: draw.choice([draw.uniform(*OF_LAYERS[h]), OF_LAYERS[h][0]]) for h in hyper},
        }
        for n in draw.choices([1, 2, 3, 4], k=1000)
    ]
    engine = MiniRacer()
    engine.eval(f"{JAVASCRIPT_OPERATIONS}\n{javascript_of_layer(rule, 'step', **fixed)}")
    # A number that JSON cannot hold is written as text.
    write = "(_, v) => typeof v === 'number' && !Number.isFinite(v) ? String(v) : v"
    call = f"{json.dumps(inputs)}.map(x => step(x.p, x.g, x.s, x.t, x.h))"
    results = json.loads(engine.eval(f"JSON.stringify({call}, {write})"))
    for x, (p, s) in zip(inputs, results, strict=True):
        given = {k: torch.tensor(v, dtype=torch.float64) for k, v in x["s"].items()}
        before = {k: torch.tensor(x[k], dtype=torch.float64) for k in "pg"}
        expected_p, expected_s = rule(
            before["p"], before["g"], State(**given), x["t"], **x["h"], **fixed
        )
        agree(p, expected_p, before["p"])
        assert s.keys() == rule.initial.keys()
        for k in s:
            agree(s[k], vars(expected_s)[k], given[k])


def agree(found, expected, before):
    """To 1e-12 of each entry, before or after: a step that nearly cancels leaves its rounding."""
    found = torch.tensor([float(a) for a in found], dtype=torch.float64)
    same = (found - expected).abs() <= 1e-12 * torch.maximum(expected.abs(), before.abs())
    same |= (found == expected) | (found.isnan() & expected.isnan())
    assert same.all(), (found, expected)


@pytest.mark.parametrize("rule", [adafactor, factored_adam, adagrad_full, adagrad_full_dual])
def test_a_rule_of_matrices_is_refused_for_layers(rule):
    with pytest.raises(ValueError, match=r"of a matrix, and javascript_of_layer\(\)"):
        javascript_of_layer(rule)
