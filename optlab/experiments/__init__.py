"""What the empirical chapters share: data, models, training, settings, records, intervals."""

from optlab.experiments.data import (
    Data,
    DataError,
    Surnames,
    cifar10,
    digits,
    fashion_mnist,
    flip_and_crop,
    mnist1d,
    surname_characters,
    surnames,
)
from optlab.experiments.judging import Comparison, compare, seeds_apart
from optlab.experiments.models import (
    cnn,
    mlp,
    normalized_mlp,
    parameter_count,
    resnet26,
    transformer,
    wide_resnet,
)
from optlab.experiments.published import ensemble_errors, sgdr_errors
from optlab.experiments.records import record
from optlab.experiments.robust import RobustRegression, gradient_sizes
from optlab.experiments.run import Run
from optlab.experiments.scales import settings
from optlab.experiments.training import train
from optlab.learning.intervals import Interval, difference_interval, mean_interval
from optlab.learning.losses import nats_per_character
from optlab.records import Record, recorded

__all__ = [
    "Comparison",
    "Data",
    "DataError",
    "Interval",
    "Record",
    "RobustRegression",
    "Run",
    "Surnames",
    "cifar10",
    "cnn",
    "compare",
    "difference_interval",
    "digits",
    "ensemble_errors",
    "fashion_mnist",
    "flip_and_crop",
    "gradient_sizes",
    "mean_interval",
    "mlp",
    "mnist1d",
    "nats_per_character",
    "normalized_mlp",
    "parameter_count",
    "record",
    "recorded",
    "resnet26",
    "seeds_apart",
    "settings",
    "sgdr_errors",
    "surname_characters",
    "surnames",
    "train",
    "transformer",
    "wide_resnet",
]
