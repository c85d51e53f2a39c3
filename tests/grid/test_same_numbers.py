"""Every run of a grid gives the numbers of that run alone."""

import itertools
from dataclasses import replace

import pytest
import torch
from alone import train as train_alone
from hyper import REGISTERED
from torch import nn

from optlab import rules, schedules
from optlab.experiments import mlp
from optlab.grid import train_grid
from optlab.grid.describe import describe
from optlab.grid.mlp import layers
from optlab.grid.starts import Starts

ADAM = {"beta1": 0.8, "beta2": [0.9, 0.99], "eps": 1e-6}
MOMENTS = {"beta1": 0.8, "beta2": 0.95, "eps": 1e-6}
STEPS, BATCH, SEEDS = 12, 40, (3, 5)  # batches of 40, 40 and 10


def small(seed):
    return mlp([6, 5, 3], seed=seed)


def conv(seed):
    torch.manual_seed(seed)
    net = nn.Sequential(
        nn.Conv1d(1, 3, 3), nn.GroupNorm(1, 3), nn.GELU(), nn.Flatten(), nn.Linear(12, 3)
    )
    return net.double()


def attention(seed):
    """Takes 6 features as 2 positions of 3."""
    torch.manual_seed(seed)
    layer = nn.TransformerEncoderLayer(3, 1, 4, dropout=0.0, batch_first=True)
    return nn.Sequential(nn.Unflatten(1, (2, 3)), layer, nn.Flatten(), nn.Linear(6, 3)).double()


def odd(seed):
    """Layers without bias, nested, and other activations."""
    torch.manual_seed(seed)
    inner = nn.Sequential(nn.Linear(6, 4, bias=False), nn.ReLU(), nn.Linear(4, 5), nn.Sigmoid())
    return nn.Sequential(nn.Flatten(), inner, nn.Linear(5, 3)).double()


def normalized(seed):
    """A layer norm before each activation, and at the end, without gain and offset."""
    torch.manual_seed(seed)
    return nn.Sequential(
        *(nn.Linear(6, 5, bias=False), nn.LayerNorm(5, 1e-2, elementwise_affine=False), nn.ReLU()),
        *(nn.Linear(5, 4), nn.LayerNorm(4, elementwise_affine=False), nn.Tanh()),
        *(nn.Linear(4, 3), nn.LayerNorm(3, elementwise_affine=False)),
    ).double()


def other_norms(seed):
    """As `normalized`, but over two dimensions, after the activation, and with a gain."""
    torch.manual_seed(seed)
    return nn.Sequential(
        nn.Unflatten(1, (2, 3)),
        nn.LayerNorm((2, 3), elementwise_affine=False),
        nn.Flatten(),
        *(nn.Linear(6, 5), nn.Tanh(), nn.LayerNorm(5, elementwise_affine=False)),
        *(nn.Linear(5, 3), nn.LayerNorm(3)),
    ).double()


def by_shape(p):
    return rules.adafactor if p.dim() == 2 else rules.adafactor_vector


