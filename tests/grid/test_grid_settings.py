"""What a grid refuses, in one line and before any work; memory; tables."""

from dataclasses import replace

import pytest
import torch
from torch import nn

from optlab import rules, schedules
from optlab.experiments import mean_interval, mlp
from optlab.grid import steps_per_epoch, train_grid
from optlab.grid.results import Table

SGD = rules.gradient_descent
ONCE = {"steps": 2, "batch_size": 10}


def small(seed):
    return mlp([6, 4, 3], seed=seed)


class Counted(nn.Module):
    """A network that counts how often it is asked, and may do more."""

    def __init__(self, extra=lambda x: x):
        super().__init__()
        self.linear = nn.Linear(6, 3, dtype=torch.float64)
        self.extra = extra
        self.calls = 0

    def forward(self, x):
        self.calls += 1
        return self.extra(self.linear(x))


def shift(x):
    return x.add_(1)


def branch(x):
    return x if x.sum() > 0 else -x


def read(x):
    return x * x.sum().item()


def noise(x):
    return x + torch.randn_like(x)


def in_place_of_ours():
    zeros = torch.zeros(1, dtype=torch.float64)
    return lambda x: zeros.clone().expand(len(x), 3).contiguous().copy_(x)


@pytest.mark.parametrize(
    ("model", "message"),
    [
        (nn.Sequential(nn.Linear(5, 3), nn.BatchNorm1d(3)).double(), "fails on a batch"),
        (nn.Sequential(nn.Linear(6, 3), nn.Dropout(0.5)).double(), "set p=0"),
        (Counted(branch), "torch.where for if"),
        (Counted(read), "tensors for float"),
        (Counted(noise), "take them out"),
        (Counted(in_place_of_ours()), "write y = f"),
        (Counted(lambda x: x[x[:, 0] > 0]), "use masks|the model or its loss fails"),
        (nn.Linear(5, 3).double(), "the model or its loss fails on a batch"),
        (nn.Linear(6, 3), "make both alike"),
        (nn.Sequential(nn.Linear(6, 3)).double().requires_grad_(False), "no parameters"),
    ],
)
def test_a_network_that_a_grid_cannot_train_says_how_to_change_it(task, model, message):
    with pytest.raises(ValueError, match=message) as caught:
        train_grid(model, task, SGD, {"lr": 0.1}, **ONCE)
    assert "\n" not in str(caught.value)
    if isinstance(model, Counted):
        assert model.calls <= 4


def test_batch_normalization_without_running_statistics_is_trained(task):
    model = nn.Sequential(nn.Linear(6, 3), nn.BatchNorm1d(3, track_running_stats=False)).double()
    run = train_grid(model, task, SGD, {"lr": [0.1, 0.2]}, **ONCE)
    assert run.loss.isfinite().all()


@pytest.mark.parametrize(
    ("rule", "grid", "schedule", "settings", "message"),
    [
        (SGD, {}, None, {}, "the grid has no lr"),
        (SGD, {"lr": []}, None, {}, "the grid is empty"),
        (SGD, [], None, {}, "the grid is empty"),
        (SGD, {"lr": 0.1, "beta1": 0.9}, None, {}, "the rule has no beta1; it has lr"),
        (SGD, {"lr": 0.1}, {"decay": schedules.constant()}, {}, "no decay to schedule"),
        (SGD, {"lr": 0.1}, 0.5, {}, "must be a function"),
        (SGD, {"lr": 0.1, "schedule": [schedules.constant()]}, None, {}, "need labels"),
        (
            SGD,
            {"lr": 0.1, "schedule": {"a": None}},
            schedules.constant(),
            {},
            "give one of the two",
        ),
        (
            rules.momentum,
            {"lr": 0.1, "momentum": 0.9, "nesterov": [True, False]},
            None,
            {},
            "train one grid for each",
        ),
        (SGD, {"lr": 0.1}, None, {"steps": 0}, "at least 1"),
        (SGD, {"lr": 0.1}, None, {"seeds": ()}, "no seeds"),
        (SGD, {"lr": 0.1}, None, {"record": [3]}, "no update 3 to record after"),
        (SGD, {"lr": 0.1}, None, {"record": 0}, "record must be at least 1"),
        (SGD, {"lr": 0.1}, None, {"snapshots": [9]}, "no update 9 to keep"),
        (SGD, {"lr": 0.1}, None, {"execution": "fast"}, "execution must be"),
        (SGD, {"lr": 0.1}, None, {"memory": 1000}, "raise memory="),
        (SGD, {"lr": 0.1}, None, {"drop_last": True, "batch_size": 91}, "as many examples"),
    ],
)
def test_settings_that_make_no_sense(task, rule, grid, schedule, settings, message):
    with pytest.raises((ValueError, TypeError), match=message) as caught:
        train_grid(small, task, rule, grid, schedule, **{**ONCE, **settings})
    assert "\n" not in str(caught.value)


def test_networks_of_all_seeds_are_of_one_shape(task):
    with pytest.raises(ValueError, match="one shape"):
        train_grid(
            lambda seed: mlp([6, 4 + seed, 3], seed=seed),
            task,
            SGD,
            {"lr": 0.1},
            seeds=(0, 1),
            **ONCE,
        )


