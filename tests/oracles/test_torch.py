"""Where torch.optim differs from the papers and from us. Verified with torch 2.13.0.

Where it agrees is in tests/optim/test_parity.py; its AMSGrad in tests/rules/test_amsgrad.py, its
warm restarts in tests/schedules/test_restarts.py.
"""

import torch
from sidebyside import apart, assert_same, run

import optlab

TINY = (1e-30, 1e-3)


def test_adafactor_is_ours_for_matrices_and_factors_the_last_two_dimensions_of_more():
    """Shazeer and Stern (2018) factor matrices. For a convolution of 3 × 3 torch keeps two thirds
    of all second moments; we, optax and timm factor the largest dimensions."""

    def theirs(p):
        return torch.optim.Adafactor(p, lr=0.1, eps=TINY)

    def ours(p):
        return optlab.Adafactor(p, lr=0.1)

    assert_same(run(ours, [(6, 4), (5,)]), run(theirs, [(6, 4), (5,)]))
    convolution = [(6, 4, 3, 3)]
    assert apart(run(ours, convolution), run(theirs, convolution)) > 0.01
    entries = {}
    for make in (ours, theirs):
        p = torch.nn.Parameter(torch.ones(64, 32, 3, 3))
        p.grad = torch.ones_like(p)
        optimizer = make([p])
        optimizer.step()
        state = optimizer.state[p]
        entries[make] = state["row_var"].numel() + state["col_var"].numel()
    assert entries == {ours: 9 * (64 + 32), theirs: 64 * 32 * (3 + 3)}


def test_adafactor_s_epsilon_is_a_floor_of_the_root_and_not_added_to_squares():
    """Shazeer and Stern (2018) average G² + ε₁. With gradients far below √ε₁ their step, and
    ours, is short; torch's floor of ε₁ under the root leaves it whole."""
    shapes, g = [(6, 4)], 1e-20
    still = run(lambda p: torch.optim.SGD(p, lr=0.0), shapes)

    def moved(make):
        return apart(run(make, shapes, scale=g), still)

    assert moved(lambda p: optlab.Adafactor(p, lr=0.1, eps=TINY)) < 1e-4
    assert moved(lambda p: torch.optim.Adafactor(p, lr=0.1, eps=TINY)) > 0.1


def test_adafactor_s_default_epsilon_is_that_of_the_first_parameter():
    """One bfloat16 parameter before it changes what a float32 parameter does. Ours are each
    for itself: tests/optim/test_adafactor_class.py."""
    ends = []
    for order in (1, -1):
        single = torch.nn.Parameter(torch.ones(4, 3))
        half = torch.nn.Parameter(torch.ones(4, 3, dtype=torch.bfloat16))
        optimizer = torch.optim.Adafactor([single, half][::order], lr=0.1)
        for p in (single, half):
            p.grad = torch.full_like(p, 1e-6)
        optimizer.step()
        ends.append(float((1 - single.detach()).max()))
    first, second = ends
    assert first > 10 * second > 0


def test_loading_in_one_process_shares_the_state():
    """Ours copies it: tests/optim/test_every.py."""
    p, q = (torch.nn.Parameter(torch.ones(3)) for _ in range(2))
    source, target = torch.optim.Adam([p]), torch.optim.Adam([q])
    p.grad = torch.ones(3)
    source.step()
    target.load_state_dict(source.state_dict())
    assert target.state[q]["exp_avg"] is source.state[p]["exp_avg"]
