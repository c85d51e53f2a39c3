"""Networks with running statistics, and augmented data: each run is still the run alone."""

from dataclasses import replace

import pytest
import torch
from torch import nn

from optlab import rules
from optlab.experiments import Data, flip_and_crop, resnet26, train, wide_resnet
from optlab.grid import train_grid

EPOCHS, BATCH, STEPS = 2, 9, 6  # batches of 9, 9 and 6
SEEDS, RATES = (3, 5), (0.05, 0.2)
L2 = {"momentum": 0.9, "weight_decay": 5e-4}
NETWORKS = {"resnet26, which draws": (resnet26, 2), "wide_resnet": (wide_resnet, 10, 1)}


@pytest.fixture
def images():
    """24 images of 3 × 8 × 8 for training, 20 for test."""
    x = torch.randn(44, 3, 8, 8, dtype=torch.float64, generator=torch.Generator().manual_seed(1))
    y = torch.arange(44) % 10
    return Data(x[:24], y[:24], x[24:], y[24:])


def network(name):
    make, *sizes = NETWORKS[name]
    return lambda seed: make(*sizes, seed=seed, dtype=torch.float64)


def in_a_grid(model, data, **settings):
    return train_grid(
        model,
        data,
        rules.with_l2(rules.momentum),
        {"lr": RATES, **L2},
        steps=STEPS,
        batch_size=BATCH,
        seeds=SEEDS,
        **settings,
    )


@pytest.mark.parametrize("name", NETWORKS)
def test_a_run_of_a_grid_is_the_run_alone(images, name):
    state = torch.get_rng_state()
    run = in_a_grid(network(name), images, augment=flip_and_crop, snapshots=[STEPS])
    assert torch.equal(torch.get_rng_state(), state)
    for k, (rate, seed) in enumerate(zip(RATES, SEEDS, strict=True)):
        model = network(name)(seed)
        optimizer = torch.optim.SGD(model.parameters(), lr=rate, **L2)
        settings = {"epochs": EPOCHS, "batch_size": BATCH, "seed": seed}
        alone = train(model, images, optimizer, augment=flip_and_crop, **settings)
        assert run.loss[k, k].tolist() == pytest.approx(alone.loss, rel=1e-9)
        assert run.error[k, k].tolist() == pytest.approx(alone.error, rel=1e-9)
        for n, p in model.named_parameters():
            kept = run.snapshots[STEPS][n][k, k]
            torch.testing.assert_close(kept, p.detach(), rtol=1e-8, atol=1e-10)


def test_data_may_bring_their_augmentation_and_chunks_change_nothing(images):
    model = network("wide_resnet")
    plain = in_a_grid(model, images)
    asked = in_a_grid(model, images, augment=flip_and_crop)
    brought = in_a_grid(model, replace(images, augment=flip_and_crop), memory=asked.bytes / 4)
    assert (asked.chunks, brought.chunks) == (1, 4)
    assert torch.equal(asked.batch_loss, brought.batch_loss)
    assert torch.equal(asked.loss, brought.loss)
    assert (plain.batch_loss != asked.batch_loss).all()


def test_a_network_given_keeps_its_statistics(images):
    model = network("wide_resnet")(0)
    before = {n: x.clone() for n, x in model.state_dict().items()}
    one, two = in_a_grid(model, images), in_a_grid(model, images)
    assert all(torch.equal(x, before[n]) for n, x in model.state_dict().items())
    assert torch.equal(one.test_loss, two.test_loss)


def test_what_running_statistics_do_not_allow_is_refused(images):
    run = in_a_grid(network("wide_resnet"), images, snapshots=[STEPS])
    with pytest.raises(ValueError, match="snapshots have no running statistics"):
        run.outputs(images.x_test, at=STEPS)
    model = nn.Sequential(nn.Flatten(), nn.Linear(192, 10), nn.BatchNorm1d(10)).double()
    with pytest.raises(ValueError, match="would change running statistics: use GroupNorm"):
        train_grid(
            model,
            images,
            rules.sophia,
            {"lr": 0.1, "beta1": 0.9, "beta2": 0.9, "rho": 1.0, "eps": 1e-8, "weight_decay": 0.0},
            steps=1,
            batch_size=BATCH,
            hessian="hutchinson",
        )
