"""Sophia's average of Hessian estimates, and the two estimates themselves."""

import itertools

import pytest
import torch
from twins import assert_alike, give_gradients, parameters

import optlab
from optlab.learning.intervals import mean_interval
from optlab.optim import gauss_newton_bartlett, hutchinson, sophia


@pytest.mark.parametrize("execution", ["plain", "foreach", "compiled"])
def test_an_estimate_counts_in_the_very_step_before_which_it_is_given(execution):
    (p,) = parameters([(4,)])
    start = p.detach().clone()
    optimizer = optlab.Sophia(
        [p], lr=0.5, betas=(0.5, 0.75), rho=100.0, weight_decay=0.125, execution=execution
    )
    m, h, expected = torch.zeros(4), torch.zeros(4), start
    for step in range(3):
        give_gradients([p], step)
        if step != 1:
            estimate = torch.tensor([1.0, 2, 3, 4]) + step
            optimizer.update_hessian([estimate])
            h = 0.75 * h + 0.25 * estimate
            assert_alike([optimizer.state[p]["hessian"]], [h.double()])
        optimizer.step()
        m = 0.5 * m + 0.5 * p.grad
        expected = expected - 0.5 * 0.125 * expected - 0.5 * (m / h).clamp(-100, 100)
        assert_alike([p], [expected])
    assert optimizer.state[p]["step"] == 3  # estimates are no steps


def test_without_an_estimate_and_where_it_is_negative_a_step_is_a_sign():
    (p,) = parameters([(4,)])
    start = p.detach().clone()
    optimizer = optlab.Sophia([p], lr=0.5, rho=0.25, weight_decay=0)
    give_gradients([p], 0)
    optimizer.update_hessian([torch.tensor([-1.0, -1, 0, 0])])
    optimizer.step()
    assert_alike([p], [start - 0.125 * p.grad.sign()])


@pytest.mark.parametrize(
    ("shapes", "line"),
    [
        ([(3,)], r"shapes \(3,\), but the parameters that require a gradient \(3,\), \(2, 2\)"),
        ([(3,), (2, 2), (1,)], r"shapes \(3,\), \(2, 2\), \(1,\), but"),
        ([(3,), (4,)], r"shapes \(3,\), \(4,\), but .*: give one for each, in order"),
        ([], "shapes none, but"),
    ],
)
def test_estimates_that_do_not_fit_are_refused_whole(shapes, line):
    params = parameters([(3,), (2, 2)])
    optimizer = optlab.Sophia(params)
    with pytest.raises(ValueError, match=line) as caught:
        optimizer.update_hessian(torch.ones(shape) for shape in shapes)
    assert "\n" not in str(caught.value)
    assert not optimizer.state


def test_frozen_parameters_have_no_estimate_and_groups_their_own_decay():
    first, frozen, last = parameters([(3,), (4,), (5,)])
    frozen.requires_grad_(False)
    groups = [{"params": [first, frozen]}, {"params": [last], "betas": (0.9, 0.5)}]
    optimizer = optlab.Sophia(groups)
    optimizer.update_hessian([torch.ones(3), torch.ones(5, dtype=torch.bfloat16)])
    assert_alike([optimizer.state[first]["hessian"]], [torch.full((3,), 0.01).double()], rtol=1e-6)
    assert_alike([optimizer.state[last]["hessian"]], [torch.full((5,), 0.5).double()])
    assert frozen not in optimizer.state


def test_an_estimate_that_is_not_finite_is_treated_as_such_a_gradient_is():
    bad = [torch.ones(3), torch.tensor([1.0, torch.inf])]
    for mode in ("propagate", "skip", "raise"):
        params = parameters([(3,), (2,)])
        optimizer = optlab.Sophia(params, nonfinite=mode)
        optimizer.update_hessian([torch.ones(3), torch.ones(2)])
        before = [optimizer.state[p]["hessian"].clone() for p in params]
        if mode == "raise":
            with pytest.raises(RuntimeError, match="Hessian is not finite; nothing was changed"):
                optimizer.update_hessian(bad)
        else:
            optimizer.update_hessian(bad)
        after = [optimizer.state[p]["hessian"] for p in params]
        if mode == "propagate":
            assert after[1].isinf().any()
        else:
            assert_alike(after, before, rtol=0, atol=0)


def curved():
    """A loss whose Hessian has entries of both signs, on and off its diagonal."""
    x, y = parameters([(3,), (2,)])
    loss = (x[0] * x[1] * x[2]) + torch.sin(x @ torch.tensor([1.0, -2.0, 3.0]).double()) * y[0]
    return loss + (x**2).sum() * y[1] - (y**4).sum(), [x, y]


def diagonal(loss, params):
    grads = torch.autograd.grad(loss, params, create_graph=True)
    rows = [
        torch.stack([torch.autograd.grad(g[i], p, retain_graph=True)[0][i] for i in range(len(p))])
        for g, p in zip(grads, params, strict=True)
    ]
    return [r.detach() for r in rows]


def test_the_mean_of_hutchinson_s_estimate_over_all_signs_is_the_diagonal(monkeypatch):
    loss, params = curved()
    mean = [torch.zeros_like(p) for p in params]
    for signs in itertools.product([-1.0, 1.0], repeat=5):
        z = iter(torch.tensor(signs).double().split([3, 2]))
        monkeypatch.setattr(sophia, "_normal_like", lambda p, _, z=z: next(z))
        estimates = hutchinson(loss, params)
        mean = [a + e / 32 for a, e in zip(mean, estimates, strict=True)]
    assert_alike(mean, diagonal(loss, params), atol=1e-12)


