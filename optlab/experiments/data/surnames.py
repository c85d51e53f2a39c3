"""Surnames of the United States census of 1990, in the package `names`: text for a small
character-level language model."""

from __future__ import annotations

from dataclasses import dataclass
from importlib.resources import files

import torch

ALPHABET = "\nABCDEFGHIJKLMNOPQRSTUVWXYZ"


@dataclass(frozen=True)
class Surnames:
    """names: the surnames, most frequent first; alphabet: characters by their number."""

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
