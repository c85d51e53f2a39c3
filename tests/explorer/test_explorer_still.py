"""The explorer's still picture: its paths are those of the rules."""

import numpy as np
import pytest

from optlab.explorer import LANDSCAPES
from optlab.explorer.still import _path, _rates, still


def test_gradient_descent_contracts_by_the_curvatures():
    points = _path("gd", LANDSCAPES["quadratic"], 10.0, 7, {"gd.lr": "0.05", "start": "-1,2"})
    t = np.arange(8)[:, None]
    assert np.allclose(points, np.array([-1, 2]) * (1 - 0.05 * np.array([1, 10])) ** t)


def test_a_schedule_multiplies_the_rate():
    given = {"gd.lr": "0.05", "start": "-1,2", "schedule": "linear", "schedule.linear": "0"}
    points = _path("gd", LANDSCAPES["quadratic"], 10.0, 4, given)
    factors = [1 - 0.05 * rate * np.array([1, 10]) for rate in (1, 0.75, 0.5, 0.25)]
    assert np.allclose(points[-1], np.array([-1, 2]) * np.prod(factors, axis=0))


def test_sophia_has_its_curvatures_from_the_first_step():
    given = {"sophia.lr": "0.1", "sophia.beta1": "0", "sophia.beta2": "0", "sophia.rho": "10"}
    given |= {"sophia.k": "20", "start": "-1,2"}
    points = _path("sophia", LANDSCAPES["quadratic"], 10.0, 7, given)
    t = np.arange(8)[:, None]
    assert np.allclose(points, np.array([-1, 2]) * (1 - 0.1) ** t)  # Newton's steps, a tenth each


def test_a_run_that_diverges_ends():
    points = _path("gd", LANDSCAPES["quadratic"], 100.0, 500, {"gd.lr": "1"})
    assert 1 < len(points) < 10
    assert np.isfinite(points).all()


def test_in_a_game_the_point_stays_in_the_set():
    points = _path("gd", LANDSCAPES["game"], 3.0, 50, {"gd.lr": "5"})
    assert points.shape == (51, 1)
    assert np.abs(points).max() == 1


def test_schedules_and_what_a_slider_sets():
    assert _rates("linear", 4, "0") == pytest.approx([1, 0.75, 0.5, 0.25])
    assert _rates("restarts", 6, "2")[2] == 1  # the first cycle has two steps


@pytest.mark.parametrize("key", LANDSCAPES)
def test_every_landscape_and_optimizer_is_drawn(key):
    svg, text = still(f"landscape={key}&steps=5&shown=gd,sophia,adafactor,nesterov", "s")
    assert svg.startswith("<svg")
    assert "in 5 steps" in text
    for name in ("Gradient descent", "Sophia", "Adafactor", "Nesterov"):
        assert name in text
