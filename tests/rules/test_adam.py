"""Adam's rule: two steps by hand, and what the paper says of it."""

import pytest
import torch

from optlab.rules import adam, with_l2

HYPER = {"lr": 0.1, "beta1": 0.5, "beta2": 0.75, "eps": 0.25}


def run(rule, p, gradients, **hyper):
    s = rule.init(p)
    for t, g in enumerate(gradients, start=1):
        p, s = rule(p, g, s, t, **hyper)
    return p, s


def test_first_step_by_hand():
    # m = 0.5 · 2 = 1, v = 0.25 · 4 = 1; m̂ = 1 / 0.5 = 2, v̂ = 1 / 0.25 = 4;
    # the step is 0.1 · 2 / (2 + 0.25).
    p, s = run(adam, 1.0, [2.0], **HYPER)
    assert (s.m, s.v) == (1.0, 1.0)
    assert p == pytest.approx(1 - 0.2 / 2.25, rel=1e-15)


def test_second_step_by_hand():
    # m = 0.5 · 1 - 0.5 · 1 = 0, then the same with g = -4: m = 0.5 - 2 = -1.5;
    # v = 0.75 + 0.25 · 16 = 4.75; m̂ = -1.5 / 0.75 = -2; v̂ = 4.75 / 0.4375.
    p, s = run(adam, 1.0, [2.0, -4.0], **HYPER)
    assert (s.m, s.v) == (-1.5, 4.75)
    v_hat = 10.857142857142858
    assert p == pytest.approx(1 - 0.2 / 2.25 + 0.2 / (v_hat**0.5 + 0.25), rel=1e-15)
    assert p == pytest.approx(0.9675283159133387, rel=1e-15)


def test_on_float64_tensors_it_is_the_same_arithmetic():
    gradients = [(2.0, 1e-3), (-4.0, 5.0)]
    p, s = run(
        adam,
        torch.tensor([1.0, -1.0], dtype=torch.float64),
        [torch.tensor(g, dtype=torch.float64) for g in gradients],
        **HYPER,
    )
    for i, start in enumerate((1.0, -1.0)):
        pi, si = run(adam, start, [g[i] for g in gradients], **HYPER)
        assert p[i].item() == pytest.approx(pi, rel=1e-15)
        assert (s.m[i].item(), s.v[i].item()) == (
            pytest.approx(si.m, rel=1e-15),
            pytest.approx(si.v, rel=1e-15),
        )


def test_it_changes_nothing_in_place():
    p, g = torch.ones(3), torch.ones(3)
    s = adam.init(p)
    adam(p, g, s, 1, **HYPER)
    assert torch.equal(p, torch.ones(3))
    assert torch.equal(g, torch.ones(3))
    assert torch.equal(s.m, torch.zeros(3))
    assert torch.equal(s.v, torch.zeros(3))


SCALES = torch.tensor([1e-3, 1.0, 1e3], dtype=torch.float64)
PLAIN = {"lr": 0.01, "beta1": 0.9, "beta2": 0.999, "eps": 0}


def rescaling_deviation(rule):
    """Largest change of the path, in units of lr, when each coordinate's gradient is rescaled."""
    torch.manual_seed(0)
    gradients = torch.randn(20, 3, dtype=torch.float64)
    start = torch.zeros(3, dtype=torch.float64)
    p, _ = run(rule, start, gradients, **PLAIN)
    q, _ = run(rule, start, gradients * SCALES, **PLAIN)
    return (p - q).abs().max().item() / PLAIN["lr"]


def test_published_adam_ignores_the_scale_of_each_coordinate():
    assert rescaling_deviation(adam) < 1e-12


def test_first_step_moves_every_coordinate_by_lr():
    g = torch.tensor([3.0, -0.004, 0.5], dtype=torch.float64)
    zero = torch.zeros(3, dtype=torch.float64)
    p, _ = run(adam, zero, [g], **PLAIN)
    torch.testing.assert_close(p / 0.01, -g.sign(), rtol=1e-12, atol=0)


def largest_step(t, beta1, beta2):
    """The largest |m̂/√v̂| that any t gradients give, and the gradients that give it.

    m̂ = Σ aᵢgᵢ and v̂ = Σ bᵢgᵢ² with weights a, b that sum to 1, so by Cauchy and
    Schwarz |m̂| ≤ √(Σ aᵢ²/bᵢ) √v̂, with equality for gᵢ = aᵢ/bᵢ.
    """
    age = torch.arange(t - 1, -1, -1, dtype=torch.float64)
    a = (1 - beta1) * beta1**age / (1 - beta1**t)
    b = (1 - beta2) * beta2**age / (1 - beta2**t)
    return (a**2 / b).sum().sqrt().item(), a / b


@pytest.mark.parametrize(("beta1", "beta2"), [(0.9, 0.999), (0.9, 0.99), (0.5, 0.6)])
@pytest.mark.parametrize("t", [1, 2, 10, 100])
def test_the_largest_step_is_that_of_cauchy_and_schwarz(beta1, beta2, t):
    hyper = {"lr": 1.0, "beta1": beta1, "beta2": beta2, "eps": 0}
    bound, worst = largest_step(t, beta1, beta2)
    torch.manual_seed(0)
    gradients = torch.randn(t, 200, dtype=torch.float64) ** 3
    gradients[:, 0] = worst
    before, s = run(adam, torch.zeros(200, dtype=torch.float64), gradients[:-1], **hyper)
    s = s if t > 1 else adam.init(before)
    after, _ = adam(before, gradients[-1], s, t, **hyper)
    steps = (after - before).abs()
    assert steps.max().item() <= bound * (1 + 1e-12)
    assert steps[0].item() == pytest.approx(bound, rel=1e-12)


def test_a_gradient_after_silence_makes_the_step_that_the_paper_bounds():
    # Section 2.1: (1 - β1)/√(1 - β2) in units of lr, where that is more than 1.
    gradients = [*[0.0] * 20_000, 1.0]
    hyper = {"lr": 1.0, "beta1": 0.9, "beta2": 0.999, "eps": 1e-300}
    before, s = run(adam, 0.0, gradients[:-1], **hyper)
    after, _ = adam(before, 1.0, s, len(gradients), **hyper)
    assert before == 0.0
    assert -after == pytest.approx(0.1 / 0.001**0.5, rel=1e-6)


def test_l2_is_the_gradient_of_the_penalized_loss():
    # loss f(p) + λ/2 p²: the gradient 2 at p = 1 becomes 2 + 3 · 1
    penalized, s = run(with_l2(adam), 1.0, [2.0], weight_decay=3.0, **HYPER)
    assert (penalized, s.m, s.v) == (run(adam, 1.0, [5.0], **HYPER)[0], 2.5, 6.25)


def test_l2_adds_one_hyperparameter_to_those_of_the_rule():
    assert set(with_l2(adam).hyperparameters) == {*adam.hyperparameters, "weight_decay"}
    assert with_l2(adam).name == "adam_l2"
    with pytest.raises(TypeError, match="lrr"):
        run(with_l2(adam), 1.0, [2.0], weight_decay=0.0, lrr=1, **HYPER)
