"""What the empirical chapters share."""

import math

import pytest
import torch
from scipy import stats

import optlab
from optlab.experiments import digits, mean_interval, mlp, train


def test_digits_are_split_centered_and_fixed():
    data = digits()
    assert data.x_train.shape == (1400, 64)
    assert data.x_test.shape == (397, 64)
    assert data.features == 64
    assert data.classes == 10
    assert data.x_train.mean(0).abs().max() < 1e-12
    assert torch.equal(digits().x_train, data.x_train)
    # All of scikit-learn's images are there, each once: pixel sums do not depend on order.
    from sklearn.datasets import load_digits

    x, y = load_digits(return_X_y=True)
    labels = torch.cat([data.y_train, data.y_test])
    assert torch.equal(labels.bincount(), torch.tensor(y).bincount())
    spread = torch.cat([data.x_train, data.x_test]) * 16
    assert torch.allclose(spread.var(0), torch.tensor(x).var(0))


def test_rescaled_multiplies_features_of_both_parts():
    data = digits()
    factors = torch.arange(64, dtype=torch.float64)
    assert torch.equal(data.rescaled(factors).x_test, data.x_test * factors)
    assert torch.equal(data.rescaled(factors).x_train[:, 0], torch.zeros(1400, dtype=torch.float64))


def test_mlp_depends_on_its_seed_alone():
    torch.manual_seed(1)
    a = mlp([4, 3, 2], seed=7)
    torch.manual_seed(2)
    b = mlp([4, 3, 2], seed=7)
    for p, q in zip(a.parameters(), b.parameters(), strict=True):
        assert torch.equal(p, q)
        assert p.dtype == torch.float64
    assert a[0].weight.abs().max() <= 0.5
    assert not torch.equal(a[0].weight, mlp([4, 3, 2], seed=8)[0].weight)
    assert [type(layer).__name__ for layer in a] == ["Linear", "Tanh", "Linear"]


def test_mlp_computes_what_it_says():
    model, x = mlp([4, 3, 2], seed=0), torch.randn(5, 4, dtype=torch.float64)
    (w1, b1, w2, b2) = model.parameters()
    by_hand = torch.tanh(x @ w1.T + b1) @ w2.T + b2
    assert torch.allclose(model(x), by_hand)


def test_train_starts_at_guessing_learns_and_is_reproducible():
    def run():
        model = mlp([64, 16, 10], seed=0)
        optimizer = optlab.Adam(model.parameters(), lr=0.02)
        return train(model, digits(), optimizer, epochs=2, batch_size=100, seed=3)

    first, second = run(), run()
    assert first == second
    assert len(first.loss) == len(first.error) == 3
    assert first.loss[0] == pytest.approx(math.log(10), abs=0.15)
    assert first.loss[-1] < 0.7
    assert first.error[-1] < 0.2


def test_train_takes_each_example_once_an_epoch():
    seen = []

    class Recorder(torch.nn.Linear):
        def forward(self, x):
            if torch.is_grad_enabled():
                seen.append(x.detach())
            return super().forward(x)

    data, model = digits(), Recorder(64, 10, dtype=torch.float64)
    train(model, data, optlab.SGD(model.parameters(), lr=0.0), epochs=1, batch_size=64, seed=0)
    assert [len(x) for x in seen] == [64] * 21 + [56]
    batches = torch.cat(seen)
    assert not torch.equal(batches, data.x_train)  # shuffled
    assert torch.allclose(batches.sort(0).values, data.x_train.sort(0).values)


def test_mean_interval_is_students():
    samples = [1.0, 2.0, 4.0, 8.0]
    interval = mean_interval(samples, level=0.9)
    oracle = stats.ttest_1samp(samples, 0.0).confidence_interval(0.9)
    assert interval.mean == 3.75
    assert (interval.low, interval.high) == pytest.approx((oracle.low, oracle.high))
    assert f"{interval:.1f}" == f"3.8 [{oracle.low:.1f}, {oracle.high:.1f}]"


def test_mean_interval_needs_two_samples():
    with pytest.raises(ValueError, match="two samples or more, not 1: add seeds"):
        mean_interval([1.0])
