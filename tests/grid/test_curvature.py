"""Sophia in a grid: every run gives the numbers of `optlab.Sophia` alone."""

import itertools
from dataclasses import replace

import pytest
import torch
from alone import mini_batches
from test_same_numbers import attention, conv, small
from torch import nn

import optlab
from optlab import rules
from optlab.experiments import Data
from optlab.grid import hessian_generator, train_grid
from optlab.ops import zeros_like
from optlab.optim import gauss_newton_bartlett, hutchinson
from optlab.rules import Rule, State, rule

STEPS, BATCH, SEEDS, EVERY = 11, 40, (3, 5), 4
ROW = {"lr": 0.01, "rho": 0.5, "beta1": 0.8, "beta2": 0.7, "eps": 1e-6, "weight_decay": 0.1}
GRID = [
    ROW,
    {**ROW, "lr": 0.03, "beta2": 0.9, "eps": 1e-3},
    {**ROW, "rho": 2.0, "beta1": 0.9, "weight_decay": 0.0},
]


def alone(model, task, row, estimate, seed):
    """The parameters after training by hand, and the losses on the batches."""
    optimizer = optlab.Sophia(
        model.parameters(),
        lr=row["lr"],
        betas=(row["beta1"], row["beta2"]),
        rho=row["rho"],
        weight_decay=row["weight_decay"],
        eps=row["eps"],
    )
    noise, losses = hessian_generator(seed), []
    for batch in mini_batches(len(task.y_train), steps=STEPS, batch_size=BATCH, seed=seed):
        logits = model(task.x_train[batch])
        loss = nn.functional.cross_entropy(logits, task.y_train[batch])
        if len(losses) % EVERY == 0:
            of = logits if estimate is gauss_newton_bartlett else loss
            optimizer.update_hessian(estimate(of, list(model.parameters()), generator=noise))
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        losses.append(loss.item())
    return dict(model.named_parameters()), torch.tensor(losses, dtype=torch.float64)


ESTIMATES = {"gauss-newton-bartlett": gauss_newton_bartlett, "hutchinson": hutchinson}


@pytest.mark.parametrize("model", [small, conv])
@pytest.mark.parametrize("name", ESTIMATES)
def test_a_run_of_a_grid_is_sophia_alone(task: Data, model, name):
    if model is conv:
        task = replace(task, x_train=task.x_train.view(-1, 1, 6), x_test=task.x_test.view(-1, 1, 6))
    run = train_grid(
        model,
        task,
        rules.sophia,
        GRID,
        steps=STEPS,
        batch_size=BATCH,
        seeds=SEEDS,
        hessian=name,
        hessian_every=EVERY,
        snapshots=[STEPS],
    )
    ends = {round(float(x), 10) for x in run.test_loss[..., -1].flatten()}
    assert len(ends) == 2 * len(run.configurations)
    for k, s in itertools.product(range(len(run.configurations)), range(len(SEEDS))):
        row = run.configurations[k]
        params, losses = alone(model(SEEDS[s]), task, row, ESTIMATES[name], SEEDS[s])
        torch.testing.assert_close(run.batch_loss[k, s], losses, rtol=1e-8, atol=1e-10)
        for n, p in params.items():
            here = run.snapshots[STEPS][n][k, s]
            torch.testing.assert_close(here, p.detach(), rtol=1e-8, atol=1e-10)


