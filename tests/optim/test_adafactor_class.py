"""Which dimensions Adafactor factors, and that their order does not matter."""

import itertools

import pytest
import torch
from twins import assert_alike, give_gradients, parameters, train

import optlab
from optlab.rules import adafactor

HYPER = {"lr": 0.1, "beta2_decay": -0.8, "eps1": 1e-30, "eps2": 1e-3, "d": 1.0}


def sizes(p, optimizer):
    return {k: tuple(v.shape) for k, v in optimizer.state[p].items()}


@pytest.mark.parametrize(
    ("shape", "row", "column"),
    [
        ((6, 4), (6, 1), (1, 4)),
        ((1, 4), (1, 1), (1, 4)),
        ((64, 32, 3, 3), (3, 3, 64, 1), (3, 3, 1, 32)),
        ((3, 3, 32, 64), (3, 3, 32, 1), (3, 3, 1, 64)),
        ((5, 2, 7), (2, 5, 1), (2, 1, 7)),
        ((4, 4, 4), (4, 4, 1), (4, 1, 4)),
    ],
)
def test_the_two_largest_dimensions_are_factored(shape, row, column):
    params = parameters([shape])
    optimizer = optlab.Adafactor(params)
    train(optimizer, params, 1)
    assert sizes(params[0], optimizer) == {"step": (), "row_var": row, "col_var": column}


@pytest.mark.parametrize("shape", [(7,), (), (0,)])
def test_vectors_and_numbers_keep_all_squares(shape):
    params = parameters([shape])
    optimizer = optlab.Adafactor(params)
    train(optimizer, params, 1)
    assert sizes(params[0], optimizer) == {"step": (), "variance": shape}


@pytest.mark.parametrize("shape", [(0, 3), (3, 0), (2, 0, 4)])
@pytest.mark.filterwarnings("error")
def test_matrices_without_entries_are_no_hindrance(shape):
    params = parameters([shape, (4, 3)])
    alone = parameters([(0,), (4, 3)])[1:]
    optimizer, reference = optlab.Adafactor(params), optlab.Adafactor(alone)
    for step in range(3):
        give_gradients(params, step)
        alone[0].grad = params[1].grad.clone()
        optimizer.step()
        reference.step()
    assert_alike(params[1:], alone, rtol=0, atol=0)


@pytest.mark.parametrize("execution", ["plain", "foreach"])
@pytest.mark.parametrize("order", list(itertools.permutations(range(3)))[1:], ids=str)
def test_permuting_the_dimensions_permutes_the_update(order, execution):
    (p,) = parameters([(5, 2, 7)])
    q = torch.nn.Parameter(p.detach().permute(order).contiguous())
    options = {"lr": 0.1, "weight_decay": 0.1, "execution": execution}
    straight, turned = optlab.Adafactor([p], **options), optlab.Adafactor([q], **options)
    for step in range(4):
        give_gradients([p], step)
        q.grad = p.grad.permute(order).contiguous()
        straight.step()
        turned.step()
    assert_alike([q], [p.permute(order)])


def test_a_transposed_matrix_gets_the_transposed_update():
    (p,) = parameters([(9, 4)])
    q = torch.nn.Parameter(p.detach().T.contiguous())
    straight, turned = optlab.Adafactor([p]), optlab.Adafactor([q])
    for step in range(4):
        give_gradients([p], step)
        q.grad = p.grad.T.contiguous()
        straight.step()
        turned.step()
    assert_alike([q], [p.T])


def test_a_convolution_is_the_rule_on_its_rearranged_weights():
    (p,) = parameters([(6, 4, 3, 2)])
    x = p.detach().permute(2, 3, 0, 1).clone()
    s = adafactor.init(x)
    optimizer = optlab.Adafactor([p], lr=0.1)
    for step in range(3):
        train(optimizer, [p], [step])
        x, s = adafactor(x, p.grad.permute(2, 3, 0, 1), s, step + 1, **HYPER)
    assert_alike([p.permute(2, 3, 0, 1)], [x])


def test_a_mixed_model_does_not_depend_on_the_order_of_its_dtypes():
    """torch.optim.Adafactor takes the epsilon of the first parameter's dtype for all."""
    runs = []
    for order in (1, -1):
        single = parameters([(4, 3)], torch.float32)
        half = parameters([(4, 3)], torch.bfloat16)
        params = [*single, *half][::order]
        optimizer = optlab.Adafactor(params, lr=0.1)
        for step in range(3):
            for p in params:
                give_gradients([p], step)
                p.grad *= 1e-6  # where that epsilon would matter
            optimizer.step()
        runs.append([*single, *half])
    assert_alike(*runs, rtol=0, atol=0)
