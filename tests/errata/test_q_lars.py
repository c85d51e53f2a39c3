"""Erratum (q), Algorithm 7: not the LARS of 2017, and its list of symbols.

"Printed" and "published" are two algorithms here: each keeps what the other does not.
"""

import pytest
from walk import assert_same, randn, tensor, walk

from optlab.rules import lars, lars_deck

W, G = randn(4, 3), randn(10, 4, 3, seed=1)
PUBLISHED = {"lr": 0.5, "momentum": 0.9, "trust_coefficient": 0.02}
PRINTED = {"lr": 0.01, "beta1": 0.9}


def relative_steps(rule, steps, **settings):
    """‖Δw‖ / ‖w‖ of each step, for a constant gradient at right angles to weights that are put
    back to where they were."""
    w, g = tensor([3.0, 4.0]), tensor([4.0, -3.0])
    s, sizes = rule.init(w), []
    for t in range(1, steps + 1):
        p, s = rule(w, g, s, t, weight_decay=0.0, **settings)
        sizes.append(((p - w).norm() / w.norm()).item())
    return sizes


def test_with_a_constant_gradient_the_printed_step_stays_and_that_of_2017_grows():
    printed = relative_steps(lars_deck, 50, lr=1e-3, beta1=0.9)
    assert printed == pytest.approx([1e-3] * 50, rel=1e-12)
    own = relative_steps(lars, 50, lr=1.0, momentum=0.9, trust_coefficient=1e-3)
    assert own == pytest.approx([0.001 * (1 - 0.9**t) / 0.1 for t in range(1, 51)], rel=1e-12)
    assert own[-1] == pytest.approx(0.0099, abs=5e-5)


def test_only_the_ratio_of_2017_is_that_of_the_raw_gradient():
    # ... so that the scale of a single gradient is no matter.
    louder = G.clone()
    louder[3] *= 100
    same = [walk(lars, W, g, **PUBLISHED, weight_decay=0.0)[0] for g in (G, louder)]
    assert_same(*same, rtol=1e-12)
    other = [walk(lars_deck, W, g, **PRINTED, weight_decay=0.0)[0] for g in (G, louder)]
    assert (other[0] - other[1]).abs().max() > 1e-3


def test_the_printed_algorithm_needs_the_decay_that_it_does_not_declare():
    without, little = (walk(lars_deck, W, G, **PRINTED, weight_decay=x)[0] for x in (0.0, 0.1))
    assert (without - little).abs().max() > 1e-3
    assert "eps" not in lars_deck.hyperparameters  # which it declares
    with pytest.raises(TypeError, match="weight_decay"):
        lars_deck(W, G[0], lars_deck.init(W), 1, **PRINTED)
