"""`torchrun -m optlab.experiments.parallel`: two processes give what one gives, and the grid."""

import os
import re
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest
import torch
from click.testing import CliRunner

from optlab import rules
from optlab.experiments import parallel, settings
from optlab.experiments.batch_scaling import Scaling, batch_scaling
from optlab.experiments.shares import Share

# 1024 examples: the last batch of each epoch has one, and so the second process none.
BATCH = ["--batch-size", "341"]
RUN = ["LARS", "LAMB", *BATCH, "--lr", "0.05", "--power", "0.5", "--warmup", "0.2"]
TWO_EPOCHS = Path(__file__).with_name("two_epochs.py")
TIME_LIMIT = 300  # seconds; a process that waits for a dead one would wait for ever


def numbers(text):
    """(training loss, test error) of each run."""
    found = re.findall(r"training loss (\S+), test error (\S+) percent", text)
    return [float(x) for pair in found for x in pair]


def torchrun(*arguments, processes=2):
    command = [sys.executable, "-m", "torch.distributed.run", "--standalone"]
    command += ["--nproc-per-node", str(processes), str(TWO_EPOCHS), *arguments]
    environment = {**os.environ, "OMP_NUM_THREADS": "1"}
    return subprocess.run(
        command, capture_output=True, text=True, env=environment, timeout=TIME_LIMIT
    )


@pytest.fixture(scope="module")
def alone():
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(parallel, "settings", lambda *given: replace(settings(*given), epochs=2))
        done = CliRunner().invoke(parallel.main, RUN)
    torch.set_num_threads(before)
    assert done.exit_code == 0, done.output
    assert "2 epochs, 1 process\n" in done.output
    assert len(numbers(done.output)) == 4
    return numbers(done.output)


@pytest.mark.parametrize("strategy", parallel.STRATEGIES)
def test_two_processes_give_the_numbers_of_one(strategy, alone):
    done = torchrun(*RUN, "--strategy", strategy)
    assert done.returncode == 0, done.stderr[-2000:]
    assert done.stdout.count(f"2 processes, {strategy}\n") == 2  # said by one of them
    assert numbers(done.stdout) == pytest.approx(alone, abs=2e-8)


ADAM = {"beta1": 0.9, "beta2": 0.999, "eps": 1e-6}
RULES = {
    "SGD": (rules.with_l2(rules.momentum), {"momentum": 0.9, "weight_decay": 5e-4}),
    "LARS": (
        rules.lars,
        {"momentum": 0.9, "weight_decay": 5e-4, "trust_coefficient": 0.001},
    ),
    "Adam": (rules.adam, ADAM),
    "AdamW": (rules.with_decay(rules.adam), {**ADAM, "weight_decay": 0.01}),
    "LAMB": (rules.lamb, {**ADAM, "weight_decay": 0.01}),
}


@pytest.mark.parametrize("optimizer", parallel.CHAPTERS)
def test_one_process_gives_the_numbers_of_the_chapters_experiment(optimizer):
    chapter = settings(parallel.CHAPTERS[optimizer], "ci")
    scaling = Scaling(chapter.rates[optimizer.lower()][2], 0.0, chapter.warmup)
    rule, hyperparameters = RULES[optimizer]
    experiment = replace(chapter, batch_sizes=(512,))
    grid = batch_scaling(experiment, rule, [scaling], hyperparameters, seeds=[3])
    place = torch.device("cpu")
    alone = parallel.run(chapter, optimizer, scaling, 512, 3, "ddp", Share(), place)
    assert alone.error[-1] == pytest.approx(float(grid), abs=1e-12)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["LARS", "--batch-size", "1025"], "--batch-size 1025: give at most 1024, all examples"),
        (["LARS"], "Missing option '--batch-size'."),
        (["Lion", *BATCH], "'Lion' is not one of 'SGD', 'LARS', 'Adam', 'AdamW', 'LAMB'."),
        (["LARS", *BATCH, "--lr", "-1"], "-1.0 is not in the range x>0."),
    ],
)
def test_bad_input_is_refused_in_one_line(arguments, message, capsys, monkeypatch):
    monkeypatch.setattr(sys, "argv", ["optlab.experiments.parallel", *arguments])
    assert parallel.command(parallel.main) == 2
    out, err = capsys.readouterr()
    assert (out, err.count("\n")) == ("", 1)
    assert message in err
    monkeypatch.setenv("RANK", "1")  # the other processes leave it to the first
    assert parallel.command(parallel.main) == 2
    assert capsys.readouterr() == ("", "")


def test_more_processes_than_gpus_are_refused(capsys, monkeypatch):
    monkeypatch.setattr(torch.cuda, "device_count", lambda: 1)
    monkeypatch.setenv("LOCAL_WORLD_SIZE", "2")
    monkeypatch.setattr(
        sys, "argv", ["optlab.experiments.parallel", "LARS", *BATCH, "--device", "cuda"]
    )
    assert parallel.command(parallel.main) == 2
    assert "2 processes need as many GPUs, and there are 1: lower" in capsys.readouterr().err


def test_a_share_of_a_loss_is_its_mean_over_the_processes():
    logits, y = torch.randn(7, 3, dtype=torch.float64), torch.tensor([0, 1, 2, 0, 1, 2, 0])
    whole = Share().loss(logits, y, 7)
    shares = [Share(rank, 3) for rank in range(3)]
    parts = [share.loss(share.of(logits), share.of(y), 7) for share in shares]
    assert float(sum(parts)) / 3 == pytest.approx(float(whole), rel=1e-12)
    assert [len(share.of(y)) for share in shares] == [3, 2, 2]
