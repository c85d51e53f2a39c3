"""Closed convex sets K with their projections, Euclidean and weighted."""

from __future__ import annotations

import math
from abc import ABC, abstractmethod
from collections.abc import Sequence

import torch
from torch import Tensor

Vector = Tensor | Sequence[float] | float


class Domain(ABC):
    """A closed convex set in R^d.

    A domain is itself its projection, `domain(x)` = `domain.project(x)`, so it can be
    given to a rule: `gradient_descent(w, g, s, t, lr=lr, project=domain)`.

    Attributes:
        d: the dimension.
        diameter: the largest Euclidean distance between two of its points.
    """

    d: int
    diameter: float

    def __call__(self, x: Tensor, weights: Tensor | None = None) -> Tensor:
        return self.project(x, weights)

    def project(self, x: Tensor, weights: Tensor | None = None) -> Tensor:
        """The point y of the set with the least sum_i weights_i (y_i - x_i)^2.

        Args:
            x: shape (d,).
            weights: shape (d,), finite and not negative; None is the Euclidean projection. A
                weight of 0 means the limit of ever smaller ones: what its coordinate may do for
                the others costs nothing, and beyond that it stays near x.

        Raises:
            ValueError: a shape is wrong, or a weight is negative or not finite.
        """
        self._check_shape("x", x)
        if weights is None:
            return self._project(x)
        self._check_shape("weights", weights)
        if not bool(((weights >= 0) & torch.isfinite(weights)).all()):
            raise ValueError("weights must be finite and not negative")
        largest = weights.max()
        if largest == 0:
            return self._project(x)
        # Only ratios matter: the largest becomes 1. Beyond 1e154 they are as good as infinite.
        tiny = math.sqrt(torch.finfo(x.dtype).tiny)
        return self._project_weighted(x, (weights / largest).to(x).clamp(min=tiny))

    @abstractmethod
    def _project(self, x: Tensor) -> Tensor: ...

    @abstractmethod
    def _project_weighted(self, x: Tensor, weights: Tensor) -> Tensor: ...

    @abstractmethod
    def contains(self, x: Tensor, tol: float = 1e-9) -> bool:
        """Whether x, of shape (d,), is in the set up to the absolute tolerance tol."""

    @abstractmethod
    def linear_minimum(self, g: Tensor) -> Tensor:
        """A point y of the set with the least inner product with g; both of shape (d,)."""

    def _check_shape(self, name: str, x: Tensor) -> None:
        if x.shape != (self.d,):
            raise ValueError(f"{name} has shape {tuple(x.shape)}; this domain needs ({self.d},)")


class Space(Domain):
    """All of R^d: no constraint, projection is the identity, no finite diameter."""

    def __init__(self, d: int):
        self.d = _dimension(d)
        self.diameter = math.inf

    def _project(self, x: Tensor) -> Tensor:
        return x

    def _project_weighted(self, x: Tensor, weights: Tensor) -> Tensor:
        return x

    def contains(self, x: Tensor, tol: float = 1e-9) -> bool:
        self._check_shape("x", x)
        return bool(torch.isfinite(x).all())

    def linear_minimum(self, g: Tensor) -> Tensor:
        self._check_shape("g", g)
        if bool((g != 0).any()):
            raise ValueError("a linear function has no minimum on all of R^d; use a bounded domain")
        return torch.zeros_like(g)

    def __repr__(self) -> str:
        return f"Space({self.d})"


class Box(Domain):
    """low_i <= x_i <= high_i. Numbers are repeated d times: `Box(-1, 1, d=5)`."""

    def __init__(self, low: Vector, high: Vector, d: int | None = None):
        ends = [_vector(low), _vector(high)]
        d = max(len(e) for e in ends) if d is None else _dimension(d)
        if any(len(e) not in (1, d) for e in ends):
            raise ValueError(
                f"low and high have {len(ends[0])} and {len(ends[1])} entries, d is {d}"
            )
        self.low, self.high = (e.expand(d) for e in ends)
        if not bool((self.low <= self.high).all()):
            raise ValueError("low must not be above high, in any coordinate")
        self.d = d
        self.diameter = float(torch.linalg.vector_norm(self.high - self.low))

    def _project(self, x: Tensor) -> Tensor:
        return torch.minimum(torch.maximum(x, self.low.to(x)), self.high.to(x))

    def _project_weighted(self, x: Tensor, weights: Tensor) -> Tensor:
        # Objective and constraints separate into coordinates, and within one coordinate
        # a positive factor does not move the minimum: the weights make no difference.
        return self._project(x)

    def contains(self, x: Tensor, tol: float = 1e-9) -> bool:
        self._check_shape("x", x)
        return bool(((x >= self.low.to(x) - tol) & (x <= self.high.to(x) + tol)).all())

    def linear_minimum(self, g: Tensor) -> Tensor:
        self._check_shape("g", g)
        return torch.where(g > 0, self.low.to(g), self.high.to(g))

    def __repr__(self) -> str:
        return f"Box({self.low.tolist()}, {self.high.tolist()})"


