"""Closed convex sets K with their projections, Euclidean and weighted."""

from __future__ import annotations

import math
from abc import ABC, abstractmethod
from collections.abc import Sequence

import torch
from torch import Tensor

from optlab.online.scaling import (
    LARGEST,
    SMALLEST,
    difference,
    exponent_of,
    norm,
    scaled,
    shifted,
    shifted_number,
)

Vector = Tensor | Sequence[float] | float

# Numbers between this and its inverse have squares and sums in range.
_COMMON = 1e-140
# The least weight beside 1.
_TINY = math.sqrt(torch.finfo(torch.float64).tiny)


class Domain(ABC):
    """A closed convex set in R^d.

    A domain is itself its projection, `domain(x)` = `domain.project(x)`, so it can be
    given to a rule: `gradient_descent(w, g, s, t, lr=lr, project=domain)`.

    Points, gradients and the numbers that describe a set may be of any finite size, from the
    smallest float to the largest. Everything is calculated in float64, and rounded once to the
    dtype of what was given.

    Attributes:
        d: the dimension.
        diameter: the largest Euclidean distance between two of its points, at most the largest
            float; infinite for a set without bounds.
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
            ValueError: a shape is wrong, x is not finite, a weight is negative or not finite, or
                the point is beyond the range of x's dtype.
        """
        self._check("x", x)
        if weights is None:
            return self._like(x, self._project(x.double()))
        self._check_shape("weights", weights)
        if not bool(((weights >= 0) & torch.isfinite(weights)).all()):
            raise ValueError("weights must be finite and not negative")
        weights = weights.to(x.device, torch.float64)
        largest = weights.max()
        if largest == 0:
            return self._like(x, self._project(x.double()))
        # Only ratios matter: the largest becomes 1. Beyond 1e154 they are as good as infinite.
        weights = (weights / largest).clamp(min=_TINY)
        return self._like(x, self._project_weighted(x.double(), weights))

    @abstractmethod
    def _project(self, x: Tensor) -> Tensor: ...

    @abstractmethod
    def _project_weighted(self, x: Tensor, weights: Tensor) -> Tensor: ...

    def contains(self, x: Tensor, tol: float = 1e-9) -> bool:
        """Whether x, of shape (d,), is in the set up to the absolute tolerance tol.

        What the rounding of numbers of this size in x's dtype explains is granted besides.
        """
        self._check_shape("x", x)
        if not bool(torch.isfinite(x).all()):
            return False
        eps = torch.finfo(x.dtype).eps if x.is_floating_point() else 0.0
        rounding = (16 + 8 * self.d) * max(eps, torch.finfo(torch.float64).eps)
        return self._contains(x.double(), tol + 8 * self.d * SMALLEST, rounding)

    @abstractmethod
    def _contains(self, x: Tensor, tol: float, rounding: float) -> bool:
        """Within the absolute tolerance tol, and `rounding` relative to the numbers' size."""

    def linear_minimum(self, g: Tensor) -> Tensor:
        """A point y of the set with the least inner product with g; both of shape (d,).

        Raises:
            ValueError: a shape is wrong, g is not finite, there is no such point, or it is
                beyond the range of g's dtype.
        """
        self._check("g", g)
        return self._like(g, self._linear_minimum(g.double()))

    @abstractmethod
    def _linear_minimum(self, g: Tensor) -> Tensor: ...

    def _check(self, name: str, x: Tensor) -> None:
        self._check_shape(name, x)
        if not x.is_floating_point():
            raise ValueError(f"{name} must be a tensor of floating numbers; it is of {x.dtype}")
        # A finite sum has finite terms, and is found faster.
        if not math.isfinite(float(x.detach().sum())) and not bool(torch.isfinite(x).all()):
            raise ValueError(f"{name} must be finite")

    def _check_shape(self, name: str, x: Tensor) -> None:
        if x.shape != (self.d,):
            raise ValueError(f"{name} has shape {tuple(x.shape)}; this domain needs ({self.d},)")

    def _like(self, given: Tensor, y: Tensor) -> Tensor:
        """y in the dtype of what was given."""
        if y.dtype == given.dtype:
            return y
        rounded = y.to(given)
        if not bool(torch.isfinite(rounded).all()):
            raise ValueError(f"the point is beyond the range of {given.dtype}; use torch.float64")
        return rounded


