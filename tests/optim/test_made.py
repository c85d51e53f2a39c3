"""Optimizers that are made of a rule alone: their arguments, what they refuse, and what is refused
to be made."""

import inspect
import pickle
from typing import get_type_hints

import pytest
import torch
from torch.optim.optimizer import ParamsT
from twins import parameters

import optlab
from optlab.ops import zero_rows, zeros_like
from optlab.optim.made import MadeOptimizer, make, make_all
from optlab.rules import adam, rule, with_decay, with_l2
from optlab.rules.gradient_descent import everywhere


@rule("Odd", m=zeros_like)
def odd(p, g, s, t, *, lr=0.1, beta3=0.5, gain=-1.0, bold=False, project=everywhere):
    """Someone (2026), Algorithm 1.

    More.
    """
    raise AssertionError("not to be run")


Odd = make(odd, __name__)


def test_the_arguments_are_the_rule_s_and_those_of_all():
    assert (
        str(inspect.signature(optlab.Lion))
        .partition(", lr")[2]
        .startswith(
            ": 'float | torch.Tensor' = 0.0001, betas: 'tuple[float, float]' = (0.9, 0.99), "
            "weight_decay: 'float' = 0.0, *, maximize: 'bool' = False, "
        )
    )
    assert list(inspect.signature(Odd).parameters)[1:5] == ["lr", "beta3", "gain", "bold"]
    assert "project" not in inspect.signature(Odd).parameters
    hints = get_type_hints(Odd.__init__)
    assert (hints["lr"], hints["bold"], hints["params"]) == (float | torch.Tensor, bool, ParamsT)
    assert inspect.getdoc(Odd).startswith("Odd, Someone (2026), Algorithm 1: `optlab.rules.odd`.\n")
    params = parameters([(3,)])
    with pytest.raises(TypeError, match="foreach"):
        optlab.Lion(params, foreach=True)
    with pytest.raises(TypeError, match="params"):
        optlab.Lion()
    (group,) = optlab.Lion(params, 0.5, (0.1, 0.2), weight_decay=0.3).param_groups
    assert (group["lr"], group["betas"], group["weight_decay"]) == (0.5, (0.1, 0.2), 0.3)


@pytest.mark.parametrize(
    ("settings", "line"),
    [
        ({"lr": -1}, "Invalid learning rate: -1"),
        ({"beta3": 1.0}, r"Invalid beta3 value: 1\.0"),
        ({"gain": float("inf")}, "Invalid gain value: inf"),
        ({"gain": "large"}, "Invalid gain value: large"),
        ({"bold": 1}, "Invalid bold value: 1"),
        ({"execution": "fast"}, "choose one of auto"),
    ],
    ids=str,
)
def test_impossible_settings_are_refused_in_one_line(settings, line):
    with pytest.raises(ValueError, match=line) as caught:
        Odd(parameters([(3,)]), **settings)
    assert "\n" not in str(caught.value)


def test_its_groups_are_held_to_the_same():
    with pytest.raises(ValueError, match="Invalid beta parameter at index 1: 1"):
        optlab.Lion([{"params": parameters([(3,)]), "betas": (0.9, 1.0)}])


def test_the_class_is_found_by_its_name():
    again = pickle.loads(pickle.dumps(optlab.Lion))  # noqa: S301 - made here
    assert again is optlab.Lion is optlab.optim.Lion
    assert repr(optlab.Lion(parameters([(3,)]))).startswith("Lion (")


def test_a_rule_without_all_defaults_or_of_matrices_makes_no_optimizer():
    @rule("Open", m=zeros_like)
    def unset(p, g, s, t, *, beta1, gain=1.0):
        """Nobody."""

    @rule("Rows", R=zero_rows)
    def rows(p, g, s, t, *, lr=0.1):
        """Nobody."""

    @rule("Newton", estimated="h", h=zeros_like)
    def newton(p, g, s, t, *, lr=0.1):
        """Nobody."""

    with pytest.raises(ValueError, match="no default for lr, beta1: give one in the rule"):
        make(unset, __name__)
    with pytest.raises(ValueError, match=r"rows keeps rows, .*: write the class Rows"):
        make(rows, __name__)
    with pytest.raises(ValueError, match=r"newton is given estimates .*: write the class Newton"):
        make(newton, __name__)


def test_no_rule_takes_the_name_of_another_optimizer():
    @rule("Odd")
    def odder(p, g, s, t, *, lr=0.1):
        """Nobody."""

    @rule("Adam")
    def another(p, g, s, t, *, lr=0.1):
        """Nobody."""

    assert set(make_all([odd, adam, "no rule"], [optlab.Adam], __name__)) == {"Odd"}
    with pytest.raises(ValueError, match="odder names an optimizer Odd, which there is already"):
        make_all([odd, odder], [optlab.Adam], __name__)
    with pytest.raises(ValueError, match="another names an optimizer Adam, which there is al"):
        make_all([another], [optlab.Adam], __name__)


