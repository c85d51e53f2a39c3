"""What a grid refuses, in one line and before any work; memory; tables."""

from dataclasses import replace
from fractions import Fraction

import numpy as np
import pytest
import torch
from compilers import NEEDS_C
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


MOMENTUM = {"lr": 0.1, "momentum": 0.9}


@pytest.mark.parametrize(
    ("rule", "grid", "message"),
    [
        (SGD, {"lr": "0.1"}, "^lr must be a number or a list of numbers; got '0.1'"),
        (SGD, {"lr": b"01"}, "lr must be a number"),
        (SGD, {"lr": None}, "lr must be a number"),
        (SGD, {"lr": [None]}, "lr must be a number"),
        (SGD, {"lr": [0.1, True]}, "lr must be a number"),
        (SGD, {"lr": [np.True_]}, "lr must be a number"),
        (SGD, {"lr": [[0.1, 0.2]]}, "lr must be a number"),
        (SGD, {"lr": {"a": 0.1}}, "lr must be a number"),
        (SGD, {"lr": 1j}, "lr must be a number"),
        (SGD, {"lr": [torch.ones(2)]}, "lr must be a number"),
        (SGD, {"lr": [0.1, float("nan")]}, "lr must be at least 0 and finite; got nan"),
        (SGD, {"lr": -1}, "lr must be at least 0"),
        (SGD, {"lr": float("inf")}, "lr must be at least 0"),
        (SGD, {"lr": 0.1, "project": 3}, "project must be a function"),
        (rules.momentum, {**MOMENTUM, "momentum": -0.1}, "momentum must be at least 0"),
        (rules.momentum, {**MOMENTUM, "nesterov": 1}, "nesterov must be True or False"),
        (rules.momentum, {**MOMENTUM, "dampening": float("inf")}, "dampening must be finite"),
        (rules.momentum, [MOMENTUM, {"lr": 0.1}], "the grid has no momentum"),
        (rules.adam, {"lr": 0.1, "beta1": 1, "beta2": 0.9, "eps": 0}, "beta1 .* less than 1"),
        (SGD, [0.1], "a list of dictionaries"),
        (SGD, "lr", "a list of dictionaries"),
        (SGD, [{"lr": 0.1, "schedule": schedules.constant()}], "needs a label"),
        ("adam", {"lr": 0.1}, "rule must be one of optlab.rules"),
        (lambda p: None, {"lr": 0.1}, "must give one of optlab.rules; of 0.weight: None"),
    ],
)
def test_values_that_a_hyperparameter_cannot_have(task, rule, grid, message):
    with pytest.raises((ValueError, TypeError), match=message) as caught:
        train_grid(small, task, rule, grid, **ONCE)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    "lr",
    [
        np.float32(0.25),
        np.array(0.25),
        torch.tensor(0.25),
        torch.tensor([0.25]),
        Fraction(1, 4),
        [np.float64(0.25)],
        np.array([0.25]),
        pytest.param((x for x in [0.25]), id="a generator"),
        {0.25},
    ],
    ids=repr,
)
def test_numbers_of_any_kind_are_numbers(task, lr):
    run = train_grid(small, task, SGD, {"lr": lr}, **ONCE)
    assert run.configurations == [{"lr": 0.25}]
    assert type(run.configurations[0]["lr"]) is float
    wanted = train_grid(small, task, SGD, {"lr": 0.25}, **ONCE)
    assert torch.equal(run.test_loss, wanted.test_loss)


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"steps": 2.5}, "steps must be a whole number; got 2.5"),
        ({"steps": True}, "steps must be a whole number"),
        ({"steps": "2"}, "steps must be a whole number"),
        ({"batch_size": 0}, "batch_size must be at least 1; got 0"),
        ({"batch_size": 2.0}, "batch_size must be a whole number"),
        ({"seeds": 3}, "seeds must be a list"),
        ({"seeds": "12"}, "seeds must be a list"),
        ({"seeds": [True]}, "a seed must be a whole number"),
        ({"seeds": [1.0]}, "a seed must be a whole number"),
        ({"seeds": [-1]}, "a seed must be at least 0; got -1"),
        ({"seeds": [2**64]}, "a seed must be less than"),
        ({"seeds": [1, 2, 1]}, "seed 1 is given twice"),
        ({"record": 2.5}, "record must be a whole number"),
        ({"record": True}, "record must be a whole number"),
        ({"record": [1.5]}, "a number in record must be a whole number"),
        ({"snapshots": 1}, "snapshots must list numbers of updates"),
        ({"snapshots": [-1]}, "no update -1 to keep"),
        ({"memory": "much"}, "memory must be a number of bytes"),
        ({"memory": float("nan")}, "memory must be a number of bytes"),
        ({"loss": "cross_entropy"}, "loss must be a function"),
    ],
    ids=str,
)
def test_settings_that_are_no_whole_numbers(task, settings, message):
    with pytest.raises((ValueError, TypeError), match=message) as caught:
        train_grid(small, task, SGD, {"lr": 0.1}, **{**ONCE, **settings})
    assert "\n" not in str(caught.value)


