"""The very source of a rule, shown in a notebook as highlighted Python."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from optlab.rules.rule import text


class Source:
    """Source text; a notebook and the book show it highlighted, in their own theme."""

    def __init__(self, text: str) -> None:
        self.text = text

    def __repr__(self) -> str:
        return self.text

    def _repr_markdown_(self) -> str:
        return f"```python\n{self.text}\n```"


def source(function: Callable[..., Any]) -> Source:
    """The text of a rule or function, read from the file that runs; never retyped.

    Raises OSError or TypeError as `inspect.getsource` does, where there is no source to read.
    """
    return Source(text(function))
