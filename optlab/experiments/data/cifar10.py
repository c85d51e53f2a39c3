"""CIFAR-10 (Krizhevsky, 2009)."""

from __future__ import annotations

import tarfile
from pathlib import Path

import numpy as np
import torch

from optlab.experiments.data.fetch import fetch
from optlab.learning.data import Data

# The binary version: records of one label and 3072 pixels, and no pickle to be run.
URL = "https://www.cs.toronto.edu/~kriz/cifar-10-binary.tar.gz"
# Its page publishes MD5, c32a1d4ab5d03f1284b67883e8d87530; the SHA-256 is that of the loaders
# of Red Datasets (Ruby) and GoMLX (Go), which agree.
SHA256 = "c4a38c50a1bc5f3a1c5537f2155ab9d68f9f25eb1ed8d9ddda3db29a59bca1dd"
TRAIN = tuple(f"cifar-10-batches-bin/data_batch_{i}.bin" for i in range(1, 6))
TEST = ("cifar-10-batches-bin/test_batch.bin",)
SHAPE = (3, 32, 32)


def cifar10(*, dtype: torch.dtype = torch.float32, device: torch.device | str = "cpu") -> Data:
    """CIFAR-10: 50,000 and 10,000 images of 3 × 32 × 32 pixels, 10 classes.

    Downloaded once from its official address into the data folder (170 MB).
    Each color has mean 0 and standard deviation 1 over the training set.

    Raises:
        DataError: one line with a remedy.
    """
    archive = fetch("cifar-10-binary.tar.gz", URL, SHA256)
    x_train, y_train = _read(archive, TRAIN)
    x_test, y_test = _read(archive, TEST)
    x = x_train.to(dtype)
    std, mean = torch.std_mean(x, dim=(0, 2, 3), keepdim=True, correction=0)
    return Data(
        ((x - mean) / std).to(device),
        y_train.to(device),
        ((x_test.to(dtype) - mean) / std).to(device),
        y_test.to(device),
    )


def _read(archive: Path, names: tuple[str, ...]) -> tuple[torch.Tensor, torch.Tensor]:
    with tarfile.open(archive) as files:
        parts = [files.extractfile(name) for name in names]
        content = b"".join(part.read() for part in parts if part is not None)
    records = np.frombuffer(content, np.uint8).reshape(-1, 1 + 3 * 32 * 32)
    images = torch.from_numpy(records[:, 1:].reshape(-1, *SHAPE).copy())
    return images, torch.from_numpy(records[:, 0].astype(np.int64))