def test_whole_numbers_of_other_kinds(task):
    given = {"steps": np.int64(4), "batch_size": torch.tensor(10), "seeds": np.arange(2)}
    run = train_grid(small, task, SGD, {"lr": 0.1}, record=np.int32(2), snapshots=[4], **given)
    assert run.seeds == (0, 1)
    assert run.at == (0, 2, 4)


def test_data_without_a_target_for_each_example(task):
    with pytest.raises(ValueError, match="x_train has 90 examples and y_train 80"):
        train_grid(small, replace(task, y_train=task.y_train[:80]), SGD, {"lr": 0.1}, **ONCE)
    empty = replace(task, x_test=task.x_test[:0], y_test=task.y_test[:0])
    with pytest.raises(ValueError, match="x_test has 0 examples"):
        train_grid(small, empty, SGD, {"lr": 0.1}, **ONCE)


@pytest.mark.parametrize("bad", [float("nan"), float("inf"), None, "1", True, 1j])
def test_a_schedule_that_gives_no_number_is_refused_before_training(task, bad, monkeypatch):
    steps = 300

    def schedule(t):
        return bad if t == steps - 1 else 1.0

    monkeypatch.setattr("optlab.grid.training.Training.train", None)
    with pytest.raises(ValueError, match=f"the schedule of lr gives .* at t = {steps - 1}"):
        train_grid(small, task, SGD, {"lr": 0.1}, schedule, steps=steps, batch_size=10)


def test_a_schedule_that_fails_or_gives_numbers_of_another_kind(task):
    with pytest.raises(ValueError, match="the schedule of lr fails at t = 1 of 2 steps: list"):
        train_grid(small, task, SGD, {"lr": 0.1}, [1.0].__getitem__, **ONCE)
    with pytest.raises(ValueError, match="nesterov is not a number"):
        train_grid(small, task, rules.momentum, MOMENTUM, {"nesterov": lambda t: 1.0}, **ONCE)
    wanted = train_grid(small, task, SGD, {"lr": 0.05}, **ONCE)
    for half in (np.float32(0.5), torch.tensor(0.5), Fraction(1, 2)):
        run = train_grid(small, task, SGD, {"lr": 0.1}, lambda t, half=half: half, **ONCE)
        assert torch.equal(run.test_loss, wanted.test_loss)


def test_what_one_configuration_leaves_out_is_the_default_there(task):
    rows = [MOMENTUM, {**MOMENTUM, "dampening": 0.5}]
    run = train_grid(small, task, rules.momentum, rows, **ONCE)
    for k, dampening in enumerate((0, 0.5)):
        grid = {**MOMENTUM, "dampening": dampening}
        one = train_grid(small, task, rules.momentum, grid, **ONCE)
        torch.testing.assert_close(run.test_loss[k], one.test_loss[0], rtol=1e-12, atol=0)
    assert run.test_loss[0, 0, -1] != run.test_loss[1, 0, -1]


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


@NEEDS_C
def test_memory_is_predicted_within_a_factor_of_two(task):
    wide = replace(task, x_train=task.x_train.repeat(1, 20), x_test=task.x_test.repeat(1, 20))
    grid = {"lr": [0.001 * k for k in range(1, 33)], "beta1": 0.9, "beta2": 0.99, "eps": 1e-8}
    predicted = train_grid(
        lambda seed: mlp([120, 100, 3], seed=seed), wide, rules.adam, grid, **ONCE
    ).bytes
    parameters, activations = 120 * 100 + 100 + 303, 103 * 130
    least = 32 * 8 * (4 * parameters + activations)
    assert least < predicted < 2 * least
