"""Writing results in place."""

from __future__ import annotations

from typing import Any


def store(pairs: list[tuple[Any, Any]]) -> None:
    """Copy new values into their places: pairs (place, value) of anything with `copy_` and `clone`.

    A value that is itself one of the places is read before that place is
    overwritten: a rule may return its old parameter as part of its state.
    """
    places = {id(place) for place, _ in pairs}
    values = [v.clone() if id(v) in places and v is not place else v for place, v in pairs]
    for (place, _), value in zip(pairs, values, strict=True):
        place.copy_(value)
