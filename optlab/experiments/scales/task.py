"""What is learned at a scale: a data set, a network, and how they are fed."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from typing import Literal

import torch
from torch import nn

from optlab.experiments import data as sets
from optlab.experiments.models import cnn, mlp, normalized_mlp, resnet26, wide_resnet
from optlab.learning.batches import steps_per_epoch

Dataset = Literal["digits", "mnist1d", "fashion_mnist", "cifar10"]
Network = Literal["mlp", "normalized_mlp", "cnn", "resnet26", "wide_resnet"]

SHAPES: dict[Dataset, tuple[int, ...]] = {
    "digits": (1, 8, 8),
    "mnist1d": (40,),
    "fashion_mnist": (1, 28, 28),
    "cifar10": (3, 32, 32),
}
TRAINING = {"digits": 1400, "mnist1d": 4000, "fashion_mnist": 60_000, "cifar10": 50_000}
CLASSES = 10
MLPS = ("mlp", "normalized_mlp")


@dataclass(frozen=True)
class Task:
    """A data set and a network for it.

    sizes: of the network: hidden layers of an MLP, channels of a CNN's stages, (width,) of
    ResNet 26, (depth, k) of a wide network. examples: how many training examples, None for
    all; pool: side of the squares that images are averaged over; augment: flip and crop, which
    goes with the data; autocast: bfloat16 in runs alone, where the device is a GPU. Grids are
    trained in `precision` throughout.
    """

    dataset: Dataset
    network: Network
    sizes: tuple[int, ...]
    batch_size: int = 128
    examples: int | None = None
    pool: int = 1
    precision: Literal["float64", "float32"] = "float64"
    augment: bool = False
    autocast: bool = False

    @property
    def dtype(self) -> torch.dtype:
        dtype: torch.dtype = getattr(torch, self.precision)
        return dtype

    @property
    def steps_per_epoch(self) -> int:
        """Updates in an epoch, the last batch included."""
        return steps_per_epoch(self.examples or TRAINING[self.dataset], self.batch_size)

    @property
    def shape(self) -> tuple[int, ...]:
        """Of an image as the network gets it; (features,) for the two kinds of MLP."""
        channels, *sides = SHAPES[self.dataset]
        shape = (channels, *(side // self.pool for side in sides))
        return (math.prod(shape),) if self.network in MLPS else shape

    def data(self, device: torch.device | str = "cpu") -> sets.Data:
        """The data, in the network's shape. DataError, one line, where they cannot be had."""
        load = {
            "digits": sets.digits,
            "mnist1d": sets.mnist1d,
            "fashion_mnist": sets.fashion_mnist,
            "cifar10": sets.cifar10,
        }[self.dataset]
        task = load(dtype=self.dtype)
        if self.examples is not None:
            task = task.first(self.examples)
        if self.pool > 1:
            task = task.shaped(*SHAPES[self.dataset]).pooled(self.pool)
        task = task.shaped(*self.shape).to(device)
        return replace(task, augment=sets.flip_and_crop if self.augment else None)

    def model(self, seed: int, device: torch.device | str = "cpu") -> nn.Module:
        """The network, drawn from `seed` alone."""
        if self.network in MLPS:
            sizes = [*self.shape, *self.sizes, CLASSES]
            make = mlp if self.network == "mlp" else normalized_mlp
            return make(sizes, seed=seed, dtype=self.dtype, device=device)
        if self.network == "cnn":
            channels, height, width = self.shape
            return cnn(
                (channels, height, width),
                CLASSES,
                widths=self.sizes,
                seed=seed,
                dtype=self.dtype,
                device=device,
            )
        if self.network == "resnet26":
            (width,) = self.sizes
            return resnet26(width, CLASSES, seed=seed, dtype=self.dtype, device=device)
        depth, k = self.sizes
        return wide_resnet(depth, k, CLASSES, seed=seed, dtype=self.dtype, device=device)


DIGITS = Task("digits", "mlp", (64,))
SIGNALS = Task("mnist1d", "mlp", (64,))
FASHION = Task("fashion_mnist", "mlp", (128, 128), examples=5000, pool=2, precision="float32")
FASHION_CNN = Task(
    "fashion_mnist", "cnn", (16, 32), examples=20_000, precision="float32", autocast=True
)
# Each hidden layer is normalized, as in the papers' networks; data are few.
NORMALIZED_DIGITS = Task("digits", "normalized_mlp", (32, 32), batch_size=50, examples=300)
NORMALIZED_FASHION = replace(
    FASHION, network="normalized_mlp", sizes=(48, 48), batch_size=100, examples=2000
)


def cifar10(network: Network, *sizes: int) -> Task:
    """The papers' task: CIFAR-10 with flips and crops, batches of 128."""
    return Task("cifar10", network, sizes, precision="float32", augment=True, autocast=True)
