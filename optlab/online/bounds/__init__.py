"""Regret bounds, each with the hypotheses it needs, one file for each algorithm."""

from optlab.online.bounds.adagrad import AdaGrad
from optlab.online.bounds.amsgrad import AMSGrad
from optlab.online.bounds.gradient_descent import SquareRoot, projected_gradient_descent

__all__ = ["AMSGrad", "AdaGrad", "SquareRoot", "projected_gradient_descent"]