def test_the_mean_of_hutchinson_s_estimate_over_normal_z_is_the_diagonal():
    loss, params = curved()
    generator = torch.Generator().manual_seed(0)
    draws = [torch.cat(hutchinson(loss, params, generator=generator)) for _ in range(2000)]
    for samples, true in zip(
        torch.stack(draws).T.tolist(), torch.cat(diagonal(loss, params)).tolist(), strict=True
    ):
        interval = mean_interval(samples, level=0.9999)
        assert interval.low <= true <= interval.high


def test_z_has_both_signs_and_unit_variance():
    p = torch.zeros(2, dtype=torch.float64, requires_grad=True)
    generator = torch.Generator().manual_seed(0)
    crossed, square = p[0] * p[1], (p**2).sum() / 2
    products = torch.stack([hutchinson(crossed, [p], generator=generator)[0] for _ in range(200)])
    assert 50 < (products[:, 0] > 0).sum() < 150  # z₁z₂: one sign alone would give a row sum
    squares = torch.stack([hutchinson(square, [p], generator=generator)[0] for _ in range(2000)])
    interval = mean_interval(squares.flatten().tolist(), level=0.9999)
    assert interval.low < 1 < interval.high


@pytest.mark.parametrize("with_curved", [False, True])
def test_the_hessian_of_what_is_linear_or_unused_is_zero(with_curved):
    x, y, unused = parameters([(3,), (2,), (4,)])
    loss = x.sum() + (y**3).sum() * with_curved
    estimates = hutchinson(loss, iter([x, y, unused]))
    assert [e.shape for e in estimates] == [(3,), (2,), (4,)]
    assert not estimates[0].any()
    assert not estimates[2].any()
    assert bool(estimates[1].any()) == with_curved


def classifier(batch=(2,)):
    generator = torch.Generator().manual_seed(0)
    params = parameters([(3, 2), (3,)])
    x = torch.randn(*batch, 2, generator=generator, dtype=torch.float64)
    return torch.tanh(x @ params[0].T + params[1]) * 3, params


def test_the_mean_of_the_bartlett_estimate_over_all_labels_is_gauss_newton(monkeypatch):
    logits, params = classifier()
    p = logits.softmax(-1).detach()
    mean = [torch.zeros_like(q) for q in params]
    for labels in itertools.product(range(3), repeat=2):
        drawn = torch.tensor(labels)[:, None]
        monkeypatch.setattr(torch, "multinomial", lambda *_, d=drawn, **__: d)
        weight = p.gather(1, drawn).prod()
        estimates = gauss_newton_bartlett(logits, params)
        mean = [a + weight * e for a, e in zip(mean, estimates, strict=True)]

    expected = [torch.zeros_like(q) for q in params]
    for b in range(2):  # the mean over examples of diag(Jᵀ (diag p - p pᵀ) J)
        jacobian = [torch.autograd.grad(logits[b, c], params, retain_graph=True) for c in range(3)]
        for k in range(2):
            j = torch.stack([jacobian[c][k] for c in range(3)])
            middle = torch.diag(p[b]) - torch.outer(p[b], p[b])
            expected[k] += torch.einsum("c...,cd,d...->...", j, middle, j) / 2
    assert_alike(mean, expected, rtol=1e-10)


def test_labels_are_drawn_from_the_model_for_every_position(monkeypatch):
    logits, params = classifier((4, 5))
    seen = []
    draw = torch.multinomial

    def multinomial(probabilities, *args, **options):
        seen.append(probabilities)
        return draw(probabilities, *args, **options)

    monkeypatch.setattr(torch, "multinomial", multinomial)
    estimates = gauss_newton_bartlett(logits, params)
    assert_alike(seen, [logits.softmax(-1).detach().reshape(20, 3)])
    assert not seen[0].requires_grad
    assert all((e >= 0).all() for e in estimates)


def test_a_model_that_is_sure_has_no_curvature_whatever_the_true_labels_are():
    (w,) = parameters([(3,)])
    logits = w * 0 + torch.tensor([0.0, 500.0, 0.0]) + w
    (estimate,) = gauss_newton_bartlett(logits[None], [w])
    assert_alike([estimate], [torch.zeros(3).double()])


@pytest.mark.parametrize("which", ["hutchinson", "gauss_newton_bartlett"])
def test_a_generator_makes_estimates_reproducible_and_leaves_the_global_one_alone(which):
    def estimate(seed):
        of, params = curved() if which == "hutchinson" else classifier((30,))
        generator = torch.Generator().manual_seed(seed)
        return torch.cat(
            [e.flatten() for e in getattr(optlab.optim, which)(of, params, generator=generator)]
        )

    state = torch.get_rng_state()
    assert torch.equal(estimate(0), estimate(0))
    assert not torch.equal(estimate(0), estimate(1))
    assert torch.equal(torch.get_rng_state(), state)


def test_the_graph_is_kept_for_the_gradient():
    loss, params = curved()
    hutchinson(loss, params)
    loss.backward()
    logits, params = classifier()
    gauss_newton_bartlett(logits, params)
    logits.sum().backward()
    assert all(p.grad is not None for p in params)
