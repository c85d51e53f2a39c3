"""Curvature: exact matrices against torch's own, and Lanczos against known spectra."""

import pytest
import torch
from torch.func import functional_call
from torch.nn.functional import cross_entropy

from optlab.experiments import mlp, transformer
from optlab.experiments.curvature import gauss_newton, hessian, hessian_product, lanczos


def draw(*shape, seed=0):
    return torch.randn(*shape, dtype=torch.float64, generator=torch.manual_seed(seed))


def classifier():
    model = mlp([4, 3, 5], seed=0)
    return model, draw(6, 4), torch.tensor([0, 1, 2, 3, 4, 0])


def test_the_hessian_is_torch_s():
    model, x, y = classifier()
    h = hessian(cross_entropy(model(x), y), model.parameters())
    names, params = zip(*model.named_parameters(), strict=True)
    sizes = [p.numel() for p in params]

    def loss(flat):
        parts = [v.view_as(p) for v, p in zip(flat.split(sizes), params, strict=True)]
        return cross_entropy(functional_call(model, dict(zip(names, parts, strict=True)), x), y)

    flat = torch.cat([p.detach().flatten() for p in params])
    expected = torch.autograd.functional.hessian(loss, flat)
    assert torch.allclose(h, expected)
    assert (h.diagonal() < 0).any()
    v = draw(len(h))
    product = hessian_product(cross_entropy(model(x), y), model.parameters())
    assert torch.allclose(product(v), expected @ v)


def test_gauss_newton_is_the_hessian_in_the_last_layer_and_the_mean_over_labels():
    model, x, y = classifier()
    g = gauss_newton(model, x)
    h = hessian(cross_entropy(model(x), y), model.parameters())
    last = slice(15, None)
    assert torch.allclose(g[last, last], h[last, last])
    assert not torch.allclose(g, h, rtol=0.1)
    # Fisher: the second moment of an example's gradient, labels from the model.
    fisher = torch.zeros_like(g)
    probabilities = model(x).softmax(-1)
    for n in range(len(x)):
        for label in range(5):
            loss = cross_entropy(model(x[n : n + 1]), torch.tensor([label]))
            grads = torch.autograd.grad(loss, list(model.parameters()))
            v = torch.cat([part.flatten() for part in grads])
            fisher += probabilities[n, label].detach() * torch.outer(v, v) / len(x)
    assert torch.allclose(g, fisher)


def test_gauss_newton_takes_sequences():
    model = transformer(5, 3, width=4, seed=0)
    g = gauss_newton(model, torch.tensor([[0, 1, 2], [3, 4, 0]]))
    assert g.shape == (4 * (5 + 3 + 4 * 4 + 8 * 4 + 3 + 5),) * 2
    assert float(torch.linalg.eigvalsh(g)[0]) > -1e-9


@pytest.mark.parametrize(("n", "steps"), [(6, 6), (6, 50), (1, 3)])
def test_lanczos_with_as_many_steps_as_dimensions_has_the_spectrum(n, steps):
    a = draw(n, n)
    a = a + a.T
    values, weights = lanczos(
        lambda v: a @ v, n, steps, generator=torch.manual_seed(1), dtype=torch.float64
    )
    assert torch.allclose(values, torch.linalg.eigvalsh(a))
    assert float(weights.sum()) == pytest.approx(1)


def test_lanczos_finds_the_outermost_first_and_the_density_on_average():
    exact = torch.linspace(-1, 1, 200, dtype=torch.float64)
    exact[-1], exact[0] = 5, -3
    middle = []
    for seed in range(20):
        values, weights = lanczos(
            lambda v: exact * v, 200, 20, generator=torch.manual_seed(seed), dtype=torch.float64
        )
        assert values[-1] == pytest.approx(5)
        assert values[0] == pytest.approx(-3)
        middle.append(float(weights[values.abs() < 0.5].sum()))
    assert sum(middle) / 20 == pytest.approx(0.5, abs=0.05)


def test_lanczos_stops_where_the_start_has_nothing_more_to_give():
    values, weights = lanczos(
        lambda v: 3 * v, 50, 10, generator=torch.manual_seed(0), dtype=torch.float64
    )
    assert torch.allclose(values, torch.tensor([3.0], dtype=torch.float64))
    assert torch.allclose(weights, torch.ones(1, dtype=torch.float64))
