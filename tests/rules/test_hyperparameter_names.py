"""What a hyperparameter may be is said once: the optimizers and the grids go by it."""

import inspect
import math
from inspect import Parameter

import pytest
import torch

from optlab.explorer.optimizers import OPTIMIZERS
from optlab.grid.settings import configurations
from optlab.optim.made import make
from optlab.rules import Rule
from optlab.rules.names import NAMES, condition, in_words, label, meets
from optlab.symbolic.latex import LETTERS

VALUES = [-math.inf, -1.0, 0.0, 0.5, 1.0, 2.0, math.inf, math.nan]
# Of the values above, those that a condition lets pass.
RIGHT = {
    "finite": [-1.0, 0.0, 0.5, 1.0, 2.0],
    ">= 0": [0.0, 0.5, 1.0, 2.0],
    "> 0": [0.5, 1.0, 2.0],
    "<= 0": [-1.0, 0.0],
    "in [0, 1)": [0.0, 0.5],
}


def rule_with(name):
    """A rule with this hyperparameter beside lr."""

    def step(p, g, s, t, **hyper):
        """Nobody."""

    kinds = {"lr": 0.1, name: RIGHT[condition(name)][0]}
    step.__signature__ = inspect.Signature(
        [Parameter(k, Parameter.KEYWORD_ONLY, default=v) for k, v in kinds.items()]
    )
    return Rule(step, {}, optimizer="Any")


def refusal(take, *arguments, **settings):
    """The error, or nothing."""
    try:
        take(*arguments, **settings)
    except ValueError as error:
        return str(error)
    return ""


@pytest.mark.parametrize("name", [*NAMES, "beta", "beta3", "beta2_max", "gain"])
def test_optimizers_and_grids_take_and_refuse_the_same(name):
    rule = rule_with(name)
    cls = make(rule, __name__)
    called = {"lr": "learning rate", "eps": "epsilon"}.get(name, name)  # in torch's words
    for value in VALUES:
        right = value in RIGHT[condition(name)]
        assert meets(condition(name), value) == right
        alone = refusal(cls, [torch.nn.Parameter(torch.zeros(3))], **{name: value})
        in_grid = refusal(configurations, [rule], {name: value}, None, False, 1)
        if right:
            assert alone == in_grid == "", value
        else:
            assert alone.startswith(f"Invalid {called}"), value
            assert in_grid == f"{name} must be {in_words(condition(name))}; got {value}"


def test_a_name_that_is_not_known_is_judged_by_its_form():
    assert condition("beta3") == condition("beta") == "in [0, 1)"
    assert condition("beta2_max") == condition("gain") == "finite"
    assert in_words("in [0, 1)") == "at least 0 and less than 1"


def test_letters_and_labels_are_those_of_the_page():
    assert {name: LETTERS[name] for name in NAMES} == {k: x.letter for k, x in NAMES.items()}
    assert label("weight_decay") == "Weight decay λ"
    assert label("dampening") == "dampening"
    assert label("gain") == "gain"
    sliders = {x.name: x.label for choice in OPTIMIZERS.values() for x in choice.sliders}
    assert all(sliders[name].startswith(label(name)) for name in sliders.keys() & NAMES.keys())
