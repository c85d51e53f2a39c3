"""Erratum (f), Algorithm 8: decay does not enter line 4, and lines 6 and 7 overwrite nothing."""

import math

import pytest
from walk import tensor, walk

from optlab.rules import lamb

SETTINGS = {"lr": 0.1, "beta1": 0.9, "beta2": 0.999, "eps": 0.0}


def printed(g, x, decay, m, v, t, *, overwrite):
    """Lines 4 to 9 for one number: the direction, and m and v as they are carried on."""
    m = 0.9 * m + (1 - 0.9) * (g + decay * x)
    v = 0.999 * v + (1 - 0.999) * g**2
    m_hat, v_hat = m / (1 - 0.9**t), v / (1 - 0.999**t)
    r = m_hat / math.sqrt(v_hat)
    return r + decay * x, *((m_hat, v_hat) if overwrite else (m, v))


def test_as_printed_decay_enters_twice():
    # One number's step is ±lr |x|, so the direction is read off two entries: that at x = 0 is 1.
    g, x, decay = 2.0, 3.0, 0.1
    p, _ = walk(lamb, tensor([x, 0.0]), [tensor([g, g])], **SETTINGS, weight_decay=decay)
    steps = tensor([x, 0.0]) - p
    corrected = (steps[0] / steps[1]).item()
    assert corrected == pytest.approx(1 + decay * x, rel=1e-12)
    wrong, _, _ = printed(g, x, decay, 0.0, 0.0, 1, overwrite=False)
    assert wrong - corrected == pytest.approx(decay * x / g, rel=1e-12)


def test_the_corrected_averages_of_a_constant_are_that_constant_only_if_not_overwritten():
    s, m, v = lamb.init(1.0), 0.0, 0.0
    overwritten, directions = [], []
    for t in range(1, 6):
        _, s = lamb(1.0, 1.0, s, t, **SETTINGS, weight_decay=0.0)
        assert s.m / (1 - 0.9**t) == pytest.approx(1, rel=1e-12)
        assert s.v / (1 - 0.999**t) == pytest.approx(1, rel=1e-12)
        r, m, v = printed(1.0, 0.0, 0.0, m, v, t, overwrite=True)
        overwritten.append(m)
        directions.append(r)
    assert overwritten == pytest.approx([1, 5.26, 17.8, 47.0, 103.5], rel=3e-3)
    assert directions == pytest.approx([1, 0.235, 0.0437, 0.00728, 0.00113], rel=5e-3)