CASES = {
    "gradient descent": (rules.gradient_descent, {"lr": [0.05, 0.5]}),
    "momentum": (
        rules.with_l2(rules.momentum),
        {"lr": 0.1, "momentum": 0.9, "weight_decay": [0, 0.1]},
    ),
    "nesterov": (rules.momentum, {"lr": [0.1, 0.2], "momentum": 0.9, "nesterov": True}),
    "adam": (rules.adam, {"lr": [0.01, 0.1], **ADAM}),
    "adam, L2": (rules.with_l2(rules.adam), {"lr": [0.01, 0.1], "weight_decay": [0, 1], **MOMENTS}),
    "adam, decay": (
        rules.with_decay(rules.adam),
        {"lr": [0.01, 0.1], "weight_decay": [0, 1], **MOMENTS},
    ),
    "adam, caution": (
        rules.with_decay(rules.cautious(rules.adam)),
        {"lr": [0.01, 0.1], "weight_decay": [0, 1], **MOMENTS},
    ),
    "adamw": (rules.adamw, {"lr": 0.02, "weight_decay": [0, 0.01], "eta": [0.5, 1], **MOMENTS}),
    "amsgrad": (rules.amsgrad, {"lr": [0.01, 0.1], **MOMENTS}),
    "adagrad": (rules.adagrad, {"lr": [0.01, 0.1], "delta": [0, 0.1]}),
    "lars": (
        rules.lars,
        {"lr": [0.5, 5.0], "momentum": 0.9, "weight_decay": 0.01, "trust_coefficient": 0.02},
    ),
    "lamb": (rules.lamb, {"lr": [0.01, 0.1], "weight_decay": [0, 0.1], **MOMENTS}),
    "adafactor": (
        by_shape,
        {"lr": [0.01, 0.1], "beta2_decay": -0.8, "eps1": 1e-30, "eps2": 1e-3, "d": [0.5, 1]},
    ),
    "schedule-free": (
        rules.schedule_free,
        {"lr": [0.01, 0.1], "weight_decay": [0, 0.1], "warmup_steps": [0, 3], **MOMENTS},
    ),
    "full adagrad": (rules.adagrad_full, {"lr": [0.01, 0.1], "delta": 0.1}),
    **{rule.name: (rule, {"lr": [0.01, 0.1]}) for rule in REGISTERED},
}


def compare(run, model, task, rule, rows, **settings):
    for k, s in itertools.product(range(len(rows)), range(len(run.seeds))):
        row = {n: x for n, x in rows[k].items() if n != "schedule"}
        seed = run.seeds[s]
        one = train_alone(
            model(seed), task, rule, row, steps=STEPS, batch_size=BATCH, seed=seed, **settings
        )
        for name in ("test_loss", "error", "batch_loss"):
            torch.testing.assert_close(getattr(run, name)[k, s], one[name], rtol=1e-9, atol=1e-11)
        for name, p in one["params"].items():
            here = run.snapshots[STEPS][name][k, s]
            torch.testing.assert_close(here, p, rtol=1e-9, atol=1e-11)


@pytest.mark.parametrize("case", CASES)
def test_a_run_of_a_grid_is_the_run_alone(task, case):
    rule, grid = CASES[case]
    run = train_grid(
        small,
        task,
        rule,
        grid,
        steps=STEPS,
        batch_size=BATCH,
        seeds=SEEDS,
        record=1,
        snapshots=[STEPS],
    )
    assert len({float(x) for x in run.grid("test_loss")[..., 0].flatten()}) == len(
        run.configurations
    )
    compare(run, small, task, rule, run.configurations)


@pytest.mark.parametrize("case", ["adam, decay", "lamb", "adafactor", "nesterov"])
def test_without_a_c_compiler_it_is_the_same(task, case, monkeypatch):
    monkeypatch.setenv("CC", "/nowhere/cc")
    test_a_run_of_a_grid_is_the_run_alone(task, case)


@pytest.mark.parametrize("model", [odd, normalized, other_norms, attention, conv])
def test_other_networks(task, model):
    if model is conv:
        task = replace(task, x_train=task.x_train.view(-1, 1, 6), x_test=task.x_test.view(-1, 1, 6))
    rule, grid = CASES["adam, decay"]
    # The keys' bias of attention has no gradient: with a small ε, steps along its rounding errors.
    grid = {**grid, "eps": 1e-4}
    run = train_grid(
        model,
        task,
        rule,
        grid,
        steps=STEPS,
        batch_size=BATCH,
        seeds=SEEDS,
        record=1,
        snapshots=[STEPS],
    )
    compare(run, model, task, rule, run.configurations)
    of_first = run.outputs(task.x_test, at=STEPS)[2, 1]
    net = model(SEEDS[1])
    net.load_state_dict(run.state_dict(2, seed=SEEDS[1], at=STEPS))
    torch.testing.assert_close(of_first, net(task.x_test).detach())


def test_outputs_on_more_examples_than_are_taken_at_a_time(task):
    grid = CASES["adam"][1]
    run = train_grid(small, task, rules.adam, grid, steps=2, batch_size=BATCH, snapshots=[2])
    many = torch.randn(5000, 6, dtype=torch.float64, generator=torch.Generator().manual_seed(0))
    net = small(0)
    net.load_state_dict(run.state_dict(0, seed=0, at=2))
    torch.testing.assert_close(run.outputs(many, at=2)[0, 0], net(many).detach())