class Space(Domain):
    """All of R^d: no constraint, projection is the identity, no finite diameter."""

    def __init__(self, d: int):
        self.d = _dimension(d)
        self.diameter = math.inf

    def _project(self, x: Tensor) -> Tensor:
        return x

    def _project_weighted(self, x: Tensor, weights: Tensor) -> Tensor:
        return x

    def _contains(self, x: Tensor, tol: float, rounding: float) -> bool:
        return True

    def _linear_minimum(self, g: Tensor) -> Tensor:
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
        sides, e = difference(self.high.double(), self.low.double())
        self.diameter = min(shifted_number(norm(sides), e), LARGEST)

    def _project(self, x: Tensor) -> Tensor:
        return torch.minimum(torch.maximum(x, self.low.to(x)), self.high.to(x))

    def _project_weighted(self, x: Tensor, weights: Tensor) -> Tensor:
        # Objective and constraints separate into coordinates, and within one coordinate
        # a positive factor does not move the minimum: the weights make no difference.
        return self._project(x)

    def _contains(self, x: Tensor, tol: float, rounding: float) -> bool:
        low, high = self.low.to(x), self.high.to(x)
        below = x >= low - (tol + rounding * low.abs())
        return bool((below & (x <= high + (tol + rounding * high.abs()))).all())

    def _linear_minimum(self, g: Tensor) -> Tensor:
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
        if not math.isfinite(float(c.double().abs().max()) + self.radius):
            raise ValueError(f"radius is {radius}; with this center, the ball has no end in range")
        self.diameter = min(2 * self.radius, LARGEST)

    def _project(self, x: Tensor) -> Tensor:
        c = self.center.to(x)
        z = x - c
        length = torch.linalg.vector_norm(z)
        if _COMMON < float(length) < 1 / _COMMON and self.radius > _COMMON:  # as it stands
            return x if length <= self.radius else c + z * (self.radius / length)
        z, e = difference(x, c)
        return x if self._reaches(z, e) else c + self._on_the_sphere(z)

    def _reaches(self, z: Tensor, e: int, tol: float = 0.0) -> bool:
        """Whether z * 2**e is no longer than radius + tol."""
        return float(torch.linalg.vector_norm(z)) <= shifted_number(self.radius + tol, -e)

    def _on_the_sphere(self, direction: Tensor) -> Tensor:
        """The vector of this direction, which is not 0, that is as long as the radius."""
        u, _ = scaled(direction)
        length = torch.linalg.vector_norm(u)
        if self.radius > _COMMON:
            on_the_sphere: Tensor = u * (self.radius / length)
            return on_the_sphere
        # Few digits are left near the smallest float: rounded up, it would leave the ball.
        y: Tensor = (u / length) * self.radius
        while not self._reaches(*scaled(y)):
            y = torch.nextafter(y, torch.zeros_like(y))
        return y

    def _project_weighted(self, x: Tensor, weights: Tensor) -> Tensor:
        c = self.center.to(x)
        z, e = difference(x, c)
        if self._reaches(z, e):
            return x
        if self.radius == 0:
            return c.clone()
        # From here on in units of 2**e.
        radius = shifted_number(self.radius, -e)
        length = norm(z)
        # Stationarity: y - c = w z / (w + mu), with the multiplier mu >= 0 for which its
        # length is the radius. As min(w) <= w <= 1, mu lies between these two numbers.
        excess = length / radius - 1 if length < radius * 1e300 else math.inf
        if math.isinf(excess):  # mu is, too, beside any weight
            return c + self._on_the_sphere(z * weights)
        low, high = float(weights.min()) * excess, excess
        mu = low
        for _ in range(100):
            y = z * (weights / (weights + mu))
            length = norm(y)
            low, high = (mu, high) if length > radius else (low, mu)
            # Newton on 1/length - 1/radius, which is concave and nearly linear in mu
            # (Moré and Sorensen 1983); bisection of log mu if that leaves the bracket.
            slope = float((y * y / (weights + mu)).sum()) / length**3 if length > 1e-100 else 0.0
            newton = mu + (1 / radius - 1 / length) / slope if slope > 0 else math.nan
            following = newton if low < newton < high else math.sqrt(low) * math.sqrt(high)
            if abs(following - mu) <= 1e-15 * mu:
                break
            mu = following
        return c + self._on_the_sphere(y)

    def _contains(self, x: Tensor, tol: float, rounding: float) -> bool:
        c = self.center.to(x)
        size = max(self.radius, float(c.abs().max()), float(x.abs().max()))
        return self._reaches(*difference(x, c), tol + rounding * size)

    def _linear_minimum(self, g: Tensor) -> Tensor:
        c = self.center.to(g)
        return c - self._on_the_sphere(g) if bool((g != 0).any()) else c.clone()

    def __repr__(self) -> str:
        return f"Ball({self.center.tolist()}, {self.radius:g})"


