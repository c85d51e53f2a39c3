"""The slanted triangular schedule: as the deck prints it, as it was published, and made safe.

T is the number of updates, cut_frac the fraction of them in which the rate rises,
ratio the largest rate over the smallest. Where T * cut_frac must be exact, give
a Fraction: in floating point 100 * 0.29 is less than 29.
"""

from numbers import Real
from typing import Any

from optlab.ops import ceil, floor, maximum, where
from optlab.schedules.schedule import schedule


@schedule(T=">= 1", cut_frac="in (0, 1]", ratio=">= 1")
def slanted_triangular_printed(t: Any, T: Any, cut_frac: Any = 0.1, ratio: Any = 32) -> Any:
    """The deck, "Linear Decay Scheduler": the published formula with the ceiling.

    Faults: it never comes down to 1/ratio where T * cut_frac is not whole, and
    divides by zero (ZeroDivisionError; NaN where parameters are tensors) at cut_frac = 1.
    """
    cut = ceil(T * cut_frac)
    return _published(t, T, cut_frac, ratio, cut)


@schedule(T=">= 1", cut_frac="in (0, 1]", ratio=">= 1")
def slanted_triangular_published(t: Any, T: Any, cut_frac: Any = 0.1, ratio: Any = 32) -> Any:
    """Howard and Ruder (2018), equation (3).

    Faults: negative rates before t = T where T * cut_frac is far from whole; it divides
    by zero (ZeroDivisionError; NaN where parameters are tensors) if T * cut_frac < 1
    and at cut_frac = 1.
    """
    cut = floor(T * cut_frac)
    return _published(t, T, cut_frac, ratio, cut)


@schedule(T=">= 2", cut_frac="in (0, 1)", ratio=">= 1")
def slanted_triangular(t: Any, T: Any, cut_frac: Any = 0.1, ratio: Any = 32) -> Any:
    """Howard and Ruder (2018), equation (3), made safe.

    The denominator T - cut is that of fastai's CircularLR and AllenNLP's
    SlantedTriangular; a rise of at least one update is ours. The rate comes
    down to exactly 1/ratio at t = T, where it stays.
    """
    cut = maximum(1, floor(T * cut_frac))
    p = where(t < cut, t / cut, where(t < T, 1 - (t - cut) / (T - cut), 0))
    return (1 + p * (ratio - 1)) / ratio


def _published(t: Any, T: Any, cut_frac: Any, ratio: Any, cut: Any) -> Any:
    for divisor, name in ((cut, "cut"), (1 / cut_frac - 1, "1/cut_frac - 1")):
        if isinstance(divisor, Real) and divisor == 0:
            raise ZeroDivisionError(
                f"T={T} and cut_frac={cut_frac} make {name} = 0, and the formula divides by it;"
                " use slanted_triangular"
            )
    p = where(t < cut, t / cut, 1 - (t - cut) / (cut * (1 / cut_frac - 1)))
    return (1 + p * (ratio - 1)) / ratio
