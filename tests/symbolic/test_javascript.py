"""The step function for the browser, run in V8 beside torch."""

import json
import random

import pytest
import sympy
import torch
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
from optlab.symbolic import javascript

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
