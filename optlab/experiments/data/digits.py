"""scikit-learn's digits, embedded in its wheel."""

from __future__ import annotations

import torch

from optlab.learning.data import Data


def digits(
    *, test: int = 397, dtype: torch.dtype = torch.float64, device: torch.device | str = "cpu"
) -> Data:
    """scikit-learn's digits: 1797 images of 8 × 8 pixels, 10 classes, no download.

    Inputs are n × 64. Pixels are scaled from 0…16 to 0…1 and centered on the training mean.

    Args:
        test: how many images are held out. Which ones does not depend on any seed of an
            experiment.
    """
    from sklearn.datasets import load_digits

    x, y = load_digits(return_X_y=True)
    order = torch.randperm(len(y), generator=torch.Generator().manual_seed(0))
    inputs = torch.tensor(x / 16.0, dtype=torch.float64)[order]
    labels = torch.tensor(y, dtype=torch.int64)[order]
    inputs = (inputs - inputs[test:].mean(0)).to(device=device, dtype=dtype)
    labels = labels.to(device)
    return Data(inputs[test:], labels[test:], inputs[:test], labels[:test])
