"""A list of tensors behaves as each of its tensors does."""

import operator

import pytest
import torch
from twins import assert_alike, parameters

from optlab import ops
from optlab.optim.execution import Batch, foreach
from optlab.optim.tensorlist import TensorList
from optlab.rules import Rule, State

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


@pytest.mark.parametrize("dtypes", [[torch.float32], [torch.float32, torch.float64]], ids=str)
@pytest.mark.parametrize("shape", [(), (3,)])
def test_ratios_are_those_of_each_pair(shape, dtypes):
    values = [0.3, 0.0, 7.1, -1.0, 2.0, float("inf"), float("nan")]
    pairs = [
        (torch.full(shape, a, dtype=dtypes[0]), torch.full(shape, b, dtype=dtypes[-1]))
        for a in values
        for b in values
    ]
    left, right = ([*xs] for xs in zip(*pairs, strict=True))
    expected = [ops.ratio(a, b) for a, b in pairs]
    found = ops.ratio(TensorList(left), TensorList(right)).tensors
    torch.testing.assert_close(found, expected, rtol=0, atol=0, equal_nan=True)
    halves = ops.ratio(0.5, TensorList(right)).tensors
    torch.testing.assert_close(halves, [ops.ratio(0.5, b) for b in right], rtol=0, atol=0)


def test_only_copy_writes_in_place():
    xs = TensorList([x.clone() for x in LEFT])
    copies = xs.clone()
    _ = -(xs + xs * 2 - 1) / (ops.sqrt(xs * xs) + 1)
    assert_alike(xs.tensors, LEFT, rtol=0, atol=0)
    xs.copy_(TensorList(RIGHT))
    assert_alike(xs.tensors, RIGHT, rtol=0, atol=0)
    assert_alike(copies.tensors, LEFT, rtol=0, atol=0)


@pytest.mark.parametrize("op", OPERATIONS)
@pytest.mark.parametrize(("a", "b"), [(3.0, 1), (1, -0.5), (-0.5, 3.0)])
def test_a_factor_is_kept_and_taken_into_the_next_operation(op, a, b):
    expected = [op(a * x, b * y) for x, y in zip(LEFT, RIGHT, strict=True)]
    assert_alike(op(a * TensorList(LEFT), TensorList(RIGHT) * b).tensors, expected)
    assert_alike((-(TensorList(LEFT) * a) / 7).tensors, [-(x * a) / 7 for x in LEFT])
    assert_alike(op(2.0, a * TensorList(RIGHT)).tensors, [op(2.0, a * x) for x in RIGHT])
    assert_alike(((a * TensorList(RIGHT)) ** 2).tensors, [(a * x) ** 2 for x in RIGHT])


def test_a_number_of_zero_divides_as_in_torch():
    assert (TensorList(RIGHT) / 0).tensors[0].isinf().all()


def test_what_is_a_multiple_of_an_old_value_is_computed_before_that_is_overwritten():
    def shift(p, g, s, t, *, lr):
        return p - lr * g, State(old=2 * p)

    rule = Rule(shift, {"old": torch.zeros_like})
    p, g, old = torch.tensor([1.0]), torch.tensor([1.0]), torch.zeros(1)
    foreach(Batch(rule, 1, {"lr": 0.5}, [p], [g], {"old": [old]}, None))
    assert (p.item(), old.item()) == (0.5, 2.0)


@pytest.mark.parametrize(
    "asks",
    [lambda x: x.T, lambda x: x.shape, lambda x: x > 0, lambda x: 1 if x else 0, lambda x: x <= 1],
)
def test_what_a_list_does_not_have_names_what_has_it(asks):
    with pytest.raises((AttributeError, TypeError), match=r"optlab\.ops: see CONTRIBUTING"):
        asks(TensorList(LEFT))
