"""Erratum (n), Algorithm 1: the rate has an index, and the set must be declared."""

import math

import pytest
from walk import tensor

from optlab import online
from optlab.rules import gradient_descent

T, G, D = 6400, 1.0, 2.0
INTERVAL = online.Box(tensor([-1.0]), tensor([1.0]))
BOUND = 1.5 * G * D * math.sqrt(T)


def regret(slopes, **settings):
    game = online.Game(online.Linear(tensor(slopes)[:, None]), INTERVAL)
    run = online.play(gradient_descent, game, **settings)
    return run.regret(online.comparator(game))[-1].item()


ALTERNATING = [1.0, -1.0] * (T // 2)  # the player is always on the wrong side
TURNING = [-1.0] * (T // 2) + [1.0] * (T // 2)


def falling(t):
    return D / (G * math.sqrt(t))


@pytest.mark.parametrize("slopes", [ALTERNATING, TURNING], ids=["alternating", "turning"])
def test_as_published_the_regret_is_below_the_bound(slopes):
    assert regret(slopes, lr=falling, project=INTERVAL) < BOUND


def test_a_constant_rate_made_for_the_length_of_the_game_is_below_it_too():
    known = regret(ALTERNATING, lr=D / (G * math.sqrt(T)), project=INTERVAL)
    assert known == pytest.approx(math.sqrt(T))  # η T / 2
    assert known < 0.6 * regret(ALTERNATING, lr=falling, project=INTERVAL)


def test_without_the_index_it_is_not():
    assert regret(ALTERNATING, lr=0.25, project=INTERVAL) > 3 * BOUND


def test_without_the_set_it_is_not():
    assert regret(TURNING, lr=falling) > 100 * BOUND