class Ball(Domain):
    """The Euclidean ball: ‖x - center‖₂ <= radius. `Ball(d=3)` is the unit ball of R^3."""

    def __init__(self, center: Vector = 0.0, radius: float = 1.0, d: int | None = None):
        c = _vector(center)
        d = len(c) if d is None else _dimension(d)
        if len(c) not in (1, d):
            raise ValueError(f"center has {len(c)} entries, d is {d}")
        if not (radius >= 0 and math.isfinite(radius)):
            raise ValueError(f"radius is {radius}; it must be finite and not negative")
        self.d, self.center, self.radius = d, c.expand(d), float(radius)
        self.diameter = 2 * self.radius

    def _project(self, x: Tensor) -> Tensor:
        z = x - self.center.to(x)
        length = torch.linalg.vector_norm(z)
        return x if length <= self.radius else self.center.to(x) + z * (self.radius / length)

    def _project_weighted(self, x: Tensor, weights: Tensor) -> Tensor:
        c = self.center.to(x)
        z = x - c
        length = torch.linalg.vector_norm(z)
        if length <= self.radius:
            return x
        if self.radius == 0:
            return c.clone()
        # Stationarity: y - c = w z / (w + mu), with the multiplier mu >= 0 for which its
        # length is the radius. As min(w) <= w <= 1, mu lies between these two numbers.
        excess = length / self.radius - 1
        low, high = weights.min() * excess, excess
        mu = low
        for _ in range(100):
            y = z * (weights / (weights + mu))
            length = torch.linalg.vector_norm(y)
            low, high = (mu, high) if length > self.radius else (low, mu)
            # Newton on 1/length - 1/radius, which is concave and nearly linear in mu
            # (Moré and Sorensen 1983); bisection of log mu if that leaves the bracket.
            slope = (y * y / (weights + mu)).sum() / length**3
            newton = mu + (1 / self.radius - 1 / length) / slope
            following = newton if low < newton < high else torch.sqrt(low * high)
            if abs(following - mu) <= 1e-15 * mu:
                break
            mu = following
        on_the_sphere: Tensor = y * (self.radius / length)
        return c + on_the_sphere

    def contains(self, x: Tensor, tol: float = 1e-9) -> bool:
        self._check_shape("x", x)
        return bool(torch.linalg.vector_norm(x - self.center.to(x)) <= self.radius + tol)

    def linear_minimum(self, g: Tensor) -> Tensor:
        self._check_shape("g", g)
        length = torch.linalg.vector_norm(g)
        c = self.center.to(g)
        return c.clone() if length == 0 else c - g * (self.radius / length)

    def __repr__(self) -> str:
        return f"Ball({self.center.tolist()}, {self.radius:g})"


class Simplex(Domain):
    """x_i >= 0 and sum_i x_i = total."""

    def __init__(self, d: int, total: float = 1.0):
        if not (total > 0 and math.isfinite(total)):
            raise ValueError(f"total is {total}; it must be finite and positive")
        self.d, self.total = _dimension(d), float(total)
        self.diameter = math.sqrt(2) * self.total if self.d > 1 else 0.0

    def _project(self, x: Tensor) -> Tensor:
        # The same number may be taken from every x_i; with the largest at 0, a far x is exact.
        return self._project_weighted(x - x.max(), torch.ones_like(x))

    def _project_weighted(self, x: Tensor, weights: Tensor) -> Tensor:
        # Stationarity: y = max(0, x - nu / w). As nu falls, coordinates become positive in
        # the order of w x; among the first k, nu follows from the sum. The right k is the
        # last whose own coordinate is positive (Held, Wolfe and Crowder 1974, for w = 1).
        key, order = torch.sort(weights * x, descending=True)
        nu = (x[order].cumsum(0) - self.total) / (1 / weights[order]).cumsum(0)
        k = max(int((key > nu).sum()), 1)
        return torch.clamp(x - nu[k - 1] / weights, min=0)

    def contains(self, x: Tensor, tol: float = 1e-9) -> bool:
        self._check_shape("x", x)
        return bool((x >= -tol).all()) and bool(abs(x.sum() - self.total) <= tol)

    def linear_minimum(self, g: Tensor) -> Tensor:
        self._check_shape("g", g)
        y = torch.zeros_like(g)
        y[torch.argmin(g)] = self.total
        return y

    def __repr__(self) -> str:
        return f"Simplex({self.d}, total={self.total:g})"


def _vector(values: Vector) -> Tensor:
    x = values if isinstance(values, Tensor) else torch.as_tensor(values, dtype=torch.float64)
    x = (x if x.is_floating_point() else x.double()).reshape(-1)
    if len(x) == 0 or not bool(torch.isfinite(x).all()):
        raise ValueError("low, high and center must be finite and not empty")
    return x


def _dimension(d: int) -> int:
    if isinstance(d, bool) or not isinstance(d, int) or d < 1:
        raise ValueError(f"d is {d!r}; the dimension must be a whole number, at least 1")
    return d
