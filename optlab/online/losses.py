"""Sequences of convex losses f_1, …, f_T of a linear prediction.

Every loss here has the form f_t(x) = phi(<z_t, x>, y_t), with a row z_t of features,
a target y_t and a convex function phi of the prediction. Rounds count from t = 1.
"""

from __future__ import annotations

from abc import ABC, abstractmethod

import torch
from torch import Tensor
from torch.nn.functional import logsigmoid

from optlab.online.domains import Domain


class Losses(ABC):
    """f_1, …, f_T on R^d.

    Args:
        z: features, shape (T, d), float.
        y: targets, shape (T,); which values are allowed depends on the loss.

    Attributes:
        T, d: the number of rounds and the dimension.
        curvature: the largest second derivative of phi in the prediction.
    """

    curvature: float

    def __init__(self, z: Tensor, y: Tensor):
        if z.ndim != 2 or 0 in z.shape or not z.is_floating_point():
            raise ValueError(f"z must be a float matrix of shape (T, d), not {tuple(z.shape)}")
        if y.shape != z.shape[:1]:
            raise ValueError(f"y must have shape ({len(z)},), one target a row of z")
        if not bool(torch.isfinite(z).all() and torch.isfinite(y).all()):
            raise ValueError("z and y must be finite")
        self.z, self.y = z, y.to(z)
        self.T, self.d = z.shape

    @abstractmethod
    def phi(self, s: Tensor, y: Tensor) -> Tensor:
        """The loss of the predictions s, elementwise."""

    @abstractmethod
    def slope(self, s: Tensor, y: Tensor) -> Tensor:
        """A subgradient of phi in s, elementwise; the derivative where there is one."""

    def value(self, t: int, x: Tensor) -> Tensor:
        """f_t(x), of shape ()."""
        z, y = self._round(t)
        return self.phi(z @ x, y)

    def subgradient(self, t: int, x: Tensor) -> Tensor:
        """A subgradient of f_t at x, of shape (d,)."""
        z, y = self._round(t)
        return self.slope(z @ x, y) * z

    def values(self, points: Tensor) -> Tensor:
        """f_1(x_1), …, f_n(x_n) for the n rows of `points`; shape (n,)."""
        n = len(points)
        return self.phi((self.z[:n] * points).sum(1), self.y[:n])

    def total(self, x: Tensor, T: int | None = None) -> Tensor:
        """F(x) = f_1(x) + … + f_T(x), of shape (); T is all rounds if not given."""
        return self.phi(self.z[:T] @ x, self.y[:T]).sum()

    def total_gradient(self, x: Tensor, T: int | None = None) -> Tensor:
        """A subgradient of F at x, of shape (d,)."""
        return self.slope(self.z[:T] @ x, self.y[:T]) @ self.z[:T]

    def smoothness(self, T: int | None = None) -> float:
        """A Lipschitz constant of the gradient of F (infinite where F has kinks)."""
        largest = torch.linalg.matrix_norm(self.z[:T], ord=2)
        return float(self.curvature * largest**2)

    def strong_convexity(self, T: int | None = None) -> float:
        """A modulus of strong convexity of F on all of R^d; 0 if F has none."""
        return 0.0

    def smoothed(self, excess: float) -> Losses:
        """Losses with Lipschitz gradients that lie below these, by at most `excess` each."""
        return self

    def gradient_bound(self, domain: Domain) -> float:
        """G: no subgradient that `subgradient` returns on the domain is longer.

        phi' lies in [-1, 1] for every loss but `Squared`: G is the length of the longest row of z.
        """
        return float(torch.linalg.vector_norm(self.z, dim=1).max())

    def _round(self, t: int) -> tuple[Tensor, Tensor]:
        if not 1 <= t <= self.T:
            raise IndexError(f"round {t} is outside 1, …, {self.T}")
        return self.z[t - 1], self.y[t - 1]


class Linear(Losses):
    """f_t(x) = <g_t, x>, for g of shape (T, d)."""

    curvature = 0.0

    def __init__(self, g: Tensor):
        super().__init__(g, g.new_zeros(len(g)))

    def phi(self, s: Tensor, y: Tensor) -> Tensor:
        return s

    def slope(self, s: Tensor, y: Tensor) -> Tensor:
        return torch.ones_like(s)


class Logistic(Losses):
    """f_t(x) = log(1 + exp(-y_t <z_t, x>)), labels y_t in {-1, +1}."""

    curvature = 0.25

    def __init__(self, z: Tensor, y: Tensor):
        super().__init__(z, y)
        _check_labels(self.y)

    def phi(self, s: Tensor, y: Tensor) -> Tensor:
        return -logsigmoid(y * s)

    def slope(self, s: Tensor, y: Tensor) -> Tensor:
        return -y * torch.sigmoid(-y * s)


class Hinge(Losses):
    """f_t(x) = max(0, 1 - y_t <z_t, x>), labels y_t in {-1, +1}.

    With smoothing mu > 0 the kink becomes a parabola of width mu in the margin
    1 - y s; the smoothed loss is lower by at most mu/2.
    """

    def __init__(self, z: Tensor, y: Tensor, smoothing: float = 0.0):
        super().__init__(z, y)
        _check_labels(self.y)
        if smoothing < 0:
            raise ValueError(f"smoothing is {smoothing}; it must not be negative")
        self.smoothing = smoothing
        self.curvature = 1 / smoothing if smoothing > 0 else torch.inf

    def phi(self, s: Tensor, y: Tensor) -> Tensor:
        margin = torch.clamp(1 - y * s, min=0)
        if self.smoothing == 0:
            return margin
        parabola = margin**2 / (2 * self.smoothing)
        return torch.where(margin < self.smoothing, parabola, margin - self.smoothing / 2)

    def slope(self, s: Tensor, y: Tensor) -> Tensor:
        margin = 1 - y * s
        if self.smoothing == 0:
            return -y * (margin > 0)
        return -y * torch.clamp(margin / self.smoothing, 0, 1)

    def smoothed(self, excess: float) -> Hinge:
        return Hinge(self.z, self.y, smoothing=2 * excess)


class Squared(Losses):
    """f_t(x) = (<z_t, x> - y_t)^2 / 2."""

    curvature = 1.0

    def phi(self, s: Tensor, y: Tensor) -> Tensor:
        return (s - y) ** 2 / 2

    def slope(self, s: Tensor, y: Tensor) -> Tensor:
        return s - y

    def strong_convexity(self, T: int | None = None) -> float:
        """The least eigenvalue of z'z (0 if there are fewer rounds than dimensions)."""
        z = self.z[:T]
        return float(torch.linalg.svdvals(z)[-1] ** 2) if len(z) >= self.d else 0.0

    def gradient_bound(self, domain: Domain) -> float:
        """The largest ‖(<z_t, x> - y_t) z_t‖ over rounds t and x in the (bounded) domain."""
        low, high = (
            torch.stack([row @ domain.linear_minimum(sign * row) for row in self.z])
            for sign in (1, -1)
        )
        furthest = torch.maximum((low - self.y).abs(), (high - self.y).abs())
        return float((furthest * torch.linalg.vector_norm(self.z, dim=1)).max())


def _check_labels(y: Tensor) -> None:
    if not bool((y.abs() == 1).all()):
        raise ValueError("labels y must be -1 or +1")