def test_schedules_and_restart_periods_differ_from_configuration_to_configuration(task):
    choice = {
        "fixed": schedules.constant(),
        "cosine": schedules.cosine(T=STEPS),
        "restarts": schedules.sgdr(T_0=2, T_mult=2),
        "AdamWR": {
            "eta": schedules.adamwr(T_0=3),
            "weight_decay": schedules.adamwr_weight_decay(T_0=3),
        },
    }
    grid = {"lr": [0.01, 0.1], "schedule": choice, "weight_decay": 0.02, **MOMENTS}
    run = train_grid(
        small,
        task,
        rules.adamw,
        grid,
        steps=STEPS,
        batch_size=BATCH,
        seeds=SEEDS,
        record=1,
        snapshots=[STEPS],
    )
    assert run.axes == {"lr": [0.01, 0.1], "schedule": list(choice)}
    assert run.grid("error").shape == (2, 4, 2)
    for k, row in enumerate(run.configurations):
        multipliers = choice[row["schedule"]]
        multipliers = multipliers if isinstance(multipliers, dict) else {"eta": multipliers}
        one = train_alone(
            small(5),
            task,
            rules.adamw,
            {n: x for n, x in row.items() if n != "schedule"},
            steps=STEPS,
            batch_size=BATCH,
            seed=5,
            multipliers=multipliers,
        )
        torch.testing.assert_close(run.test_loss[k, 1], one["test_loss"], rtol=1e-9, atol=1e-11)


def test_one_schedule_for_all_multiplies_lr(task):
    rule, grid = CASES["momentum"]
    run = train_grid(
        small,
        task,
        rule,
        grid,
        schedules.linear_decay(T=STEPS),
        steps=STEPS,
        batch_size=BATCH,
        seeds=SEEDS,
        record=1,
        snapshots=[STEPS],
        drop_last=True,
    )
    compare(
        run,
        small,
        task,
        rule,
        run.configurations,
        multipliers={"lr": schedules.linear_decay(T=STEPS)},
        drop_last=True,
    )


def test_more_steps_than_hyperparameters_are_tabulated_for(task, monkeypatch):
    monkeypatch.setattr("optlab.grid.training._BLOCK", 5)
    test_schedules_and_restart_periods_differ_from_configuration_to_configuration(task)


@pytest.mark.parametrize("model", [small, attention, conv])
def test_a_run_that_diverges_disturbs_no_other(task, model):
    if model is conv:
        task = replace(task, x_train=task.x_train.view(-1, 1, 6), x_test=task.x_test.view(-1, 1, 6))
    settings = {"steps": STEPS, "batch_size": BATCH, "seeds": SEEDS, "record": 1}
    decay = {"momentum": 0.9, "weight_decay": 0.1}
    rule = rules.with_l2(rules.momentum)
    good = train_grid(model, task, rule, {"lr": [0.1, 0.2], **decay}, **settings)
    mixed = train_grid(model, task, rule, {"lr": [0.1, 1e200, 0.2], **decay}, **settings)
    for curve in ("loss", "test_loss", "error", "batch_loss"):
        values = getattr(mixed, curve)
        assert values[1, :, -1].isnan().all()
        torch.testing.assert_close(values[[0, 2]], getattr(good, curve), rtol=1e-12, atol=1e-14)
    assert mixed.table()["diverged"] == [0, 2, 0]
    assert mixed.grid("error", "best")[1].isnan().all()
    assert mixed.grid("error", 0).isfinite().all()


