"""What the constructors and the parameter groups accept and refuse, in torch's words."""

import numpy as np
import pytest
import torch
from every import NAMES
from twins import assert_alike, parameters, train

import optlab

IMPOSSIBLE = [
    ("SGD", {"lr": -1}),
    ("SGD", {"momentum": -0.5}),
    ("SGD", {"weight_decay": -0.5}),
    ("SGD", {"nesterov": True}),
    ("SGD", {"nesterov": True, "momentum": 0.9, "dampening": 0.1}),
    ("SGD", {"lr": torch.tensor([0.1, 0.2])}),
    ("SGD", {"lr": torch.tensor(-1.0)}),
    ("Adam", {"lr": -1}),
    ("Adam", {"lr": float("nan")}),
    ("Adam", {"lr": torch.tensor(float("nan"))}),
    ("Adam", {"lr": torch.tensor([0.1, 0.2])}),
    ("Adam", {"betas": (1.0, 0.9)}),
    ("Adam", {"betas": (-0.1, 0.9)}),
    ("Adam", {"betas": (0.9, 1.0)}),
    ("Adam", {"betas": (0.9, float("nan"))}),
    ("Adam", {"eps": -1e-8}),
    ("Adam", {"weight_decay": -1}),
    ("AdamW", {"lr": -1}),
    ("AdamW", {"betas": (0.9, 1.0)}),
    ("AdamW", {"weight_decay": -1}),
    ("AdaGrad", {"lr": -1}),
    ("AdaGrad", {"weight_decay": -1}),
    ("AdaGrad", {"initial_accumulator_value": -1}),
    ("AdaGrad", {"eps": -1}),
]


def of(module, name):
    return module.Adagrad if (module, name) == (torch.optim, "AdaGrad") else getattr(module, name)


def error_of(make):
    with pytest.raises(ValueError) as caught:  # noqa: PT011
        make()
    return str(caught.value)


@pytest.mark.parametrize(("name", "settings"), IMPOSSIBLE, ids=str)
def test_impossible_values_are_refused_in_torch_s_words(name, settings):
    def make(module):
        return of(module, name)(parameters(), **settings)

    said = error_of(lambda: make(optlab))
    assert said == error_of(lambda: make(torch.optim))
    assert "\n" not in said


@pytest.mark.parametrize(("name", "settings"), IMPOSSIBLE, ids=str)
def test_a_group_is_held_to_the_same_and_leaves_no_trace(name, settings):
    first, second = parameters([(3,), (4,)])
    optimizer = getattr(optlab, name)([first])
    said = error_of(lambda: optimizer.add_param_group({"params": [second], **settings}))
    assert said == error_of(lambda: of(torch.optim, name)([first], **settings))
    assert len(optimizer.param_groups) == 1
    assert error_of(lambda: getattr(optlab, name)([{"params": [first], **settings}])) == said


# Where torch says nothing or fails later and elsewhere.
OURS = [
    ("Adam", {"lr": "banana"}, "Invalid learning rate: banana"),
    ("Adam", {"lr": None}, "Invalid learning rate: None"),
    ("Adam", {"lr": True}, "Invalid learning rate: True"),
    ("Adam", {"lr": float("inf")}, "Invalid learning rate: inf"),
    ("Adam", {"betas": 0.9}, r"Invalid betas: 0\.9; give a pair \(beta1, beta2\)"),
    ("Adam", {"betas": (0.9,)}, "give a pair"),
    ("Adam", {"betas": ("a", 0.9)}, "Invalid beta parameter at index 0: a"),
    ("Adam", {"eps": "small"}, "Invalid epsilon value: small"),
    ("Adam", {"weight_decay": torch.tensor(0.1)}, "Invalid weight_decay value"),
    ("SGD", {"momentum": float("nan")}, "Invalid momentum value: nan"),
    ("SGD", {"dampening": float("nan")}, "Invalid dampening value: nan"),
    ("SGD", {"nesterov": 1}, "Invalid nesterov value: 1; give True or False"),
    ("SGD", {"maximize": "no"}, "Invalid maximize value: no; give True or False"),
    (
        "SGD",
        {"execution": "fast"},
        "Invalid execution: 'fast'; choose one of auto, plain, foreach, compiled",
    ),
    ("LAMB", {"nonfinite": "ignore"}, "'ignore'; choose one of propagate, skip, raise"),
    ("AdamW", {"decay_by": "eta"}, "Invalid decay_by: 'eta'; choose one of lr, schedule"),
    ("AdaGrad", {"form": "deck"}, "Invalid form: 'deck'; choose one of mirror, dual"),
    ("FullAdaGrad", {"form": "2017"}, "Invalid form: '2017'; choose one of mirror, dual"),
    ("LARS", {"form": "dual"}, "Invalid form: 'dual'; choose one of 2017, deck"),
    ("LARS", {"momentum": 1.0}, r"Invalid momentum value: 1\.0; give one below 1"),
    ("LARS", {"trust_coefficient": -1}, "Invalid trust_coefficient value: -1"),
    ("Adafactor", {"eps": 1e-30}, r"Invalid epsilon value: 1e-30; give a pair \(eps1, eps2\)"),
    ("Adafactor", {"eps": (1e-30,)}, "give a pair"),
    ("Adafactor", {"eps": (None, 1e-3)}, "Invalid epsilon value: None"),
    ("Adafactor", {"eps": (1e-30, -1)}, "Invalid epsilon value: -1"),
    ("Adafactor", {"beta2_decay": 0.8}, r"Invalid beta2_decay value: 0\.8; .*not positive"),
    ("Adafactor", {"beta2_decay": "slow"}, "Invalid beta2_decay value: slow"),
    ("Adafactor", {"d": 0}, "Invalid d value: 0"),
    ("AMSGrad", {"betas": (0.9, 1.0)}, r"Invalid beta parameter at index 1: 1\.0"),
    ("LAMB", {"eps": -1}, "Invalid epsilon value: -1"),
    ("Sophia", {"rho": -1}, "Invalid rho value: -1"),
    ("Sophia", {"betas": 0.9}, "give a pair"),
]


