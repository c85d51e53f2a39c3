"""The training loop: what it does, and that it can be interrupted."""

import math

import pytest
import torch

import optlab
from optlab.experiments import digits, mlp, train


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