@pytest.mark.parametrize("per_chunk", [1, 2, 4, 7])
def test_chunks_give_the_same_numbers(task, per_chunk):
    rule, grid = CASES["adam, decay"]
    settings = {"steps": STEPS, "batch_size": BATCH, "seeds": (3, 5, 7), "snapshots": [0, 6]}
    whole = train_grid(small, task, rule, grid, **settings)
    assert whole.chunks == 1
    each = whole.bytes // 12
    parts = train_grid(small, task, rule, grid, **settings, memory=each * per_chunk)
    assert parts.chunks == {1: 12, 2: 6, 4: 3, 7: 3}[per_chunk]
    assert parts.bytes <= each * per_chunk
    for curve in ("loss", "test_loss", "error", "batch_loss"):
        torch.testing.assert_close(
            getattr(parts, curve), getattr(whole, curve), rtol=1e-12, atol=1e-14
        )
    for t in (0, 6):
        for name, p in whole.snapshots[t].items():
            torch.testing.assert_close(parts.snapshots[t][name], p, rtol=1e-12, atol=1e-14)


def test_a_grid_is_reproducible_to_the_bit(task):
    rule, grid = CASES["lamb"]
    one, two = (
        train_grid(small, task, rule, grid, steps=STEPS, batch_size=BATCH, seeds=SEEDS)
        for _ in range(2)
    )
    assert torch.equal(one.loss, two.loss)
    assert torch.equal(one.batch_loss, two.batch_loss)


def test_configurations_of_a_seed_see_the_same_batches_and_seeds_do_not(task):
    run = train_grid(
        small(0),
        task,
        rules.gradient_descent,
        {"lr": [0.0, 0.0]},
        steps=5,
        batch_size=7,
        seeds=(1, 2),
    )
    assert torch.equal(run.batch_loss[0], run.batch_loss[1])
    assert (run.batch_loss[0, 0] != run.batch_loss[0, 1]).all()


def test_the_model_and_the_data_are_not_changed(task):
    model = small(0)
    before = [p.clone() for p in model.parameters()]
    x = task.x_train.clone()
    train_grid(model, task, rules.gradient_descent, {"lr": 0.1}, steps=3, batch_size=7)
    assert all(torch.equal(a, b) for a, b in zip(before, model.parameters(), strict=True))
    assert torch.equal(x, task.x_train)


def test_frozen_parameters_stay(task):
    def frozen(seed):
        model = conv(seed)
        model[0].requires_grad_(False)
        return model

    task = replace(task, x_train=task.x_train.view(-1, 1, 6), x_test=task.x_test.view(-1, 1, 6))
    run = train_grid(
        frozen,
        task,
        rules.gradient_descent,
        {"lr": [0.1, 0.2]},
        steps=3,
        batch_size=40,
        snapshots=[3],
    )
    assert not any(name.startswith("0.") for name in run.snapshots[3])
    hand = frozen(0)
    trained = [p for p in hand.parameters() if p.requires_grad]
    for batch in torch.randperm(90, generator=torch.Generator().manual_seed(0)).split(40):
        loss = nn.functional.cross_entropy(hand(task.x_train[batch]), task.y_train[batch])
        grads = torch.autograd.grad(loss, trained)
        with torch.no_grad():
            for p, g in zip(trained, grads, strict=True):
                p -= 0.2 * g
    torch.testing.assert_close(run.snapshots[3]["4.weight"][1, 0], hand[4].weight.detach())


def engine(model, task):
    return describe(Starts(model, SEEDS), task, nn.functional.cross_entropy, BATCH, False, None)


@pytest.mark.parametrize("model", [small, odd, normalized])
def test_written_out_gradients_are_used(task, model):
    """They are compared with those of a run alone; if they differed, each run would be alone."""
    kind = engine(model, task)
    assert kind.layers
    assert kind.separate == ""


def test_which_networks_have_their_gradients_written_out(task):
    assert [layer.eps for layer in layers(normalized(0))] == [1e-2, 1e-5, 1e-5]
    assert engine(other_norms, task).layers is None
    for other in (
        *(nn.LayerNorm(3), nn.LayerNorm(3, bias=False), nn.LayerNorm((1, 3), 1e-5, False)),
        nn.Sequential(nn.Tanh(), nn.LayerNorm(3, elementwise_affine=False)),
        nn.Sequential(*(nn.LayerNorm(3, elementwise_affine=False) for _ in range(2))),
    ):
        assert layers(nn.Sequential(nn.Linear(6, 3), other)) is None