@pytest.mark.parametrize(("name", "settings", "line"), OURS, ids=str)
def test_wrong_types_give_one_clear_line(name, settings, line):
    with pytest.raises(ValueError, match=line) as caught:
        getattr(optlab, name)(parameters(), **settings)
    assert "\n" not in str(caught.value)


def test_impossible_defaults_are_refused_even_if_every_group_overrides_them():
    with pytest.raises(ValueError, match="Invalid learning rate: -1"):
        optlab.Adam([{"params": parameters(), "lr": 0.1}], lr=-1)


@pytest.mark.parametrize(
    ("name", "settings", "line"),
    [
        ("Adam", {"amsgrad": True}, "Adam has no amsgrad: AMSGrad is another algorithm"),
        ("AdaGrad", {"lr_decay": 0.1}, "AdaGrad has no lr_decay: use a learning-rate scheduler"),
    ],
)
def test_a_group_may_not_ask_for_another_algorithm(name, settings, line):
    with pytest.raises(ValueError, match=line):
        getattr(optlab, name)([{"params": parameters(), **settings}])


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize(
    "params",
    [
        [],
        torch.zeros(3),
        [torch.zeros(3, requires_grad=True) * 2],
        [1.0],
        [{"params": []}, "group"],
    ],
    ids=["none", "a tensor", "not a leaf", "a number", "not a group"],
)
def test_what_are_no_parameters_is_refused_as_torch_does(name, params):
    errors = []
    for module in (optlab, torch.optim):
        given = params
        if isinstance(params, list):  # torch fills in the groups that it is given
            given = [{**x} if isinstance(x, dict) else x for x in params]
        with pytest.raises((ValueError, TypeError)) as caught:
            getattr(module, name if module is optlab else "SGD")(given)
        errors.append((caught.type, str(caught.value)))
    assert errors[0] == errors[1]


def test_a_parameter_in_two_groups_is_refused():
    (p,) = parameters([(3,)])
    with pytest.raises(ValueError, match="more than one parameter group"):
        optlab.SGD([{"params": [p]}, {"params": [p]}])


def test_torch_s_arguments_of_how_to_compute_are_not_ours():
    with pytest.raises(TypeError, match="foreach"):
        optlab.Adam(parameters(), foreach=True)


@pytest.mark.parametrize(
    ("name", "group"),
    [
        ("Adam", {"lr": 0.2, "betas": (0.5, 0.9), "weight_decay": 0.1}),
        ("SGD", {"momentum": 0.9, "nesterov": True, "maximize": True}),
    ],
)
def test_groups_keep_their_own_settings_also_when_added_later(name, group):
    runs = []
    for module in (optlab, torch.optim):
        params = parameters([(3,), (1200,), (2, 2)])
        groups = [{"params": [params[0]], **group}, {"params": [params[1]]}]
        optimizer = getattr(module, name)(groups, lr=0.05)
        train(optimizer, params, range(2))
        optimizer.add_param_group({"params": [params[2]], **group, "lr": 0.01})
        runs.append(train(optimizer, params, range(2, 5)))
    assert_alike(*runs)


@pytest.mark.parametrize("execution", ["plain", "foreach", "compiled"])
@pytest.mark.parametrize("kind", [np.float64, np.float32, np.int64, int])
def test_numbers_of_other_kinds_are_numbers(kind, execution):
    runs = []
    for lr in (kind(1), 1.0):
        params = parameters()
        optimizer = optlab.Adam(params, lr=lr, eps=kind(1), execution=execution)
        runs.append(train(optimizer, params, 2))
    assert_alike(*runs, rtol=0, atol=0)


@pytest.mark.parametrize("execution", ["plain", "foreach", "compiled"])
@pytest.mark.parametrize("requires_grad", [False, True])
def test_lr_may_become_a_tensor_and_change(execution, requires_grad):
    runs = []
    lr = torch.tensor([0.1], dtype=torch.float64, requires_grad=requires_grad)
    for second in (0.1, lr):
        params = parameters()
        optimizer = optlab.SGD(params, lr=0.3, momentum=0.9, execution=execution)
        train(optimizer, params, range(2))
        optimizer.param_groups[0]["lr"] = second
        train(optimizer, params, range(2, 4))
        if second is lr:
            with torch.no_grad():
                lr.fill_(0.05)
        else:
            optimizer.param_groups[0]["lr"] = 0.05
        runs.append(train(optimizer, params, range(4, 6)))
    assert_alike(*runs, rtol=0, atol=0)
    assert all(not p.grad_fn and p.is_leaf for p in runs[1])


@pytest.mark.parametrize("name", ["alpha", "delta", "eta", "eps1", "eps2", "beta2_decay"])
def test_an_entry_of_somebody_else_s_may_have_the_name_of_a_rule_s_number(name):
    (p,) = parameters([(3,)])
    optimizer = optlab.Adam([{"params": [p], name: -1.0}], lr=0.1)
    train(optimizer, [p], 2)
    assert optimizer.param_groups[0][name] == -1.0