def test_configurations_may_be_listed(task):
    rows = [{"lr": 0.1}, {"lr": 0.3}, {"lr": 0.2}]
    run = train_grid(small, task, SGD, rows, **ONCE)
    assert run.axes == {"configuration": [0, 1, 2]}
    assert run.table()["lr"] == [0.1, 0.3, 0.2]
    one = train_grid(small, task, SGD, {"lr": 0.3}, **ONCE)
    torch.testing.assert_close(run.loss[1], one.loss[0])


def test_recorded_updates(task):
    def at(**settings):
        return train_grid(small, task, SGD, {"lr": 0.1}, steps=20, batch_size=12, **settings).at

    assert steps_per_epoch(90, 12) == 8
    assert steps_per_epoch(90, 12, drop_last=True) == 7
    assert at() == (0, 8, 16, 20)
    assert at(record=9) == (0, 9, 18, 20)
    assert at(record=[5, 3]) == (0, 3, 5, 20)
    assert at(drop_last=True) == (0, 7, 14, 20)


def test_the_training_loss_is_left_out_where_it_is_not_asked_for(task):
    run = train_grid(small, task, SGD, {"lr": 0.1}, train_loss=False, **ONCE)
    assert run.loss.isnan().all()
    assert run.error.isfinite().all()
    assert run.table()["diverged"] == [0]


def test_the_table_has_means_and_intervals_over_seeds(task):
    grid = {"lr": [0.1, 0.3], "project": lambda w: w}
    run = train_grid(small, task, SGD, grid, seeds=(1, 2, 3), **ONCE)
    table = run.table(level=0.9)
    for k in range(2):
        wanted = mean_interval(run.test_loss[k, :, -1].tolist(), level=0.9)
        found = [table[name][k] for name in ("test_loss", "test_loss_low", "test_loss_high")]
        assert found == pytest.approx([wanted.mean, wanted.low, wanted.high])
    assert [row["lr"] for row in table.rows()] == [0.1, 0.3]
    assert len(run.runs()) == 6
    assert run.runs()["seed"] == [1, 2, 3, 1, 2, 3]
    assert str(table).splitlines()[0].split()[:2] == ["lr", "loss"]


def test_a_table_is_sorted_with_nan_last():
    table = Table({"x": [2.0, float("nan"), 1.0], "name": ["b", "c", "a"]})
    assert table.sorted("x")["name"] == ["a", "b", "c"]


def test_the_grid_of_one_number_for_each_run(task):
    run = train_grid(
        small, task, SGD, {"lr": [0.1, 0.2, 0.3]}, steps=4, batch_size=30, seeds=(0, 1), record=1
    )
    assert torch.equal(run.grid("error", "best"), run.error.amin(-1))
    assert torch.equal(run.grid("loss", "mean"), run.loss.mean(-1))
    assert torch.equal(run.grid("loss", 2), run.loss[..., 2])
    with pytest.raises(ValueError, match="there is no curve"):
        run.grid("accuracy")
    with pytest.raises(ValueError, match='"best" or "mean"'):
        run.grid("loss", "worst")
    with pytest.raises(ValueError, match="no snapshot at 4"):
        run.outputs(task.x_test, at=4)


def test_a_loss_of_ones_own(task):
    def squares(outputs, y):
        return ((outputs - (y[:, None] == torch.arange(3)).double()) ** 2).mean()

    run = train_grid(small, task, SGD, {"lr": [0.1, 0.2]}, loss=squares, **ONCE)
    model = small(0)
    assert run.test_loss[0, 0, 0].item() == pytest.approx(
        squares(model(task.x_test), task.y_test).item()
    )
    batch = torch.randperm(90, generator=torch.Generator().manual_seed(0))[:10]
    loss = squares(model(task.x_train[batch]), task.y_train[batch])
    assert run.batch_loss[1, 0, 0].item() == pytest.approx(loss.item())
    grads = torch.autograd.grad(loss, list(model.parameters()))
    with torch.no_grad():
        for p, g in zip(model.parameters(), grads, strict=True):
            p -= 0.2 * g
    batch = torch.randperm(90, generator=torch.Generator().manual_seed(0))[10:20]
    loss = squares(model(task.x_train[batch]), task.y_train[batch])
    assert run.batch_loss[1, 0, 1].item() == pytest.approx(loss.item())


def test_a_bar_is_shown_to_those_who_ask(task, capfd):
    train_grid(small, task, SGD, {"lr": 0.1}, **ONCE)
    assert capfd.readouterr() == ("", "")
    train_grid(small, task, SGD, {"lr": 0.1}, progress=True, **ONCE)
    assert "2/2" in capfd.readouterr().err


def test_memory_is_predicted_within_a_factor_of_two(task):
    wide = replace(task, x_train=task.x_train.repeat(1, 20), x_test=task.x_test.repeat(1, 20))
    grid = {"lr": [0.001 * k for k in range(1, 33)], "beta1": 0.9, "beta2": 0.99, "eps": 1e-8}
    predicted = train_grid(
        lambda seed: mlp([120, 100, 3], seed=seed), wide, rules.adam, grid, **ONCE
    ).bytes
    parameters, activations = 120 * 100 + 100 + 303, 103 * 130
    least = 32 * 8 * (4 * parameters + activations)
    assert least < predicted < 2 * least