def test_one_step_by_hand():
    (p,) = params = [torch.nn.Parameter(torch.tensor([1.0, -2.0, 0.0], dtype=torch.float64))]
    optimizer = optlab.Lion(params, lr=0.5, weight_decay=0.1)
    p.grad = torch.tensor([3.0, -0.01, 0.0], dtype=torch.float64)
    optimizer.step()
    assert p.tolist() == pytest.approx([1 - 0.5 * 1.1, -2 + 0.5 * 1.2, 0], rel=1e-15)


@pytest.mark.parametrize("name", ["maximize", "bold"])
@pytest.mark.parametrize("value", [1, "no", None])
def test_what_is_true_or_false_is_nothing_else_whatever_the_default(name, value):
    line = f"Invalid {name} value: {value}; give True or False"
    with pytest.raises(ValueError, match=line):
        Odd(parameters([(3,)]), **{name: value})
    with pytest.raises(ValueError, match=line):
        Odd([{"params": parameters([(3,)]), name: value}])


def test_a_rule_names_its_class_and_defaults_and_asks_for_them_itself():
    @rule(m=zeros_like)
    def late(p, g, s, t, *, lr, beta1, bold=False):
        """Nobody."""

    with pytest.raises(ValueError, match="late has no beta3"):
        late.makes("Late", lr=0.1, beta3=0.2)
    assert late.optimizer is None
    late.makes("Late", lr=0.1, beta1=0.2)
    assert late.optimizer == "Late"
    assert late.defaults == {"lr": 0.1, "beta1": 0.2, "bold": False}
    empty = inspect.Parameter.empty
    assert late.hyperparameters == {"lr": empty, "beta1": empty, "bold": False}
    (group,) = make(late, __name__)(parameters([(3,)])).param_groups
    assert (group["lr"], group["beta1"], group["bold"]) == (0.1, 0.2, False)


@pytest.mark.parametrize(("decay", "by"), [("l2", with_l2), ("decoupled", with_decay)])
def test_weight_decay_is_added_to_a_rule_that_has_none(decay, by):
    kind = type("Decayed", (MadeOptimizer,), {"of": adam, "decay": decay, "__doc__": "Adam."})
    hyper = {"lr": 0.1, "beta1": 0.9, "beta2": 0.999, "eps": 1e-8}
    for weight_decay, rule_then in ((0, adam), (0.3, by(adam))):
        (p,) = params = [torch.nn.Parameter(torch.tensor([1.0, -2.0], dtype=torch.float64))]
        optimizer = kind(params, lr=0.1, weight_decay=weight_decay)
        given = hyper | ({"weight_decay": weight_decay} if weight_decay else {})
        theirs, state = p.detach().clone(), adam.init(p.detach())
        for t in (1, 2, 3):
            p.grad = torch.tensor([3.0, -0.01], dtype=torch.float64) * t
            optimizer.step()
            theirs, state = rule_then(theirs, p.grad, state, t, **given)
        assert p.tolist() == pytest.approx(theirs.tolist(), rel=1e-14)
    # A rule that has it already keeps its own.
    lion = type("Own", (MadeOptimizer,), {"of": optlab.rules.lion, "decay": decay})
    (group,) = lion(parameters([(3,)]), weight_decay=0.2).param_groups
    assert lion(parameters([(3,)])).decayed(lion.of, group) is optlab.rules.lion


def test_documentation_is_the_class_s_where_it_says_something():
    body = {
        "of": adam,
        "__doc__": "Mine.\n\n    Args:\n        eps: mine,\n            in two lines.\n",
    }
    said = type("Mine", (MadeOptimizer,), dict(body)).__doc__
    assert "    eps: mine,\n        in two lines.\n    maximize: ascend" in said
    assert "    lr: learning rate, a number ≥ 0 or a 1-element tensor.\n    betas: " in said
    body["__doc__"] = "Mine.\n\n    Args:\n        epsilon: no such.\n"
    with pytest.raises(ValueError, match="documentation of Mine has epsilon under Args"):
        type("Mine", (MadeOptimizer,), body)


def test_a_subclass_may_have_a_constructor_of_its_own():
    class Slow(optlab.Adam):
        def __init__(self, params, factor):
            super().__init__(params, lr=0.1 * factor)

    class Deep(Slow):
        pass

    assert Deep(parameters([(3,)]), 0.5).defaults["lr"] == 0.05
    assert str(inspect.signature(Deep)) == "(params, factor)"
    assert inspect.signature(optlab.Adam).parameters["lr"].default == 1e-3


def test_functions_cannot_be_given():
    with pytest.raises(TypeError, match=r"Odd.__init__\(\) got an unexpected .* 'project'"):
        Odd(parameters([(3,)]), project=everywhere)


def test_decay_that_no_one_would_take_is_refused():
    params = parameters([(3,), (2,)])
    groups = [{"params": params[:1], "weight_decay": 0.0}, {"params": params[1:]}]
    optimizer = Odd(groups)
    with pytest.raises(ValueError, match="Odd has no weight_decay: leave it out of the groups"):
        Odd([{"params": params[:1]}, {"params": params[1:], "weight_decay": 0.01}])
    with pytest.raises(ValueError, match="Odd has no weight_decay"):
        optimizer.add_param_group({"params": parameters([(4,)]), "weight_decay": 0.01})
    assert len(optimizer.param_groups) == 2
    optlab.Lion([{"params": params, "weight_decay": 0.01}])
