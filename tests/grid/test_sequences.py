"""Language models in a grid: integer sequences in, a class for each place, some of it padding."""

import math

import pytest
import torch
from alone import mini_batches
from torch import nn
from torch.nn.functional import cross_entropy

import optlab
from optlab import rules
from optlab.experiments import Data
from optlab.grid import hessian_generator, train_grid
from optlab.optim import gauss_newton_bartlett, hutchinson

WORDS, LENGTH, WIDTH, PADDING = 7, 6, 8, -100
STEPS, BATCH, SEEDS = 7, 16, (3, 5)  # batches of 16, 16 and 8


class Model(nn.Module):
    """A transformer of one layer, one head, that looks back only."""

    def __init__(self):
        super().__init__()
        self.words, self.places = nn.Embedding(WORDS, WIDTH), nn.Embedding(LENGTH, WIDTH)
        self.before, self.after = nn.LayerNorm(WIDTH), nn.LayerNorm(WIDTH)
        self.qkv, self.out = nn.Linear(WIDTH, 3 * WIDTH), nn.Linear(WIDTH, WIDTH)
        self.wide, self.narrow = nn.Linear(WIDTH, 2 * WIDTH), nn.Linear(2 * WIDTH, WIDTH)
        self.register_buffer("ahead", torch.ones(LENGTH, LENGTH).triu(1).bool())

    def forward(self, x):
        h = self.words(x) + self.places.weight
        q, k, v = self.qkv(self.before(h)).chunk(3, -1)
        scores = (q @ k.mT / math.sqrt(WIDTH)).masked_fill(self.ahead, -torch.inf)
        h = h + self.out(scores.softmax(-1) @ v)
        h = h + self.narrow(nn.functional.gelu(self.wide(self.after(h))))
        return h @ self.words.weight.T  # the embedding, tied


def transformer(seed):
    torch.manual_seed(seed)
    return Model().double()


def of_words(logits, y):
    return cross_entropy(logits.flatten(0, -2), y.flatten(), ignore_index=PADDING)


@pytest.fixture
def sentences() -> Data:
    """Sequences x(j + 1) = 2 x(j) + noise, of lengths 3 to 6."""
    generator = torch.Generator().manual_seed(0)
    x = torch.randint(WORDS, (56, LENGTH + 1), generator=generator)
    for j in range(LENGTH):
        x[:, j + 1] = (2 * x[:, j] + x[:, j + 1] // (WORDS - 1)) % WORDS
    lengths = torch.randint(3, LENGTH + 1, (56, 1), generator=generator)
    y = x[:, 1:].where(torch.arange(LENGTH) < lengths, PADDING)
    return Data(x[:40, :-1], y[:40], x[40:, :-1], y[40:])


def alone(task, optimizer_of, seed, estimate=None):
    model = transformer(seed)
    optimizer = optimizer_of(list(model.parameters()))
    noise, losses = hessian_generator(seed), []
    for batch in mini_batches(len(task.y_train), steps=STEPS, batch_size=BATCH, seed=seed):
        y = task.y_train[batch]
        logits = model(task.x_train[batch])
        loss = of_words(logits, y)
        if estimate is not None and len(losses) % 2 == 0:
            of = logits[y != PADDING] if estimate is gauss_newton_bartlett else loss
            optimizer.update_hessian(estimate(of, list(model.parameters()), generator=noise))
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        losses.append(loss.item())
    return model, torch.tensor(losses, dtype=torch.float64)


def compare(run, k, s, model, losses, task):
    torch.testing.assert_close(run.batch_loss[k, s], losses, rtol=1e-8, atol=1e-10)
    for name, p in model.named_parameters():
        here = run.snapshots[STEPS][name][k, s]
        torch.testing.assert_close(here, p.detach(), rtol=1e-8, atol=1e-10)
    logits = model(task.x_test).detach()
    present = task.y_test != PADDING
    wrong = (logits.argmax(-1) != task.y_test)[present].double().mean()
    assert 0 < present.double().mean() < 1
    assert run.error[k, s, -1].item() == pytest.approx(wrong.item())
    expected = of_words(logits, task.y_test).item()
    assert run.test_loss[k, s, -1].item() == pytest.approx(expected, rel=1e-9)
    expected = of_words(model(task.x_train), task.y_train).item()
    assert run.loss[k, s, -1].item() == pytest.approx(expected, rel=1e-9)


SETTINGS = {
    "steps": STEPS,
    "batch_size": BATCH,
    "seeds": SEEDS,
    "loss": of_words,
    "snapshots": [STEPS],
}


@pytest.mark.parametrize("piece", [128, 16])
def test_a_transformer_in_a_grid_is_the_one_alone(sentences, piece, monkeypatch):
    monkeypatch.setattr("optlab.grid.engine._PIECE", piece)
    lrs, kind = [0.003, 0.03], {"betas": (0.8, 0.95), "eps": 1e-6, "weight_decay": 0.1}
    grid = {"lr": lrs, "beta1": 0.8, "beta2": 0.95, "eps": 1e-6, "weight_decay": 0.1}
    run = train_grid(transformer, sentences, rules.with_decay(rules.adam), grid, **SETTINGS)
    for k, lr in enumerate(lrs):
        for s, seed in enumerate(SEEDS):
            model, losses = alone(
                sentences, lambda ps, lr=lr: torch.optim.AdamW(ps, lr=lr, **kind), seed
            )
            compare(run, k, s, model, losses, sentences)
    assert run.outputs(sentences.x_test, at=STEPS).shape == (2, 2, 16, LENGTH, WORDS)


@pytest.mark.parametrize("name", ["gauss-newton-bartlett", "hutchinson"])
def test_sophia_on_sequences_is_sophia_alone(sentences, name):
    estimate = {"gauss-newton-bartlett": gauss_newton_bartlett, "hutchinson": hutchinson}[name]
    lrs, kind = [0.003, 0.03], {"betas": (0.8, 0.7), "rho": 0.5, "eps": 1e-5, "weight_decay": 0.1}
    grid = {"lr": lrs, "beta1": 0.8, "beta2": 0.7, "rho": 0.5, "eps": 1e-5, "weight_decay": 0.1}
    settings = {**SETTINGS, "hessian": name, "hessian_every": 2}
    run = train_grid(transformer, sentences, rules.sophia, grid, **settings)
    for k, lr in enumerate(lrs):
        for s, seed in enumerate(SEEDS):
            model, losses = alone(
                sentences, lambda ps, lr=lr: optlab.Sophia(ps, lr=lr, **kind), seed, estimate
            )
            compare(run, k, s, model, losses, sentences)
