"""What counts as rounding when a run in a grid is compared with one alone."""

import pytest
import torch

from optlab.grid.alone import Trial
from optlab.grid.checks import difference


def trial(loss=1.0, dtype=torch.float64, outputs=(), **grads):
    found = {name: None if g is None else torch.tensor(g, dtype=dtype) for name, g in grads.items()}
    return Trial([torch.tensor(loss, dtype=dtype)], [found], [torch.tensor(x) for x in outputs])


@pytest.mark.parametrize(("dtype", "noise"), [(torch.float64, 1e-9), (torch.float32, 1e-6)])
def test_a_gradient_that_is_zero_but_for_rounding_is_no_difference(dtype, noise):
    """As that of a bias before a normalization: what is left of it has another sign each time."""
    alone = trial(dtype=dtype, weight=[1.0, -2.0], bias=[noise, -noise])
    assert difference(alone, [trial(dtype=dtype, weight=[1.0, -2.0], bias=[-noise, noise])]) is None


@pytest.mark.parametrize(("dtype", "change"), [(torch.float64, 1e-5), (torch.float32, 1e-2)])
def test_a_gradient_that_changes_is_one(dtype, change):
    alone = trial(dtype=dtype, weight=[1.0, -2.0], bias=[0.0, 0.0])
    other = trial(dtype=dtype, weight=[1.0, -2.0], bias=[0.0, change])
    assert difference(alone, [alone, other]) == "the gradient of bias"


def test_losses_missing_gradients_and_outputs_are_compared():
    alone = trial(weight=[1.0], outputs=[[0.5, 0.5]])
    assert difference(alone, [alone]) is None
    assert difference(alone, [trial(loss=1.001, weight=[1.0])]) == "the loss"
    assert difference(trial(weight=[1.0]), [trial(weight=None)]) == "the gradient of weight"
    assert difference(trial(weight=None), [trial(weight=[0.0])]) is None
    other = trial(weight=[1.0], outputs=[[0.5, 0.6]])
    assert difference(alone, [other]) == "the output in evaluation"
    nan = trial(weight=[float("nan")])
    assert difference(nan, [nan]) is None
    assert difference(nan, [trial(weight=[1.0])]) == "the gradient of weight"
