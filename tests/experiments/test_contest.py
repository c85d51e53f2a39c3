"""The comparison of optimizers: the same for all, chosen and judged on different examples."""

import math
from dataclasses import replace

import pytest
import torch

from optlab import rules
from optlab.bench.steps import CONTESTS
from optlab.experiments import contest, settings
from optlab.experiments.contest import LOOKS, Contestant, Outcome, compete
from optlab.experiments.scales import SCALES, Characters, Task
from optlab.optim.classes import OF_THE_DECK

CI = settings("15-choosing-an-optimizer", "ci")
SMALL = replace(
    CI,
    images=Task("digits", "mlp", (4,), batch_size=16, examples=64),
    signals=Task("mnist1d", "mlp", (4,), batch_size=16, examples=64),
    letters=Characters(4, 2, 1, batch_size=8, examples=16, test=10, length=5),
    epochs=(2, 2, 3),
    validation=(30, 30, 12),
    tuning_seeds=(2, 2, 2),
    seeds=(3, 3, 3),
)


def sgd(lr):
    return Contestant(rules.momentum, {"momentum": 0.9}, lr)


def test_every_optimizer_of_the_deck_takes_part():
    assert contest.contestants(10).keys() == CONTESTS.keys() & OF_THE_DECK
    kept = {name: who.state((512, 2048)) for name, who in contest.contestants(10).items()}
    assert kept.pop("Adafactor") == pytest.approx(2560 / 512 / 2048)
    assert kept == {
        "SGD": 1,
        "AdaGrad": 1,
        "Adam": 2,
        "AdamW": 2,
        "AMSGrad": 3,
        "LARS": 1,
        "LAMB": 2,
        "Sophia": 2,
    }


@pytest.mark.parametrize("name", ["digits", "mnist1d", "surnames"])
def test_tuning_and_judging_have_the_same_training_examples_and_no_others_in_common(name):
    trial = contest.trials(SMALL)[name]
    assert torch.equal(trial.tuning.x_train, trial.final.x_train)
    validation, test = trial.tuning.x_test, trial.final.x_test
    assert len(validation) == (12 if name == "surnames" else 30)

    def among(x, y):
        return int((x.flatten(1)[:, None] == y.flatten(1)[None]).all(-1).any(1).sum())

    assert among(test, test) == len(test)
    if name != "surnames":  # every surname occurs once, but digits and signals are surer
        assert among(validation, trial.final.x_train) == among(validation, test) == 0


def test_the_best_rate_on_validation_examples_is_judged_on_fresh_seeds():
    trial = contest.trials(SMALL)["digits"]
    outcome = compete(trial, sgd(1.0), points=3, factor=10.0, seed=5)
    assert outcome.rates == [0.01, 0.1, 1.0]
    assert outcome.validation[outcome.rates.index(outcome.rate)] == min(outcome.validation)
    assert outcome.curves.shape == (3, 1 + LOOKS)
    assert outcome.last == outcome.curves[:, -1].tolist()
    alone = compete(trial, sgd(outcome.rate), points=1, factor=10.0, seed=5)
    assert torch.equal(alone.curves, outcome.curves)
    shifted = compete(trial, sgd(outcome.rate), points=1, factor=10.0, seed=8)
    assert not torch.equal(shifted.curves, outcome.curves)
    # Seeds 8 and 9 tuned the first, and 8, 9, 10 are judged in the second.
    tuned = compete(
        replace(trial, tuning=trial.final), sgd(outcome.rate), points=1, factor=10.0, seed=5
    )
    assert tuned.validation == pytest.approx([float(shifted.curves[:2, -1].mean())])


def test_what_diverges_is_not_chosen():
    trial = contest.trials(SMALL)["surnames"]
    outcome = compete(trial, sgd(1e300), points=2, factor=1e302, seed=0)
    assert outcome.validation[1] == math.inf
    assert outcome.rate == outcome.rates[0]
    assert outcome.at_an_end
    assert trial.curve == "test_loss"
    assert float(outcome.curves[:, 0].mean()) == pytest.approx(math.log(27), abs=0.3)


def test_sophia_is_given_its_estimates():
    trial = contest.trials(SMALL)["mnist1d"]
    outcome = compete(trial, contest.contestants(8)["Sophia"], points=1, factor=4.0, seed=0)
    assert not outcome.curves.isnan().any()


def test_near_and_anytime():
    curves = torch.tensor([[0.9, 0.3, 0.2, 0.1, 0.1, 0.1], [0.9, 0.5, 0.5, 0.5, 0.5, 0.5]])
    outcome = Outcome([1.0, 2.0, 3.0, 4.0], [0.9, 0.17, 0.1, math.inf], curves.double())
    assert outcome.anytime == pytest.approx([0.16, 0.5])
    assert contest.near_share(outcome, start=0.9, best=0.1, tolerance=0.1) == 0.5
    assert contest.near_share(outcome, start=0.9, best=0.1, tolerance=0.05) == 0.25
    assert not outcome.at_an_end


@pytest.mark.parametrize("scale", SCALES)
def test_every_scale_gives_all_the_same_chances(scale):
    chosen = settings("15-choosing-an-optimizer", scale)
    assert chosen.factor ** (chosen.points - 1) == 1024
    assert min(chosen.seeds) >= 5
    for task in (chosen.images, chosen.signals, chosen.letters):
        assert task.examples  # so that there are others to validate on
