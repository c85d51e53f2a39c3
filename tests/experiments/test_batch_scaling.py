"""Rates that follow the batch: their schedules, their runs one by one, and the control."""

from dataclasses import replace

import pytest
import torch

import optlab
from optlab.experiments import settings, train
from optlab.experiments.batch_scaling import (
    GUESSING,
    Scaling,
    batch_scaling,
    best_at_each_batch,
)
from optlab.experiments.scales.c09_lars import Settings
from optlab.experiments.scales.task import TRAINING
from optlab.rules import lars, momentum, with_l2
from optlab.schedules import LRScheduler

CI = settings("09-lars", "ci")
TINY = replace(
    CI, task=replace(CI.task, sizes=(8,), examples=128), epochs=3, batch_sizes=(32, 50, 64)
)
HYPER = {"momentum": 0.9, "weight_decay": 0.01}


def test_the_rate_follows_the_batch():
    assert [Scaling(0.5).rate(b, 32) for b in (32, 512)] == [0.5, 0.5]
    assert [Scaling(0.5, 1).rate(b, 32) for b in (32, 512)] == [0.5, 8]
    assert [Scaling(0.5, 0.5).rate(b, 32) for b in (32, 512)] == [0.5, 2]


def test_the_rate_rises_in_its_share_of_the_updates_and_falls_to_zero_after_the_last():
    multipliers = [Scaling(1, warmup=0.3).schedule(10)(t) for t in range(11)]
    rising, falling = [1 / 4, 2 / 4, 3 / 4], [1 - k / 7 for k in range(8)]
    assert multipliers == pytest.approx(rising + falling, abs=1e-15)
    assert [Scaling(1).schedule(4)(t) for t in range(5)] == [1, 0.75, 0.5, 0.25, 0]
    with pytest.raises(ValueError, match=r"warmup must be in \[0, 1\), of 4 updates; got 0.9"):
        Scaling(1, warmup=0.9).schedule(4)


@pytest.mark.parametrize("rule", ["sgd", "lars"])
def test_a_run_is_that_of_the_plain_loop(rule):
    scalings = [Scaling(0.25, 0.5, 0.2), Scaling(0.125, 1)]
    if rule == "sgd":
        found = batch_scaling(TINY, with_l2(momentum), scalings, HYPER, seeds=[4, 5])
    else:
        trust = {**HYPER, "trust_coefficient": 0.01}
        found = batch_scaling(TINY, lars, scalings, trust, seeds=[4, 5])
    assert found.shape == (2, 3, 2)
    model = TINY.task.model(5)
    rate, steps = 0.25 * (50 / 32) ** 0.5, 3 * 3  # 50, 50 and 28 examples
    if rule == "sgd":
        optimizer = optlab.SGD(model.parameters(), lr=rate, **HYPER)
    else:
        optimizer = optlab.LARS(model.parameters(), lr=rate, trust_coefficient=0.01, **HYPER)
    run = train(
        model,
        TINY.task.data(),
        optimizer,
        epochs=3,
        batch_size=50,
        seed=5,
        scheduler=LRScheduler(optimizer, scalings[0].schedule(steps)),
    )
    assert float(found[0, 1, 1]) == pytest.approx(run.error[-1], abs=1e-12)
    assert len(set(found.flatten().tolist())) > 4


def test_a_run_that_diverges_counts_as_guessing():
    found = batch_scaling(TINY, with_l2(momentum), [Scaling(1e200)], HYPER, seeds=[0])
    assert found.flatten().tolist() == [GUESSING] * 3


def test_the_control_is_judged_on_seeds_that_it_was_not_chosen_on():
    errors = torch.tensor([[[0.1, 0.9, 0.8], [0.5, 0.6, 0.7]], [[0.2, 0.3, 0.4], [0.4, 0.1, 0.2]]])
    chosen, judged = best_at_each_batch(errors, tuning=1)
    assert chosen == [0, 1]
    assert torch.equal(judged, torch.tensor([[0.9, 0.8], [0.1, 0.2]]))
    with pytest.raises(ValueError, match=r"tuning must be in \[1, 2\], seeds; got 3"):
        best_at_each_batch(errors, tuning=3)


@pytest.mark.parametrize("scale", ["ci", "small", "gpu", "paper"])
def test_batches_are_powers_of_two_from_32_to_half_the_training_set(scale):
    found = settings("09-lars", scale)
    assert isinstance(found, Settings)
    half = (found.task.examples or TRAINING[found.task.dataset]) / 2
    assert found.batch_sizes[0] == found.task.batch_size == 32
    assert half / 2 < found.batch_sizes[-1] <= half
    assert all(b & (b - 1) == 0 for b in found.batch_sizes)
