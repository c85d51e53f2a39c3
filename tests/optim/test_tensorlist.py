"""A list of tensors behaves as each of its tensors does."""

import operator

import pytest
import torch
from twins import assert_alike, parameters

from optlab import ops
from optlab.optim.tensorlist import TensorList

OPERATIONS = [operator.add, operator.sub, operator.mul, operator.truediv]
LEFT = [p.detach() for p in parameters()]
RIGHT = [torch.cos(x) + 2 for x in LEFT]


@pytest.mark.parametrize("op", OPERATIONS)
def test_arithmetic_of_two_lists_is_elementwise(op):
    expected = [op(a, b) for a, b in zip(LEFT, RIGHT, strict=True)]
    assert_alike(op(TensorList(LEFT), TensorList(RIGHT)).tensors, expected, rtol=0, atol=0)


@pytest.mark.parametrize("op", OPERATIONS)
@pytest.mark.parametrize("number", [3, 0.7, torch.tensor(0.7, dtype=torch.float64)], ids=repr)
def test_arithmetic_with_a_number_on_either_side(op, number):
    assert_alike(op(TensorList(RIGHT), number).tensors, [op(x, number) for x in RIGHT])
    assert_alike(op(number, TensorList(RIGHT)).tensors, [op(number, x) for x in RIGHT])


def test_powers_signs_and_roots():
    xs = TensorList(RIGHT)
    assert_alike((xs**2).tensors, [x**2 for x in RIGHT], rtol=0, atol=0)
    assert_alike((xs**3).tensors, [x**3 for x in RIGHT])
    assert_alike((xs**-0.5).tensors, [x**-0.5 for x in RIGHT])
    assert_alike((-xs).tensors, [-x for x in RIGHT], rtol=0, atol=0)
    assert_alike(ops.sqrt(xs).tensors, [x.sqrt() for x in RIGHT], rtol=0, atol=0)
    assert_alike(ops.zeros_like(xs).tensors, [0 * x for x in RIGHT], rtol=0, atol=0)


def test_only_copy_writes_in_place():
    xs = TensorList([x.clone() for x in LEFT])
    copies = xs.clone()
    _ = -(xs + xs * 2 - 1) / (ops.sqrt(xs * xs) + 1)
    assert_alike(xs.tensors, LEFT, rtol=0, atol=0)
    xs.copy_(TensorList(RIGHT))
    assert_alike(xs.tensors, RIGHT, rtol=0, atol=0)
    assert_alike(copies.tensors, LEFT, rtol=0, atol=0)
