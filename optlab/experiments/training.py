"""The training loop of the empirical chapters."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

import torch
from torch import nn
from torch.nn.functional import cross_entropy

from optlab.experiments.data import Data


@dataclass(frozen=True)
class Run:
    """loss: mean cross-entropy on the training set after each epoch, before training first
    (epochs + 1 numbers); error: fraction of test examples misclassified, likewise."""

    loss: list[float]
    error: list[float]


def train(
    model: nn.Module,
    data: Data,
    optimizer: torch.optim.Optimizer,
    *,
    epochs: int,
    batch_size: int,
    seed: int,
) -> Run:
    """Train `model` in place on shuffled mini-batches; `seed` fixes their order."""
    generator = torch.Generator().manual_seed(seed)
    n = len(data.y_train)
    losses, errors = [], []
    for epoch in range(epochs + 1):
        if epoch > 0:
            _epoch(model, data, optimizer, torch.randperm(n, generator=generator).split(batch_size))
        with torch.no_grad():
            losses.append(float(cross_entropy(model(data.x_train), data.y_train)))
            wrong = model(data.x_test).argmax(1) != data.y_test
            errors.append(float(wrong.double().mean()))
    return Run(losses, errors)


def _epoch(
    model: nn.Module,
    data: Data,
    optimizer: torch.optim.Optimizer,
    batches: Iterable[torch.Tensor],
) -> None:
    for batch in batches:
        optimizer.zero_grad()
        cross_entropy(model(data.x_train[batch]), data.y_train[batch]).backward()
        optimizer.step()
