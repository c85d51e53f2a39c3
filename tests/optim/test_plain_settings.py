"""Settings from NumPy, SymPy and the like, and settings that change on the way."""

import io
from decimal import Decimal
from enum import Enum, StrEnum
from fractions import Fraction

import numpy as np
import pytest
import sympy
import torch
from every import EVERY, NAMES, make, parameters_for
from torch.optim import lr_scheduler
from twins import assert_alike, parameters, train

import optlab
from optlab.optim.settings import plain


class Amount:
    """A number of some other library: it has a value as a float."""

    def __init__(self, value):
        self.value = value

    def __float__(self):
        return float(self.value)


NUMBERS = {
    "float64": np.float64,
    "float32": np.float32,
    "float16": np.float16,
    "longdouble": np.longdouble,
    "array": np.array,
    "fraction": Fraction,
    "decimal": Decimal,
    "sympy": lambda x: sympy.Rational(Fraction(x)),
    "sympy float": sympy.Float,
    "sympy expression": lambda x: sympy.Rational(Fraction(x)) * sympy.cos(1),
    "other": Amount,
}


def converted(settings, kind):
    """The settings, each number of them of another kind; and what these are as floats."""
    theirs, ours = {}, {}
    for key, value in settings.items():
        if isinstance(value, bool | str):
            theirs[key] = np.bool_(value) if isinstance(value, bool) else np.str_(value)
            ours[key] = value
        elif isinstance(value, tuple):
            theirs[key] = [kind(x) for x in value]
            ours[key] = tuple(float(x) for x in theirs[key])
        else:
            theirs[key] = kind(value)
            ours[key] = float(theirs[key])
    return theirs, ours


def saved_and_loaded(optimizer):
    file = io.BytesIO()
    torch.save(optimizer.state_dict(), file)
    file.seek(0)
    return torch.load(file)  # weights only, by default


def assert_plain(group):
    for key, value in group.items():
        if key not in ("params", "param_names"):
            for x in value if isinstance(value, tuple) else (value,):
                assert type(x) in (int, float, bool, str, tuple, type(None)), (key, value)


@pytest.mark.parametrize("place", ["constructor", "group", "later"])
@pytest.mark.parametrize("kind", NUMBERS)
@pytest.mark.parametrize("label", EVERY)
def test_numbers_of_other_libraries_are_kept_as_python_s(label, kind, place):
    name, settings = EVERY[label]
    cls = getattr(optlab, name)
    whole = {
        k: v
        for k, v in cls(parameters_for(name, shapes=[(1,)])).defaults.items()
        if k not in getattr(cls, "for_torch", {})
    }
    if "beta3" in whole:  # 0.9999 is 1 in float16, and refused
        whole["beta3"] = 0.99
    theirs, ours = converted({**whole, **settings, "execution": "plain"}, NUMBERS[kind])
    ends = []
    for given in (theirs, ours):
        params = parameters_for(label)[1:3]
        if place == "constructor":
            optimizer = cls(params, **given)
        elif place == "group":
            optimizer = cls([{"params": params, **given}])
        else:
            optimizer = cls(params, **settings)
            optimizer.param_groups[0].update(given)
        train(optimizer, params, 2)
        assert_plain(optimizer.param_groups[0])
        assert_plain(optimizer.defaults)
        saved_and_loaded(optimizer)
        ends.append(params)
    assert_alike(*ends, rtol=0, atol=0)


def test_whole_numbers_stay_whole():
    class Three(Enum):
        three = 3

    class Word(StrEnum):
        plain = "plain"

    for x in (3, np.int64(3), np.uint8(3), sympy.Integer(3), np.array(3)):
        assert type(plain(x)) is int
        assert plain(x) == 3
    assert plain(Three.three) is Three.three
    assert type(plain(Word.plain)) is str
    assert (plain(10**400), plain(np.bool_(True)), plain(None)) == (float("inf"), True, None)
    pair = (0.9, 0.99)
    assert plain(pair) is pair
    assert plain(np.array(pair)) == pair == plain([*pair])


@pytest.mark.parametrize(
    "lr",
    [
        np.float64(-1),
        Fraction(-1, 2),
        Decimal("-1"),
        Decimal("nan"),
        Decimal("sNaN"),
        Decimal("1e400"),
        sympy.Symbol("x"),
        sympy.oo,
        sympy.I,
        np.complex64(1),
        1j,
        np.array([0.1, 0.2]),
        10**400,
        np.float32("nan"),
        object(),
        [0.1],
        {"lr": 0.1},
        np.str_("0.1"),
        np.timedelta64(1, "s"),
    ],
    ids=lambda x: repr(x)[:20],
)
def test_what_is_no_rate_is_refused_in_one_line(lr):
    with pytest.raises(ValueError, match="Invalid learning rate: ") as caught:
        optlab.Adam(parameters([(3,)]), lr=lr)
    assert "\n" not in str(caught.value)
    optimizer = optlab.Adam(parameters([(3,)]))
    with pytest.raises(ValueError, match="Invalid learning rate: "):
        optimizer.add_param_group({"params": parameters([(4,)]), "lr": lr})
    assert len(optimizer.param_groups) == 1


