"""What a data set is to training."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Protocol

import torch
from torch.nn.functional import avg_pool2d

# Inputs of a mini-batch, and a generator to draw from -> inputs.
Augmentation = Callable[[torch.Tensor, torch.Generator], torch.Tensor]


class Examples(Protocol):
    """Inputs and targets, such as `Data` holds."""

    @property
    def x_train(self) -> torch.Tensor: ...
    @property
    def y_train(self) -> torch.Tensor: ...
    @property
    def x_test(self) -> torch.Tensor: ...
    @property
    def y_test(self) -> torch.Tensor: ...


@dataclass(frozen=True)
class Data:
    """A classification task: inputs n × features or n × channels × height × width, labels n,
    for training and for test. Of text: numbers of characters n × places, and as labels the
    characters that follow, -100 where there is none.

    Attributes:
        augment: what is done to the inputs of every mini-batch in training, with the generator
            of the run's seed: `flip_and_crop` of CIFAR-10; None for nothing.
    """

    x_train: torch.Tensor
    y_train: torch.Tensor
    x_test: torch.Tensor
    y_test: torch.Tensor
    augment: Augmentation | None = None

    @property
    def features(self) -> int:
        """How many numbers an input has."""
        return self.x_train[0].numel()

    @property
    def classes(self) -> int:
        return int(self.y_train.max()) + 1

    def rescaled(self, factors: torch.Tensor) -> Data:
        """The same task with each feature multiplied by its factor."""
        return replace(self, x_train=self.x_train * factors, x_test=self.x_test * factors)

    def shaped(self, *shape: int) -> Data:
        """The same task with inputs of another shape: `shaped(-1)` for an MLP, `shaped(1, 8, 8)`
        for a network that takes images."""
        return replace(
            self,
            x_train=self.x_train.reshape(len(self.x_train), *shape),
            x_test=self.x_test.reshape(len(self.x_test), *shape),
        )

    def pooled(self, size: int) -> Data:
        """The same task with images averaged over squares of size × size pixels."""
        return replace(
            self, x_train=avg_pool2d(self.x_train, size), x_test=avg_pool2d(self.x_test, size)
        )

    def to(self, device: torch.device | str) -> Data:
        """The same task on another device."""
        return Data(
            self.x_train.to(device),
            self.y_train.to(device),
            self.x_test.to(device),
            self.y_test.to(device),
            self.augment,
        )

    def first(self, examples: int) -> Data:
        """The same task with that many training examples, the first; the test set is kept."""
        if not 1 <= examples <= len(self.y_train):
            raise ValueError(
                f"first({examples}): the task has {len(self.y_train)} training examples"
            )
        return replace(self, x_train=self.x_train[:examples], y_train=self.y_train[:examples])
