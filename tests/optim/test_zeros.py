"""Zero gradients and zero weights: nothing is divided by zero, and what should rest rests."""

import pytest
import torch
from every import EXECUTED, make, parameters_for


def zeros_for(label):
    params = parameters_for(label)
    with torch.no_grad():
        for p in params:
            p.zero_()
    return params


def give(params, value):
    for p in params:
        p.grad = torch.full_like(p, value)


@pytest.mark.parametrize(("label", "execution"), EXECUTED)
def test_without_gradient_weights_rest_or_shrink_towards_zero(label, execution):
    params = parameters_for(label)
    start = [p.detach().clone() for p in params]
    optimizer = make(label, params, execution=execution)
    for _ in range(3):
        give(params, 0.0)
        optimizer.step()
    if optimizer.param_groups[0].get("weight_decay"):
        assert any((p != x).any() for p, x in zip(params, start, strict=True))
    else:
        assert all(torch.equal(p, x) for p, x in zip(params, start, strict=True))
    assert all(torch.isfinite(p).all() for p in params)


@pytest.mark.parametrize(("label", "execution"), EXECUTED)
def test_weights_of_zero_rest_without_gradient_and_move_with_one(label, execution):
    params = zeros_for(label)
    optimizer = make(label, params, execution=execution)
    give(params, 0.0)
    optimizer.step()
    assert not any(p.any() for p in params)
    for _ in range(2):
        give(params, 0.5)
        optimizer.step()
    for p in params:
        assert torch.isfinite(p).all()
        assert (p < 0).all()