@pytest.mark.parametrize(
    ("settings", "line"),
    [
        ({"lr": torch.tensor(1)}, r"Invalid learning rate: tensor\(1\); a tensor must be floating"),
        ({"lr": torch.tensor(True)}, "a tensor must be floating-point"),
        ({"lr": torch.tensor(1j)}, "a tensor must be floating-point"),
        ({"lr": torch.empty((), device="meta")}, "a tensor on the device meta has no value"),
        ({"lr": "0.1"}, "Invalid learning rate: '0.1'; give a number, not text"),
        ({"eps": torch.tensor(1e-8)}, "Invalid epsilon value: a tensor of .*; only lr may be"),
        ({"weight_decay": torch.tensor([0.5])}, "Invalid weight_decay value: a tensor of 0.5; onl"),
        ({"betas": (torch.tensor(0.5), 0.9)}, "beta parameter at index 0: a tensor of 0.5; only"),
        ({"betas": torch.tensor([[0.5], [0.9]])}, "Invalid betas: a tensor of many numbers"),
        ({"maximize": torch.tensor(True)}, "Invalid maximize value: a tensor of True"),
        ({"betas": np.ones((2, 2))}, r"Invalid beta parameter at index 0: \(1\.0, 1\.0\)"),
        ({"execution": ["plain"]}, "Invalid execution: .*choose one of"),
    ],
    ids=str,
)
def test_tensors_and_texts_that_look_right_are_refused_with_the_reason(settings, line):
    for give in (
        lambda: optlab.Adam(parameters([(3,)]), **settings),
        lambda: optlab.Adam([{"params": parameters([(3,)]), **settings}]),
    ):
        with pytest.raises(ValueError, match=line) as caught:
            give()
        assert "\n" not in str(caught.value)


@pytest.mark.parametrize("kind", [np.float64, np.float32, Fraction])
def test_what_schedules_set_is_saved_as_plain_numbers(kind):
    params = parameters()
    optimizer = optlab.SGD(params, lr=0.1, momentum=0.9)
    scheduler = lr_scheduler.LambdaLR(optimizer, lambda t: np.float64(1 / (t + 1)))
    train(optimizer, params, 1)
    scheduler.step()
    optimizer.param_groups[0].update(initial_lr=kind(0.5), momentum=kind(0.25), name=np.str_("x"))
    state = saved_and_loaded(optimizer)["param_groups"][0]
    assert (state["lr"], state["initial_lr"], state["momentum"]) == (0.05, 0.5, 0.25)
    assert state["name"] == "x"


IMPOSSIBLE = [
    ("SGD", {"lr": -1}),
    ("SGD", {"lr": float("nan")}),
    ("SGD", {"lr": torch.tensor(-0.5)}),
    ("SGD", {"lr": torch.tensor([0.5, 0.5])}),
    ("SGD", {"lr": torch.tensor(1)}),
    ("SGD", {"lr": None}),
    ("SGD", {"momentum": -1}),
    ("SGD", {"nesterov": True}),
    ("SGD", {"maximize": 0.0}),
    ("Adam", {"betas": (1.5, 0.9)}),
    ("Adam", {"betas": 0.9}),
    ("Adam", {"betas": None}),
    ("Adam", {"eps": -1e-8}),
    ("Adam", {"weight_decay": "0.1"}),
    ("Adam", {"amsgrad": True}),
    ("AdamW", {"decay_by": "eta"}),
    ("AdamW", {"decay_by": "schedule", "base_lr": "x"}),
    ("AdaGrad", {"form": "deck"}),
    ("AdaGrad", {"lr_decay": 0.1}),
    ("LARS", {"momentum": 1.0}),
    ("Adafactor", {"eps": 1e-3}),
    ("Adafactor", {"beta2_decay": 0.5}),
    ("Adafactor", {"d": 0}),
    ("Sophia", {"rho": -1}),
    ("Lion", {"betas": (0.9, 1.0)}),
    *((name, {"execution": "fast"}) for name in NAMES),
    *((name, {"nonfinite": "sikp"}) for name in NAMES),
    *((name, {"lr": -1}) for name in NAMES),
]