def test_estimates_do_not_depend_on_chunks(task):
    settings = {"steps": 5, "batch_size": BATCH, "seeds": SEEDS, "hessian": "hutchinson"}
    whole = train_grid(small, task, rules.sophia, GRID, **settings)
    parts = train_grid(small, task, rules.sophia, GRID, **settings, memory=2 * whole.bytes // 6)
    assert (whole.chunks, parts.chunks) == (1, 4)
    torch.testing.assert_close(parts.test_loss, whole.test_loss, rtol=1e-12, atol=1e-14)


@rule(estimated="D", m=zeros_like, D=zeros_like)
def of_another_name(p, g, s, t, **hyper):
    p, found = rules.sophia(p, g, State(m=s.m, h=s.D), t, **hyper)
    return p, State(m=found.m, D=s.D)


of_another_name.hyperparameters = rules.sophia.hyperparameters


def _in_a_shell(p, g, s, t, **hyper):
    return rules.sophia(p, g, s, t, **hyper)


_in_a_shell.__name__ = "in_a_shell"
in_a_shell = Rule(_in_a_shell, rules.sophia.initial, around=rules.sophia)


def only_weights(p):
    return rules.sophia if p.dim() == 2 else rules.momentum


@pytest.mark.parametrize("other", [of_another_name, in_a_shell])
def test_a_rule_is_known_by_what_it_says_it_needs(task, other):
    settings = {"steps": 5, "batch_size": BATCH, "seeds": SEEDS, "hessian": "hutchinson"}
    wanted = train_grid(small, task, rules.sophia, GRID, **settings)
    found = train_grid(small, task, other, GRID, **settings)
    assert torch.equal(found.test_loss, wanted.test_loss)
    blind = train_grid(small, task, other, GRID, **{**settings, "hessian_every": 2})
    assert not torch.equal(blind.test_loss, wanted.test_loss)


def test_some_parameters_may_have_a_rule_without_estimates(task):
    row = {**ROW, "momentum": 0.5, "dampening": 0.0}
    settings = {"steps": 5, "batch_size": BATCH, "seeds": SEEDS, "snapshots": [5]}
    found = train_grid(small, task, only_weights, row, **settings, hessian="hutchinson")
    assert found.test_loss.isfinite().all()


def mean_square(outputs, y):
    return ((outputs - y) ** 2).mean()


@pytest.mark.parametrize(
    ("rule", "model", "settings", "message"),
    [
        (rules.sophia, small, {}, 'sophia needs .* give hessian="gauss-newton-bartlett"'),
        (of_another_name, small, {}, 'of_another_name needs .* give hessian="gauss-'),
        (in_a_shell, small, {}, 'sophia_in_a_shell needs .* give hessian="gauss-'),
        (only_weights, small, {}, 'sophia needs .* give hessian="gauss-'),
        (rules.adam, small, {"hessian": "hutchinson"}, "divides by no Hessian"),
        (rules.sophia, small, {"hessian": "fisher"}, "hessian must be"),
        (rules.sophia, small, {"hessian": "hutchinson", "hessian_every": 0}, "at least 1; got 0"),
        (rules.sophia, attention, {"hessian": "hutchinson"}, "no second derivatives"),
    ],
)
def test_what_makes_no_sense_is_refused(task, rule, model, settings, message):
    with pytest.raises(ValueError, match=message) as caught:
        train_grid(model, task, rule, GRID, steps=2, batch_size=10, **settings)
    assert "\n" not in str(caught.value)


def test_labels_are_drawn_for_classes_only(task):
    numbers = replace(task, y_train=task.x_train[:, :3], y_test=task.x_test[:, :3])
    settings = {"steps": 2, "batch_size": 10, "loss": mean_square}
    with pytest.raises(ValueError, match=r'integer targets.*take "hutchinson"'):
        train_grid(small, numbers, rules.sophia, GRID, hessian="gauss-newton-bartlett", **settings)
    run = train_grid(small, numbers, rules.sophia, GRID, hessian="hutchinson", **settings)
    assert run.test_loss.isfinite().all()
    assert run.error.isnan().all()


def test_the_average_has_a_beta2(task):
    grid = {n: x for n, x in ROW.items() if n != "beta2"}
    with pytest.raises(ValueError, match="the grid has no beta2"):
        train_grid(small, task, rules.sophia, grid, steps=2, batch_size=10, hessian="hutchinson")
