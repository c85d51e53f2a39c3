"""The data sets of the empirical chapters, under one type.

`digits`, `mnist1d`, `surnames` and `surname_characters` need no network. `fashion_mnist` and
`cifar10` are read from the user's data folder (`folder`; the environment variable OPTLAB_DATA
names another) and are downloaded there when first asked for.
"""

from optlab.experiments.data.augmentation import flip_and_crop
from optlab.experiments.data.cifar10 import cifar10
from optlab.experiments.data.digits import digits
from optlab.experiments.data.errors import DataError
from optlab.experiments.data.fashion_mnist import fashion_mnist
from optlab.experiments.data.fetch import folder
from optlab.experiments.data.mnist1d import mnist1d
from optlab.experiments.data.surnames import ALPHABET, Surnames, surname_characters, surnames
from optlab.learning.data import Augmentation, Data

__all__ = [
    "ALPHABET",
    "Augmentation",
    "Data",
    "DataError",
    "Surnames",
    "cifar10",
    "digits",
    "fashion_mnist",
    "flip_and_crop",
    "folder",
    "mnist1d",
    "surname_characters",
    "surnames",
]