class Simplex(Domain):
    """x_i >= 0 and sum_i x_i = total."""

    def __init__(self, d: int, total: float = 1.0):
        if not (total > 0 and math.isfinite(total)):
            raise ValueError(f"total is {total}; it must be finite and positive")
        self.d, self.total = _dimension(d), float(total)
        self.diameter = min(math.sqrt(2) * self.total, LARGEST) if self.d > 1 else 0.0

    def _project(self, x: Tensor) -> Tensor:
        # The same number may be taken from every x_i; with the largest at 0, a far x is exact.
        # What is lower by more than the total gets nothing, however much lower it is.
        x = (x - x.max()).clamp(min=-self.total)
        return self._project_weighted(x, torch.ones_like(x))

    def _project_weighted(self, x: Tensor, weights: Tensor) -> Tensor:
        # A multiple of 1/w may be taken from x, as the same number may where w = 1. Where x is
        # far from the simplex, the nu that is found leaves rounding errors larger than the
        # total, but a nearer x: in each turn by the digits of a float, 616 in all.
        for _ in range(60):
            x, e = self._within_reach(x, weights)
            total = shifted_number(self.total, -e)
            nu, farthest = _threshold(x, weights, total)
            y = x - nu / weights
            if farthest <= 4 * total:
                break
            x = shifted(y, e).clamp(-LARGEST, LARGEST)
        return shifted(torch.clamp(y, min=0), e)

    def _within_reach(self, x: Tensor, weights: Tensor) -> tuple[Tensor, int]:
        """x and the total in units of 2**e, in which their sums stay in range.

        Coordinates i with w_i x_i <= w_1 (x_1 - total), where w_1 x_1 is the largest, get
        nothing; those a good way below that are brought nearer, so that their size is no
        measure of the others'.
        """
        if _COMMON < float(x.abs().max()) < 1 / _COMMON and self.total > _COMMON:
            return x, 0
        top = int(torch.argmax(weights * shifted(x, -exponent_of(abs(float(x.max()))))))
        size = max(abs(float(x[top])), self.total)
        e = exponent_of(size)
        # In units of `size` the lowest that need be looked at is -10 w_1 / w_i, at least -1e156.
        x = shifted(x, -e).clamp(min=-LARGEST)
        return torch.maximum(x, -10 * weights[top] / weights), e

    def _contains(self, x: Tensor, tol: float, rounding: float) -> bool:
        tol = tol + rounding * self.total
        if bool((x < -tol).any()):
            return False
        e = max(exponent_of(max(self.total, float(x.abs().max()))) - 900, 0)
        excess = abs(float(shifted(x, -e).sum()) - shifted_number(self.total, -e))
        return excess <= shifted_number(tol, -e)

    def _linear_minimum(self, g: Tensor) -> Tensor:
        y = torch.zeros_like(g)
        y[torch.argmin(g)] = self.total
        return y

    def __repr__(self) -> str:
        return f"Simplex({self.d}, total={self.total:g})"


def _threshold(x: Tensor, weights: Tensor, total: float) -> tuple[Tensor, float]:
    """nu such that max(0, x - nu / w) sums to the total, and the largest |x| where that is
    positive."""
    # As nu falls, coordinates become positive in the order of w x; among the first k, nu
    # follows from the sum. The right k is where the next would not become positive at the nu
    # of those before it (Held, Wolfe and Crowder 1974, for w = 1). Its own nu is no test, since
    # that may be its w x to the last digit.
    key, order = torch.sort(weights * x, descending=True)
    ordered = x[order]
    nu = (ordered.cumsum(0) - total) / (1 / weights[order]).cumsum(0)
    k = 1 + int((key[1:] > nu[:-1]).cumprod(0).sum())
    return nu[k - 1], float(ordered[:k].abs().max())


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
