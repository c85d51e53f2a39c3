"""Data sets that need no network."""

from __future__ import annotations

from dataclasses import dataclass

import torch


@dataclass(frozen=True)
class Data:
    """A classification task: inputs n × features, labels n, for training and for test."""

    x_train: torch.Tensor
    y_train: torch.Tensor
    x_test: torch.Tensor
    y_test: torch.Tensor

    @property
    def features(self) -> int:
        return self.x_train.shape[1]

    @property
    def classes(self) -> int:
        return int(self.y_train.max()) + 1

    def rescaled(self, factors: torch.Tensor) -> Data:
        """The same task with each feature multiplied by its factor."""
        return Data(self.x_train * factors, self.y_train, self.x_test * factors, self.y_test)


def digits(
    *, test: int = 397, dtype: torch.dtype = torch.float64, device: torch.device | str = "cpu"
) -> Data:
    """scikit-learn's digits: 1797 images of 8 × 8 pixels, 10 classes, no download.

    test: how many images are held out. Which ones does not depend on any seed of an experiment.
    Pixels are scaled from 0…16 to 0…1 and centered on the training mean.
    """
    from sklearn.datasets import load_digits

    x, y = load_digits(return_X_y=True)
    order = torch.randperm(len(y), generator=torch.Generator().manual_seed(0))
    inputs = torch.tensor(x / 16.0, dtype=torch.float64)[order]
    labels = torch.tensor(y, dtype=torch.int64)[order]
    inputs = (inputs - inputs[test:].mean(0)).to(device=device, dtype=dtype)
    labels = labels.to(device)
    return Data(inputs[test:], labels[test:], inputs[:test], labels[:test])
