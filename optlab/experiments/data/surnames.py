"""Surnames of the United States census of 1990, in the package `names`: text for a small
character-level language model."""

from __future__ import annotations

from dataclasses import dataclass
from importlib.resources import files

import torch

from optlab.learning.data import Data
from optlab.learning.losses import PADDING
from optlab.seeds import checked

ALPHABET = "\nABCDEFGHIJKLMNOPQRSTUVWXYZ"


@dataclass(frozen=True)
class Surnames:
    """Surnames and the numbers of their characters.

    Attributes:
        names: the surnames, most frequent first.
        alphabet: characters by their number.
    """

    names: tuple[str, ...]
    alphabet: str

    def encoded(self, length: int) -> torch.Tensor:
        """The names as n × (length + 1) numbers of characters, each name between line ends.

        A line end, number 0, begins, ends and fills a row. Names longer than length - 1 are
        left out, so that every row has its end.
        """
        number = {character: i for i, character in enumerate(self.alphabet)}
        kept = [name for name in self.names if len(name) < length]
        rows = torch.zeros(len(kept), length + 1, dtype=torch.int64)
        for row, name in zip(rows, kept, strict=True):
            row[1 : len(name) + 1] = torch.tensor([number[c] for c in name])
        return rows


def surnames() -> Surnames:
    """The 88,799 surnames of the package `names`, in capitals, no download."""
    text = (files("names") / "dist.all.last").read_text(encoding="ascii")
    return Surnames(tuple(line.split()[0] for line in text.splitlines()), ALPHABET)


def surname_characters(length: int, *, test: int = 4000, seed: int = 0) -> Data:
    """The surnames as a task: the next character, at each of `length` places.

    x is n × length numbers of characters, y the characters that follow, up to the line end
    after the name; places after that have the target PADDING. Names longer than length - 1
    are left out. Training names are in random order, so that `first(n)` is a sample of them.

    Args:
        test: how many names are for testing, picked by `seed`.
    """
    seed = checked(seed)
    rows = surnames().encoded(length)
    if not 1 <= test < len(rows):
        raise ValueError(
            f"test must be from 1 to {len(rows) - 1}, as {len(rows)} surnames have fewer than"
            f" {length} letters; got {test}"
        )
    rows = rows[torch.randperm(len(rows), generator=torch.Generator().manual_seed(seed))]
    x, y = rows[:, :-1], rows[:, 1:].clone()
    y[:, 1:][y[:, :-1] == 0] = PADDING  # the name before was over
    return Data(x[test:], y[test:], x[:test], y[:test])
