"""A rule under vmap: many settings of the hyperparameters as one batch."""

import pytest
import torch
from hyper import REGISTERED
from torch.func import vmap

from optlab.rules import (
    State,
    adafactor,
    adafactor_vector,
    adagrad,
    adagrad_dual,
    adagrad_full,
    adagrad_full_dual,
    adam,
    adamw,
    amsgrad,
    cautious,
    factored_adam,
    gradient_descent,
    lamb,
    lars,
    lars_deck,
    momentum,
    schedule_free,
    sophia,
    with_decay,
    with_l2,
)

K, SHAPE, STEPS = 5, (4, 3), 4
GRID = {
    "lr": torch.linspace(0.01, 0.5, K, dtype=torch.float64),
    "beta1": torch.linspace(0.0, 0.9, K, dtype=torch.float64),
    "beta2": torch.linspace(0.9, 0.999, K, dtype=torch.float64),
    "eps": torch.logspace(-8, -1, K, dtype=torch.float64),
    "momentum": torch.linspace(0.1, 0.9, K, dtype=torch.float64),
    "dampening": torch.linspace(0.0, 0.5, K, dtype=torch.float64),
    "weight_decay": torch.linspace(0.0, 0.1, K, dtype=torch.float64),
    "eta": torch.linspace(0.1, 1.0, K, dtype=torch.float64),
    "delta": torch.logspace(-3, 0, K, dtype=torch.float64),
    "rho": torch.logspace(-2, 1, K, dtype=torch.float64),
    "trust_coefficient": torch.logspace(-3, 0, K, dtype=torch.float64),
    "beta2_decay": torch.linspace(-1.0, -0.5, K, dtype=torch.float64),
    "eps1": torch.logspace(-8, -1, K, dtype=torch.float64),
    "eps2": torch.logspace(-3, 0, K, dtype=torch.float64),
    "warmup_steps": torch.linspace(0.0, 4.0, K, dtype=torch.float64),
    "d": torch.linspace(0.2, 2.0, K, dtype=torch.float64),
}
RULES = [
    gradient_descent,
    momentum,
    adam,
    with_l2(adam),
    with_l2(momentum),
    with_decay(adam),
    with_decay(cautious(adam)),
    cautious(lamb),
    adamw,
    amsgrad,
    adagrad,
    adagrad_dual,
    adagrad_full,
    adagrad_full_dual,
    factored_adam,
    adafactor,
    adafactor_vector,
    lars,
    lars_deck,
    lamb,
    sophia,
    schedule_free,
    *REGISTERED,
]


def descend(rule, start, hyper):
    """Minimize Σ cos(w) for a few steps."""
    p, s = start, rule.init(start)
    for t in range(1, STEPS + 1):
        p, s = rule(p, -torch.sin(p), s, t, **hyper)
    return p, vars(s)


@pytest.mark.parametrize("rule", RULES, ids=lambda rule: rule.name)
def test_many_settings_at_once_are_as_many_runs(rule):
    torch.manual_seed(0)
    start = torch.randn(SHAPE, dtype=torch.float64)
    grid = {name: GRID[name] for name in rule.hyperparameters if name in GRID}
    together, states = vmap(lambda hyper: descend(rule, start, hyper))(grid)
    assert together.shape == (K, *SHAPE)
    # A root of a nearly singular matrix keeps fewer digits.
    full = rule in (adagrad_full, adagrad_full_dual)
    tolerance = {"rtol": 1e-9, "atol": 1e-12} if full else {"rtol": 1e-13, "atol": 1e-15}
    assert len({one.sum().item() for one in together}) == K
    for k in range(K):
        alone, state = descend(rule, start, {name: x[k].item() for name, x in grid.items()})
        torch.testing.assert_close(together[k], alone, **tolerance)
        for name, value in state.items():
            torch.testing.assert_close(states[name][k], value, **tolerance)


def test_a_state_prints_and_compares_by_its_values():
    assert State(m=1, v=2) == State(v=2, m=1)
    assert repr(State(m=1)) == "State(m=1)"
