"""How the slow average of AdEMAMix grows: by hand, as its authors' code has it, and in a run."""

import math

import pytest
import torch

import optlab
from optlab import schedules


def authors_alpha(step, alpha_end, alpha_start=0, warmup=1):
    """`linear_warmup_scheduler` of apple/ml-ademamix, pytorch/ademamix.py at c3d73c0."""
    if step < warmup:
        a = step / float(warmup)
        return (1.0 - a) * alpha_start + a * alpha_end
    return alpha_end


def authors_beta3(step, beta_end, beta_start=0, warmup=1, eps=1e-8):
    """`linear_hl_warmup_scheduler` of the same file; its eps is added to both decay rates."""

    def f(beta):
        return math.log(0.5) / math.log(beta + eps) - 1

    def f_inv(t):
        return math.pow(0.5, 1 / (t + 1))

    if step < warmup:
        a = step / float(warmup)
        return f_inv((1.0 - a) * f(beta_start) + a * f(beta_end))
    return beta_end


def test_by_hand():
    assert [schedules.ademamix_alpha(4)(t) for t in range(5)] == [0.25, 0.5, 0.75, 1, 1]
    # From 1/2, whose half-life is 1, to 2^(-1/5): half-lives of 2, 3, 4 and 5.
    end = 2 ** (-1 / 5)
    beta3 = schedules.ademamix_beta3(4, beta1=0.5, beta3=end)
    found = [beta3(t) * end for t in range(6)]
    assert found == pytest.approx([2 ** (-1 / n) for n in (2, 3, 4, 5, 5, 5)], rel=1e-14)


@pytest.mark.parametrize("T", [1, 10, 1000])
def test_they_are_the_authors(T):
    """t counts the updates made, and their step is one more."""
    alpha, beta3 = schedules.ademamix_alpha(T), schedules.ademamix_beta3(T, 0.9, 0.9999)
    for t in range(0, 2 * T, max(1, T // 20)):
        assert 8 * alpha(t) == pytest.approx(authors_alpha(t + 1, 8, 0, T), rel=1e-13)
        exact = authors_beta3(t + 1, 0.9999, 0.9, T, eps=0)
        assert 0.9999 * beta3(t) == pytest.approx(exact, rel=1e-12)
        assert 0.9999 * beta3(t) == pytest.approx(authors_beta3(t + 1, 0.9999, 0.9, T), abs=3e-6)


def test_a_scheduler_gives_them_to_the_optimizer():
    p = torch.nn.Parameter(torch.zeros(3))
    optimizer = optlab.AdEMAMix([p], lr=0.1, betas=(0.8, 0.99), beta3=0.99, alpha=4.0)
    growing = {
        "lr": schedules.constant(),
        "alpha": schedules.ademamix_alpha(8),
        "beta3": schedules.ademamix_beta3(8, 0.8, 0.99),
    }
    scheduler = schedules.LRScheduler(optimizer, growing)
    seen = []
    for _ in range(10):
        group = optimizer.param_groups[0]
        seen.append((group["lr"], group["alpha"], group["beta3"]))
        p.grad = torch.ones(3)
        optimizer.step()
        scheduler.step()
    expected = [
        (0.1, authors_alpha(t, 4.0, 0, 8), authors_beta3(t, 0.99, 0.8, 8, eps=0))
        for t in range(1, 11)
    ]
    assert [x for row in seen for x in row] == pytest.approx(
        [x for row in expected for x in row], rel=1e-12
    )


def test_impossible_numbers_are_refused():
    with pytest.raises(ValueError, match=r"ademamix_beta3: beta3 must be in \(0, 1\); got 1"):
        schedules.ademamix_beta3(10, beta3=1)
    with pytest.raises(ValueError, match="ademamix_alpha: T must be > 0; got 0"):
        schedules.ademamix_alpha(0)
