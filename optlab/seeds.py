"""What a seed may be."""

from __future__ import annotations

import operator
from typing import Any

LIMIT = 2**32  # what every generator of random numbers takes, NumPy's too


def checked(seed: Any, name: str = "seed") -> int:
    """The seed as an int. ValueError, one line, unless it is a whole number from 0 to 2**32 - 1;
    a seed of NumPy's or of a tensor is one, True is none."""
    try:
        number = None if isinstance(seed, bool) else operator.index(seed)
    except TypeError:
        number = None
    if number is None or not 0 <= number < LIMIT:
        shown = " ".join(repr(seed).split())[:60]
        raise ValueError(f"{name} must be a whole number, 0 <= {name} < 2**32; got {shown}")
    return number
