"""A rule under vmap: many settings of the hyperparameters as one batch."""

import pytest
import torch
from torch.func import vmap

from optlab.rules import State, adam, gradient_descent, momentum, with_l2

K, N, STEPS = 5, 7, 4
GRID = {
    "lr": torch.linspace(0.01, 0.5, K, dtype=torch.float64),
    "beta1": torch.linspace(0.0, 0.9, K, dtype=torch.float64),
    "beta2": torch.linspace(0.9, 0.999, K, dtype=torch.float64),
    "eps": torch.logspace(-8, -1, K, dtype=torch.float64),
    "momentum": torch.linspace(0.1, 0.9, K, dtype=torch.float64),
    "dampening": torch.linspace(0.0, 0.5, K, dtype=torch.float64),
    "weight_decay": torch.linspace(0.0, 0.1, K, dtype=torch.float64),
}
RULES = [gradient_descent, momentum, adam, with_l2(adam), with_l2(momentum)]


def descend(rule, start, hyper):
    """Minimize Σ cos(w) for a few steps."""
    p, s = start, rule.init(start)
    for t in range(1, STEPS + 1):
        p, s = rule(p, -torch.sin(p), s, t, **hyper)
    return p, vars(s)


@pytest.mark.parametrize("rule", RULES, ids=lambda rule: rule.name)
def test_many_settings_at_once_are_as_many_runs(rule):
    torch.manual_seed(0)
    start = torch.randn(N, dtype=torch.float64)
    grid = {name: GRID[name] for name in rule.hyperparameters if name in GRID}
    together, states = vmap(lambda hyper: descend(rule, start, hyper))(grid)
    assert together.shape == (K, N)
    assert len({row.sum().item() for row in together}) == K
    for k in range(K):
        alone, state = descend(rule, start, {name: x[k].item() for name, x in grid.items()})
        torch.testing.assert_close(together[k], alone, rtol=1e-13, atol=1e-15)
        for name, value in state.items():
            torch.testing.assert_close(states[name][k], value, rtol=1e-13, atol=1e-15)


def test_a_state_prints_and_compares_by_its_values():
    assert State(m=1, v=2) == State(v=2, m=1)
    assert repr(State(m=1)) == "State(m=1)"
