"""What the empirical chapters share: data, models, training loops, intervals over seeds."""

from optlab.experiments.data import Data, digits
from optlab.experiments.intervals import Interval, mean_interval
from optlab.experiments.models import mlp
from optlab.experiments.training import Run, train

__all__ = ["Data", "Interval", "Run", "digits", "mean_interval", "mlp", "train"]
