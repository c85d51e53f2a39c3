"""Many configurations of one experiment, trained as one batch."""

from optlab.grid.curvature import hessian_generator
from optlab.grid.results import GridRun, Table
from optlab.grid.train import train_grid
from optlab.learning.batches import steps_per_epoch

__all__ = ["GridRun", "Table", "hessian_generator", "steps_per_epoch", "train_grid"]
