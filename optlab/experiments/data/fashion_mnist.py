"""Fashion-MNIST (Xiao, Rasul and Vollgraf, 2017)."""

from __future__ import annotations

import gzip
import hashlib
import zlib
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from optlab.experiments.data.errors import DataError
from optlab.experiments.data.fetch import fetch
from optlab.learning.data import Data

DEBIAN = Path("/usr/share/datasets/fashion-mnist")  # of the package dataset-fashion-mnist
LARGEST = 2**26  # bytes unpacked; the images for training have 47 million
OFFICIAL = "http://fashion-mnist.s3-website.eu-central-1.amazonaws.com"


@dataclass(frozen=True)
class _File:
    name: str
    sha256: str  # of the .gz file at the official address
    content: str  # SHA-256 of what is in it; Debian packs the same bytes anew


# The project publishes MD5. Debian's packed data with the official header (name and time put
# back) has these MD5, and gives the SHA-256, which tensorflow-datasets lists too.
FILES = {
    "x_train": _File(
        "train-images-idx3-ubyte.gz",
        "3aede38d61863908ad78613f6a32ed271626dd12800ba2636569512369268a84",
        "c59f468a2f672dc815687fe0f83887768d799fd8a3f3276145d20f83aa44d888",
    ),
    "y_train": _File(
        "train-labels-idx1-ubyte.gz",
        "a04f17134ac03560a47e3764e11b92fc97de4d1bfaf8ba1a3aa29af54cc90845",
        "bad3541b69d912435c50bb6ba87bec294ff4f6a2e1246121d8633921760443d9",
    ),
    "x_test": _File(
        "t10k-images-idx3-ubyte.gz",
        "346e55b948d973a97e58d2351dde16a484bd415d4595297633bb08f03db6a073",
        "5b4141f0afbad91edebe8549f8fcffe087ea10ca49f1dbef5c9a5cd8815ce37b",
    ),
    "y_test": _File(
        "t10k-labels-idx1-ubyte.gz",
        "67da17c76eaffca5446c3361aaab5c3cd6d1c2608764d35dfb1850b086bf8dd5",
        "0402a96d92fd2663957122ceb108a494c5af83dab82d92729df917d7dec38c34",
    ),
}


def fashion_mnist(
    *, dtype: torch.dtype = torch.float32, device: torch.device | str = "cpu"
) -> Data:
    """Fashion-MNIST: 60,000 and 10,000 images of 1 × 28 × 28 pixels, 10 kinds of clothing.

    From Debian's package dataset-fashion-mnist where it is installed, otherwise from the
    data folder, into which the official files are downloaded once (31 MB).
    Pixels are scaled from 0…255 to 0…1 and centered on the training mean.

    Raises:
        DataError: one line with a remedy.
    """
    raw = {part: torch.from_numpy(_read(file)) for part, file in FILES.items()}
    images = {part: raw[part].to(dtype).div_(255).unsqueeze(1) for part in ("x_train", "x_test")}
    mean = images["x_train"].mean(0)
    return Data(
        (images["x_train"] - mean).to(device),
        raw["y_train"].long().to(device),
        (images["x_test"] - mean).to(device),
        raw["y_test"].long().to(device),
    )


def _read(file: _File) -> NDArray[Any]:
    content = _unpacked(file)
    dimensions = content[3]
    shape = np.frombuffer(content, ">i4", count=dimensions, offset=4)
    return np.frombuffer(content, np.uint8, offset=4 + 4 * dimensions).reshape(shape).copy()


def _unpacked(file: _File) -> bytes:
    packaged = DEBIAN / file.name
    if not packaged.exists():
        url = f"{OFFICIAL}/{file.name}"
        return _gunzip(fetch(f"fashion-mnist/{file.name}", url, file.sha256))
    try:
        content = _gunzip(packaged)
    except (OSError, EOFError, ValueError, zlib.error):
        content = b""
    if hashlib.sha256(content).hexdigest() != file.content:
        raise DataError(
            f"{packaged} is damaged (its SHA-256 is not the published one):"
            " apt-get install --reinstall dataset-fashion-mnist"
        )
    return content


def _gunzip(path: Path) -> bytes:
    """What is packed, no more than LARGEST bytes of it: a small file may unpack to any size."""
    with gzip.open(path) as file:
        return file.read(LARGEST)
