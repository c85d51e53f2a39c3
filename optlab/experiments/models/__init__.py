"""The networks of the empirical chapters: small ones, and those of the deck's tables."""

from optlab.experiments.models.cnn import cnn
from optlab.experiments.models.count import parameter_count
from optlab.experiments.models.mlp import mlp, normalized_mlp
from optlab.experiments.models.resnet26 import resnet26
from optlab.experiments.models.transformer import transformer
from optlab.experiments.models.wide_resnet import wide_resnet

__all__ = [
    "cnn",
    "mlp",
    "normalized_mlp",
    "parameter_count",
    "resnet26",
    "transformer",
    "wide_resnet",
]
