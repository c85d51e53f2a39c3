"""Numbers in a chapter's prose that look like results, and whether the notebook has them.

What looks like a result is a decimal number, a percentage, or an interval in brackets: in the
text of a page, alone between dollar signs, or in a figure's caption. It must occur in what the
notebook prints, rounded to the digits that the prose gives; or as a number in its code, which is
a setting; or in a formula that is more than a number. Other whole numbers, words for numbers and
inline code are not looked at, nor the 95 percent of an interval.

Whatever has another reason to stand there is listed in `typed_numbers.toml`.
"""

from __future__ import annotations

import io
import re
import tokenize
import tomllib
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

LIST = Path(__file__).with_suffix(".toml")

_DISPLAY = re.compile(r"\$\$.*?\$\$(?:\s*\([\w-]+\))?", re.DOTALL)
_INLINE = re.compile(r"\$([^$]+)\$")
# A number alone in a formula is prose: $31.6$, $-5\,\%$.
_ALONE = re.compile(r"\s*[+-]?\s*[\d.,{}]+\s*(?:\\,)?(?:\\%)?\s*")
_MARKUP = re.compile(
    r"`[^`\n]*`|\]\([^)\n]*\)|\{(?:cite|eq|ref|prf:ref)\b[^}]*\}|^:\w+:.*$|^\([^)\s]+\)=$",
    re.MULTILINE,
)
_DIGITS = r"\d+(?:\{?,\}?\d{3})*"
_RESULT = re.compile(
    rf"(?<![\w.,=])({_DIGITS}\.\d+)(?!\.?\d)"
    rf"|(?<![\w.,=])({_DIGITS})(?=\s?(?:\\?%|percent\b))"
    r"|\[\s*[+−-]?(\d+(?:\.\d+)?),\s*[+−-]?(\d+(?:\.\d+)?)\s*\]"
)
_NUMBER = re.compile(rf"(?<![\w.])({_DIGITS}(?:\.\d+)?)(?:[eE]([+-]?\d+))?")
_LEVEL = re.compile(r"\b95\s?(?:\\?%|percent\b)")
_GAP = " ¤ "  # what stands for a formula


@dataclass(frozen=True)
class Typed:
    """A number of the prose, as digits, and the words around it."""

    number: str
    around: str

    def __str__(self) -> str:
        return f"{self.number} in “{self.around}”"


@dataclass(frozen=True)
class Allowed:
    """Words of a chapter with a number that no cell of it computes, and why it may stand there."""

    chapter: str
    words: str
    reason: str

    def covers(self, one: Typed) -> bool:
        return one.number in re.findall(r"\d+(?:\.\d+)?", self.words) and self.words in one.around


def allowed(path: Path = LIST) -> list[Allowed]:
    """The list. TypeError: an entry has not these fields."""
    return [Allowed(**entry) for entry in tomllib.loads(path.read_text(encoding="utf-8"))["typed"]]


def typed(book: Any) -> list[Typed]:
    """The results in a notebook's prose and captions that it has nowhere else."""
    printed, captions = _outputs(book)
    texts = [cell.source for cell in book.cells if cell.cell_type == "markdown"]
    known = _Known(printed, [*_settings(book), *_formulas(texts)])
    return [one for text in (*texts, *captions) for one in results(text) if not known.has(one)]


def results(text: str) -> Iterator[Typed]:
    """What looks like a result in a text, in order."""
    text = _MARKUP.sub(" ", _DISPLAY.sub(_GAP, text))
    text = _INLINE.sub(
        lambda m: m[1].replace("\\,", "").strip() if _ALONE.fullmatch(m[1]) else _GAP, text
    )
    text = " ".join(_LEVEL.sub(" ", text).split())
    for match in _RESULT.finditer(text):
        around = text[max(0, match.start() - 50) : match.end() + 50]
        for number in filter(None, match.groups()):
            yield Typed(_plain(number), around)


class _Known:
    """The numbers that a notebook prints, and those that it sets or has in formulas."""

    def __init__(self, printed: str, written: Iterable[str]):
        self.written = set(map(_plain, written))
        self.printed: set[str] = set()
        self.percentages: set[str] = set()  # whole numbers, where a line is about percent
        for line in printed.splitlines():
            found = {_decimal(*match) for match in _NUMBER.findall(line)}
            self.printed |= found
            if "percent" in line or "%" in line:
                self.percentages |= found

    def has(self, one: Typed) -> bool:
        """Whether the number is one of them, or one of those printed, rounded."""
        digits = len(one.number.partition(".")[2])
        decimals = {x for x in self.printed if "." in x}
        same = one.number in self.written | (self.printed if digits else self.percentages)
        return same or any(f"{float(x):.{digits}f}" == one.number for x in decimals)


def _outputs(book: Any) -> tuple[str, list[str]]:
    """What the cells print, without captions; and captions, but for what they compute."""
    printed, captions = [], []
    for cell in book.cells:
        for output in cell.get("outputs", ()) if cell.cell_type == "code" else ():
            data = output.get("data", {})
            text = output.get("text", "") or data.get("text/plain", "")
            if "optlab-figure" in data.get("text/html", ""):
                caption, _, text = text.partition("\n")
                computed = {one.number for one in results(caption)} - set(
                    re.findall(r"\d+(?:\.\d+)?", cell.source)
                )
                captions.append(caption)
                printed.append(" ".join(computed))
            printed.append(text)
    return "\n".join(printed), captions


def _settings(book: Any) -> Iterator[str]:
    """The numbers in a notebook's code that stand outside strings and comments."""
    for cell in book.cells:
        if cell.cell_type == "code":
            for token in tokenize.generate_tokens(io.StringIO(cell.source).readline):
                if match := token.type == tokenize.NUMBER and _NUMBER.fullmatch(
                    token.string.replace("_", "")
                ):
                    yield _decimal(*match.groups(default=""))


def _formulas(texts: Iterable[str]) -> Iterator[str]:
    """The numbers in formulas that are more than a number."""
    for text in texts:
        inline = [x for x in _INLINE.findall(_DISPLAY.sub(_GAP, text)) if not _ALONE.fullmatch(x)]
        for formula in (*_DISPLAY.findall(text), *inline):
            yield from re.findall(rf"(?<![\d.]){_DIGITS}(?:\.\d+)?", formula)


def _decimal(number: str, power: str) -> str:
    """The number as digits: 1e-3 is 0.001."""
    if not power:
        return _plain(number)
    return f"{float(_plain(number)) * 10 ** int(power):.15f}".rstrip("0").rstrip(".")


def _plain(number: str) -> str:
    return re.sub("[{},]", "", number)
