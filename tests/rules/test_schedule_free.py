"""Schedule-free AdamW: by hand, its three sequences written out, and what the average weighs."""

import pytest
import torch
from walk import assert_same, path, randn, tensor, walk

from optlab.rules import State, adam, schedule_free, with_decay

PLAIN = {"lr": 0.1, "beta1": 0.8, "beta2": 0.9, "eps": 1e-3, "weight_decay": 0.3}
X, G = randn(4, 3), randn(12, 4, 3, seed=1)


def written_out(start, gradients, lr, beta1, beta2, eps, weight_decay, warmup_steps):
    """x, y and z by Algorithm 1, with the weight of each step in the average summed up; v is
    corrected for its bias, and the weights have no correction. The last y, and all x."""
    x, z, v, total, averages = start, start, 0 * start, 0.0, []
    y = start
    for t, g in enumerate(gradients, start=1):
        v = beta2 * v + (1 - beta2) * g**2
        gamma = lr * min(1, t / warmup_steps) if warmup_steps else lr
        z = z - gamma * g / ((v / (1 - beta2**t)).sqrt() + eps) - gamma * weight_decay * y
        total += gamma**2
        c = gamma**2 / total
        x = (1 - c) * x + c * z
        y = (1 - beta1) * z + beta1 * x
        averages.append(x)
    return y, z, averages


def test_two_steps_by_hand():
    settings = {"lr": 0.5, "beta1": 0.5, "beta2": 0.75, "eps": 0.0, "weight_decay": 0.1}
    y, s = walk(schedule_free, 1.0, [2.0], **settings, warmup_steps=0)
    # v̂ = g², so that the step is one of sign; the first average is all z.
    z1 = 1 - 0.5 * (1 + 0.1)
    assert (y, s.z, s.v) == pytest.approx((z1, z1, 1.0), rel=1e-15)
    y, s = walk(schedule_free, 1.0, [2.0, -4.0], **settings, warmup_steps=0)
    v_hat = (0.75 + 4) / (1 - 0.75**2)
    z2 = z1 - 0.5 * (-4 / v_hat**0.5 + 0.1 * z1)
    x2 = (z1 + z2) / 2
    assert (y, s.z) == pytest.approx((0.5 * z2 + 0.5 * x2, z2), rel=1e-14)


@pytest.mark.parametrize("warmup_steps", [0, 1, 2, 5, 40])
def test_it_is_the_algorithm_with_its_sums_written_out(warmup_steps):
    y, z, averages = written_out(X, G, **PLAIN, warmup_steps=warmup_steps)
    found, s = walk(schedule_free, X, G, **PLAIN, warmup_steps=warmup_steps)
    assert_same(found, y, rtol=1e-12)
    assert_same(s.z, z, rtol=1e-12)
    assert_same((found - 0.2 * s.z) / 0.8, averages[-1], rtol=1e-12)  # x is not kept


def test_without_warm_up_x_is_the_mean_of_all_z():
    zs, s, y = [], schedule_free.init(X), X
    for t, g in enumerate(G, start=1):
        y, s = schedule_free(y, g, s, t, **PLAIN, warmup_steps=0)
        zs.append(s.z)
    assert_same((y - 0.2 * s.z) / 0.8, torch.stack(zs).mean(0), rtol=1e-12)


def test_without_interpolation_z_takes_the_steps_of_adamw_without_momentum():
    """With β1 = 0 gradients are taken at z."""
    settings = {**PLAIN, "beta1": 0.0}
    y, s = walk(schedule_free, X, G, **settings, warmup_steps=0)
    assert_same(y, s.z)
    assert_same(y, walk(with_decay(adam), X, G, **settings)[0])


def test_the_rate_does_not_change_the_weights_of_the_average():
    """As in the authors' code, in which a rate that falls leaves them as they are."""
    s, y, zs = schedule_free.init(X), X, []
    for t, g in enumerate(G, start=1):
        y, s = schedule_free(y, g, s, t, **{**PLAIN, "lr": 0.1 / t}, warmup_steps=0)
        zs.append(s.z)
    assert_same((y - 0.2 * s.z) / 0.8, torch.stack(zs).mean(0), rtol=1e-12)


def test_the_defaults_are_the_authors():
    assert schedule_free.defaults == {
        "lr": 2.5e-3,
        "beta1": 0.9,
        "beta2": 0.999,
        "eps": 1e-8,
        "weight_decay": 0.0,
        "warmup_steps": 0,
    }


def test_numbers_and_tensors_agree():
    assert schedule_free.init(2.0) == State(z=2.0, v=0)
    on_numbers = path(schedule_free, -2.0, [1.0, -3.0, 0.5, 0.0], **PLAIN, warmup_steps=2)
    gradients = tensor([[1.0], [-3.0], [0.5], [0.0]])
    on_tensors = path(schedule_free, tensor([-2.0]), gradients, **PLAIN, warmup_steps=2)
    assert_same(torch.cat(on_tensors), on_numbers)
