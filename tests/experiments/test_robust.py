"""The problem of LAMB's bounds: its constants bound what they say, and its runs are the rule's."""

import math

import pytest
import torch

from optlab import ops, rules
from optlab.experiments.robust import RobustRegression, gradient_sizes

PROBLEM = RobustRegression.draw(0)
X = 2 * torch.randn(200, 16, dtype=torch.float64, generator=torch.Generator().manual_seed(1))


def gradient(x):
    return PROBLEM.slopes(x) @ PROBLEM.rows / len(PROBLEM.rows)


def test_the_slopes_are_those_of_the_loss():
    x = X.clone().requires_grad_()
    PROBLEM.loss(x).sum().backward()
    torch.testing.assert_close(x.grad, gradient(X), rtol=1e-12, atol=1e-14)


def hessian(x, problem=PROBLEM):
    return torch.autograd.functional.hessian(problem.loss, x)


def test_it_is_not_convex():
    assert any(torch.linalg.eigvalsh(hessian(x))[0] < -0.01 for x in X[:20])


@pytest.mark.parametrize("layers", [1, 2, 4, 16])
def test_smoothness_of_the_layers_together(layers):
    L = PROBLEM.smoothness(layers)
    least = min(
        torch.linalg.eigvalsh(torch.diag(L.repeat_interleave(16 // layers)) - hessian(x))[0]
        for x in (*X[:50], torch.linalg.lstsq(PROBLEM.rows, PROBLEM.targets).solution)
    )
    assert L.shape == (layers,)
    assert least >= -1e-12
    # where all residuals are 0 the bound on ρ'' is attained, and so is L of one layer
    exact = RobustRegression(PROBLEM.rows, PROBLEM.rows @ X[0])
    top = torch.linalg.eigvalsh(hessian(X[0], exact))[-1]
    assert top <= exact.smoothness(layers).max() * (1 + 1e-12)
    if layers == 1:
        assert top.item() == pytest.approx(L.item(), rel=1e-12)


def test_no_slope_is_larger():
    line = RobustRegression(torch.ones(1, 1, dtype=X.dtype), torch.zeros(1, dtype=X.dtype))
    u = torch.linspace(-5, 5, 100_001, dtype=X.dtype)[:, None]
    assert float(line.slopes(u).max()) == pytest.approx(line.largest_slope, rel=1e-8)


def test_runs_are_those_of_the_rule_layer_by_layer():
    grid = [{"lr": 0.02, "beta2": beta2} for beta2 in (0.0, 0.9)]
    hyper = {"beta1": 0.0, "eps": 0.0, "weight_decay": 0.0}

    def phi(z):
        return ops.minimum(ops.maximum(z, 0.5), 2.0)

    absolute, squared = gradient_sizes(
        PROBLEM,
        rules.lamb,
        [{**row, **hyper} for row in grid],
        layers=4,
        steps=5,
        batch_size=7,
        runs=2,
        seed=3,
        phi=phi,
    )
    generator = torch.Generator().manual_seed(3)
    batches = [torch.randint(200, (2, 7), generator=generator) for _ in range(5)]
    for k, row in enumerate(grid):
        for run in range(2):
            x = torch.zeros(16, dtype=X.dtype)
            states = [rules.lamb.init(part) for part in x.view(4, 4)]
            sizes = []
            for t, batch in enumerate(batches, start=1):
                sizes.append(gradient(x))
                g = PROBLEM.slopes(x)[batch[run]] @ PROBLEM.rows[batch[run]] / 7
                parts = []
                for i, (part, slope) in enumerate(zip(x.view(4, 4), g.view(4, 4), strict=True)):
                    part, states[i] = rules.lamb(part, slope, states[i], t, **row, **hyper, phi=phi)
                    parts.append(part)
                x = torch.cat(parts)
            sizes = torch.stack(sizes)
            mean = float(sizes.abs().sum(1).mean()) / math.sqrt(16)
            assert float(absolute[k, run]) == pytest.approx(mean, rel=1e-10)
            mean = float((sizes**2).sum(1).mean())
            assert float(squared[k, run]) == pytest.approx(mean, rel=1e-10)
