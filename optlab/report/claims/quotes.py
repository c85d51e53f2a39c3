r"""The letters of the deck's formulas, read off its own words.

A chapter that says which letters the deck declares, and which it only uses, asks this module,
so that no list of symbols is typed by hand::

    >>> sorted(letters(r"\theta_t \leftarrow \theta_{t-1} - \alpha \hat{m}_t"))
    ['m', 't', 'α', 'θ']
    >>> sorted(undeclared([r"x_{t+1} = x_t - \eta g_t"], declared=["x_1 , learning rate η_t"]))
    ['g']
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable

# What stands for a function, a mark or a mark of grouping, and is no letter of its own.
_WORDS = re.compile(
    r"\\(?:text|mathrm|operatorname|operatornamewithlimits)\{[^{}]*\}|\\begin\{\w+\}|\\end\{\w+\}"
)
_FONT = re.compile(r"\\(mathcal|mathbb|mathbf)\s*\{?\s*([A-Za-z])\s*\}?")
_ACCENT = re.compile(r"\\(?:hat|tilde|bar|overline)\s*(?:\{\s*(\\?[A-Za-z]+)\s*\}|(\\?[A-Za-z]+))")
# A norm's bars and its index, which is no index of what stands before.
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


def letters(formula: str) -> set[str]:
    r"""The letters of a formula in LaTeX, or of the deck's plain text with letters in it.

    Greek letters and letters in script come as themselves, an accent is left out. A number or ∞
    below a letter belongs to it (β_1 and β are two letters); letters below and above it are
    letters of their own (θ_{t-1} is θ and t), but for the T of a transpose. Words of
    two letters and more are no letters.
    """
    return {name for name, _ in _tokens(formula)} - _CONSTANT


def assigned(lines: Iterable[str]) -> set[str]:
    r"""The letters that a line gives a value: to the left of \leftarrow, = or \in, drawn from
    a distribution, received, or counted by a loop or a sum."""
    found: set[str] = set()
    for line in lines:
        if "Receive" in line:
            found |= letters(line)
        parts = re.split(r"(?<![<>!])=|\\leftarrow|\\in(?![a-z])|\bfrom\b", line)
        for left in parts[:-1]:
            found.update([name for name, own in _tokens(left) if own][-1:])
    return found - _CONSTANT


def undeclared(lines: Iterable[str], declared: Iterable[str]) -> set[str]:
    """The letters of `lines` that are neither in `declared` nor assigned in the lines.

    A letter with a number below it is declared by the letter without, not the other way round.
    """
    lines = list(lines)
    known = set().union(*map(letters, declared)) | assigned(lines)
    return {x for x in set().union(*map(letters, lines)) if not {x, x.split("_")[0]} & known}


def _tokens(formula: str) -> list[tuple[str, bool]]:
    """The letters in order; of each, whether it stands on the line and is no index."""
    text = _NORM.sub(" ", _WORDS.sub(" ", formula))
    text = _FONT.sub(lambda m: _font(m[1], m[2]), text)
    for _ in range(2):
        text = _ACCENT.sub(lambda m: f" {m[1] or m[2]} ", text)
    found: list[tuple[str, bool]] = []
    place = 0
    while place < len(text):
        if script := _SCRIPT.match(text, place):
            _add_script(found, script[1], script[2].removeprefix("{").removesuffix("}").strip())
            place = script.end()
        elif command := _COMMAND.match(text, place):
            if letter := _GREEK.get(command[1]):
                found.append((letter, True))
            place = command.end()
        elif word := _WORD.match(text, place):
            if len(word[0]) == 1:  # longer ones are words
                found.append((word[0], True))
            place = word.end()
        else:
            symbol = _SAME.get(text[place], text[place])
            if symbol and unicodedata.category(symbol).startswith("L"):
                found.append((symbol, True))
            place += 1
    return found


def _add_script(found: list[tuple[str, bool]], mark: str, inner: str) -> None:
    """Add what stands below or above the last letter of `found`."""
    own = re.match(r"(\d+|\\infty|∞)(?!\s*:)", inner)  # g_{1:T} is a range
    if mark == "_" and own and found:
        number = own[1].replace(r"\infty", "∞")
        found[-1] = (f"{found[-1][0]}_{number}", found[-1][1])
    if mark == "^" and inner == "T":
        return
    found += [(name, False) for name, _ in _tokens(inner)]


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
