r"""The letters of the deck's formulas, read off its own words.

A chapter that says which letters the deck declares, and which it only uses, asks this module,
so that no list of symbols is typed by hand::

    >>> sorted(letters(r"\theta_t \leftarrow \theta_{t-1} - \alpha \hat{m}_t"))
    ['m', 't', 'α', 'θ']
    >>> sorted(undeclared([r"x_{t+1} = x_t - \eta g_t"], declared=["x_1 , learning rate η_t"]))
    ['g', 'η']
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable
from typing import NamedTuple

# What stands for a function, a mark or a mark of grouping, and is not a letter of its own.
_WORDS = re.compile(
    r"\\(?:text|mathrm|operatorname|operatornamewithlimits)\{[^{}]*\}|\\begin\{\w+\}|\\end\{\w+\}"
)
_FONT = re.compile(r"\\(mathcal|mathbb|mathbf)\s*\{?\s*([A-Za-z])\s*\}?")
_ACCENT = re.compile(r"\\(?:hat|tilde|bar|overline)\s*(?:\{\s*(\\?[A-Za-z]+)\s*\}|(\\?[A-Za-z]+))")
# A norm's bars and its index, which does not belong to what stands before.
_NORM = re.compile(r"\\\|(?:_\{?(?:\d|\\infty)\}?)?")
_COMMAND = re.compile(r"\\([A-Za-z]+)")
_WORD = re.compile(r"[A-Za-z]+")
_SCRIPT = re.compile(r"([_^])\s*(\{(?:[^{}]|\{[^{}]*\})*\}|\\[A-Za-z]+|\S)")
_GREEK = {
    unicodedata.name(chr(i)).removeprefix("GREEK SMALL LETTER ").lower(): chr(i)
    for i in range(0x3B1, 0x3CA)
} | {
    "lambda": "λ",
    "varphi": "φ",
    "phi": "ϕ",
    "varepsilon": "ε",
    "epsilon": "ε",
    "Psi": "Ψ",
    "ell": "ℓ",
}
_SAME = {"ϵ": "ε", "Π": "", "∈": "", "ℝ": ""}
# Letters that mean the same wherever they stand.
_CONSTANT = {"ℝ", "ℛ", "𝔼", "O"}


class _Token(NamedTuple):
    """A letter as it stands in a formula."""

    name: str
    on_line: bool = True  # and no index
    indexed: bool = False  # has a letter or a range below it, as θ_t and β_{1t} have


def letters(formula: str) -> set[str]:
    r"""The letters of a formula in LaTeX, or of the deck's plain text with letters in it.

    Greek letters and letters in script come as themselves, an accent is left out. A number or ∞
    below a letter belongs to it (β_1 and β are two letters); letters below and above it are
    letters of their own (θ_{t-1} is θ and t), but for the T of a transpose. Words of
    two letters and more are no letters.
    """
    return {token.name for token in _tokens(formula)} - _CONSTANT


def assigned(lines: Iterable[str]) -> set[str]:
    r"""The letters that a line gives a value: to the left of \leftarrow, = or \in, drawn from
    a distribution, received, or counted by a loop or a sum."""
    found: set[str] = set()
    for line in lines:
        if "Receive" in line:
            found |= letters(line)
        parts = re.split(r"(?<![<>!])=|\\leftarrow|\\in(?![a-z])|\bfrom\b", line)
        for left in parts[:-1]:
            found.update([token.name for token in _tokens(left) if token.on_line][-1:])
    return found - _CONSTANT


def undeclared(lines: Iterable[str], declared: Iterable[str]) -> set[str]:
    """The letters of `lines` that are neither in `declared` nor assigned in the lines.

    Declaring one number does not declare a sequence of them, nor the other way round: η_t
    declares η_t and its member η_1 but not η, and β declares β and β_t but not β_2. An
    assignment counts for the letter in all its forms.
    """
    lines = list(lines)
    given = [token for line in declared for token in _tokens(line)]
    bare = {token.name for token in given if not token.indexed}
    sequences = {token.name for token in given if token.indexed}
    made = assigned(lines)

    def known(token: _Token) -> bool:
        forms = {token.name, token.name.split("_")[0]}
        if forms & (made | _CONSTANT):
            return True
        numbered = len(forms) == 2
        return (
            token.name in bare
            or (token.indexed and token.name in sequences)
            or (numbered and token.name.split("_")[0] in sequences)
        )

    used = [token for line in lines for token in _tokens(line)]
    return {token.name for token in used if not known(token)}


def _tokens(formula: str) -> list[_Token]:
    """The letters in order."""
    text = _NORM.sub(" ", _WORDS.sub(" ", formula))
    text = _FONT.sub(lambda m: _font(m[1], m[2]), text)
    for _ in range(2):
        text = _ACCENT.sub(lambda m: f" {m[1] or m[2]} ", text)
    found: list[_Token] = []
    place = 0
    owner: int | None = None  # the letter that an index standing here belongs to
    while place < len(text):
        if script := _SCRIPT.match(text, place):
            inner = script[2].removeprefix("{").removesuffix("}").strip()
            _add_script(found, owner, script[1], inner)
            place = script.end()
            continue
        letter: str | None = None
        if command := _COMMAND.match(text, place):
            letter = _GREEK.get(command[1])
            place = command.end()
        elif word := _WORD.match(text, place):
            if len(word[0]) == 1:  # longer ones are words
                letter = word[0]
            place = word.end()
        else:
            symbol = _SAME.get(text[place], text[place])
            if symbol and unicodedata.category(symbol).startswith("L"):
                letter = symbol
            place += 1
            if symbol.isspace():
                continue
        if letter:
            found.append(_Token(letter))
        owner = len(found) - 1 if letter else None
    return found


def _add_script(found: list[_Token], owner: int | None, mark: str, inner: str) -> None:
    """Add what stands below or above the letter found[owner]."""
    own = re.match(r"(\d+|\\infty|∞)(?!\s*:)", inner)  # g_{1:T} is a range
    if mark == "_" and owner is not None:
        name, on_line, _ = found[owner]
        if own:
            name += "_" + own[1].replace(r"\infty", "∞")
        rest = inner[own.end() :] if own else inner
        found[owner] = _Token(name, on_line, indexed=bool(rest))
    if mark == "^" and inner == "T":
        return
    found += [_Token(token.name, on_line=False) for token in _tokens(inner)]


def _font(font: str, letter: str) -> str:
    name = {"mathcal": "SCRIPT", "mathbb": "DOUBLE-STRUCK"}.get(font)
    if name is None:
        return f" {letter} "
    for form in (
        f"MATHEMATICAL {name} CAPITAL {letter.upper()}",
        f"{name} CAPITAL {letter.upper()}",
    ):
        try:
            return f" {unicodedata.lookup(form)} "
        except KeyError:
            continue
    return f" {letter} "
