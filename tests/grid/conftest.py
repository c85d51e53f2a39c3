import pytest
import torch

from optlab.experiments import Data


@pytest.fixture
def task() -> Data:
    """90 examples of 6 features in 3 classes for training, 30 for test."""
    generator = torch.Generator().manual_seed(1)
    centers = torch.randn(3, 6, dtype=torch.float64, generator=generator)
    y = torch.arange(120) % 3
    x = centers[y] + torch.randn(120, 6, dtype=torch.float64, generator=generator)
    return Data(x[:90], y[:90], x[90:], y[90:])