@pytest.mark.parametrize(("name", "settings"), IMPOSSIBLE, ids=str)
def test_settings_that_change_are_held_to_what_the_constructor_asks(name, settings):
    cls = getattr(optlab, name)
    with pytest.raises(ValueError, match=r".") as refused:
        cls([{"params": parameters_for(name, shapes=[(3,)]), **settings}])
    for before_any_step in (True, False):
        params = parameters_for(name, shapes=[(3,), (4, 2)])
        optimizer = cls([{"params": [p]} for p in params], lr=0.1)
        if not before_any_step:
            train(optimizer, params, 2)
        group = optimizer.param_groups[1]
        right = {k: group[k] for k in settings if k in group}
        group.update(settings)
        before = [x.clone() for p in params for x in (p.detach(), *optimizer.state[p].values())]
        for closure in (None, lambda: pytest.fail("the loss is calculated")):
            with pytest.raises(ValueError, match=r"\(parameter group 1\)$") as caught:
                optimizer.step(closure)
            said = str(caught.value)
            assert said == f"{refused.value} (parameter group 1)"
            assert "\n" not in said
        after = [x for p in params for x in (p.detach(), *optimizer.state[p].values())]
        assert_alike(after, before, rtol=0, atol=0)
        for key in settings:
            del group[key]
        group.update(right)
        train(optimizer, params, 1)


def test_of_one_group_the_words_are_the_constructor_s():
    params = parameters([(3,)])
    optimizer = optlab.Adam(params)
    optimizer.param_groups[0]["lr"] = -1
    with pytest.raises(ValueError, match=r"^Invalid learning rate: -1$"):
        train(optimizer, params, 1)
    del optimizer.param_groups[0]["lr"]
    with pytest.raises(ValueError, match="parameter group 0 has no lr any more: set it"):
        train(optimizer, params, 1)


def test_a_rate_in_a_tensor_that_turns_negative_is_noticed():
    params = parameters([(3,)])
    lr = torch.tensor(0.1)
    optimizer = optlab.SGD(params, lr=lr)
    train(optimizer, params, 1)
    for value in (-0.5, float("nan"), float("inf")):
        lr.fill_(value)
        with pytest.raises(ValueError, match="Invalid learning rate"):
            train(optimizer, params, 1)
    lr.fill_(0.5)
    train(optimizer, params, 1)


def test_a_list_of_settings_cannot_change_behind_the_optimizer_s_back():
    betas = [0.9, 0.99]
    optimizer = optlab.Adam(parameters([(3,)]), betas=betas)
    betas[0] = 1.5
    assert optimizer.param_groups[0]["betas"] == (0.9, 0.99)


def test_a_closure_may_change_settings_too():
    (p,) = params = parameters([(3,)])
    optimizer = optlab.SGD(params)
    before = p.detach().clone()

    def closure():
        p.grad = torch.ones_like(p)
        optimizer.param_groups[0]["lr"] = -1
        return 1.0

    with pytest.raises(ValueError, match="Invalid learning rate: -1"):
        optimizer.step(closure)
    assert torch.equal(p, before)


@pytest.mark.parametrize("label", EVERY)
def test_entries_named_like_a_rule_s_functions_are_not_for_the_rule(label):
    names = ("project", "prox", "phi", "p", "g", "s", "t", "finite")
    for value in (True, 7, None, lambda *_: 1 / 0):
        ends = []
        for extra in ({}, dict.fromkeys(names, value)):
            params = parameters_for(label)[1:3]
            optimizer = make(label, [{"params": params, **extra}], execution="foreach")
            train(optimizer, params, 2)
            assert all(optimizer.param_groups[0][k] is value for k in extra)
            ends.append(params)
        assert_alike(*ends, rtol=0, atol=0)


def test_a_subclass_may_set_a_rule_s_function():
    class Nonnegative(optlab.SGD):
        def hyperparameters(self, group, rule):
            values = super().hyperparameters(group, rule)
            return {**values, "project": lambda w, weights=None: w.clamp(min=0)}

    (p,) = params = parameters([(30,)])
    train(Nonnegative(params, lr=0.1, execution="plain"), params, 1)
    assert (p >= 0).all()


def test_decay_by_schedule_may_be_chosen_on_the_way():
    params = parameters()
    optimizer = optlab.AdamW(params, lr=0.1, weight_decay=0.1)
    train(optimizer, params, 1)
    optimizer.param_groups[0]["decay_by"] = "schedule"
    train(optimizer, params, 1)
    assert optimizer.param_groups[0]["base_lr"] == 0.1
