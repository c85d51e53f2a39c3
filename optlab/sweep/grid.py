"""What `--grid` says: `lr=0,1e-4:1e-1:log7` is a name and the values that it is to take."""

from __future__ import annotations

import math
import re
from collections.abc import Iterator

from optlab.report.parameters import Kind
from optlab.running.errors import RunError

DIGITS = 6  # significant, of the values inside a range; its ends are as written
LARGEST = 10_000  # values of one range, runs of one sweep

_RANGE = re.compile(r"([^:]+):([^:]+):(log|lin)(\d+)")
_COMMA = r",(?![^\[\]()]*[\])])"  # outside brackets
_QUOTED = re.compile(r"""\s*("(?:[^"]|"")*"|'(?:[^']|'')*')\s*(?:,|$)""")


def name_and_values(text: str) -> tuple[str, str]:
    """The two sides of `lr=…`. RunError if there are not two."""
    name, equals, values = text.partition("=")
    if not (name.strip() and equals and values.strip()):
        raise RunError(f"--grid {text!r} is refused: write --grid NAME=VALUE,VALUE,…")
    return name.strip(), values


def read_values(name: str, text: str, kind: Kind) -> list[str]:
    """The values, each as it could be given with -p; ranges are spelled out.

    kind: the declared type of the parameter. Values are separated by commas outside brackets,
    so that `betas=[0.9,0.99],[0.9,0.999]` are two lists. A text may stand in quotes, in which a
    comma is one of its characters and a quote is written twice: `label="a,b",c` are two texts.
    `LOW:HIGH:logN` are N values from LOW
    to HIGH with equal ratios, `LOW:HIGH:linN` with equal differences; texts have no ranges.
    RunError if a range cannot be read or does not give values of the type.
    """
    texts = kind.scalar == "str" and not kind.container
    values: list[str] = []
    for item, quoted in _items(text, quotes=texts):
        if not item and not quoted:
            raise RunError(f"--grid {name}={text} is refused: there is an empty value")
        if ":" in item and not texts and not kind.container:
            values += _range(name, item, whole=kind.scalar == "int")
        else:
            values.append(item)
    return values


def _items(text: str, *, quotes: bool) -> Iterator[tuple[str, bool]]:
    """What stands between commas, without blanks around it, and whether it was in quotes."""
    start = 0
    while start <= len(text):
        if quotes and (match := _QUOTED.match(text, start)):
            mark = match[1][0]
            yield match[1][1:-1].replace(2 * mark, mark), True
            start = match.end() + (not match[0].endswith(","))
        else:
            comma = re.compile(_COMMA).search(text, start)
            end = comma.start() if comma else len(text)
            yield text[start:end].strip(), False
            start = end + 1


def _range(name: str, text: str, *, whole: bool) -> list[str]:
    refused = f"--grid {name}={text} is refused: "
    match = _RANGE.fullmatch(text)
    if match is None:
        raise RunError(f"{refused}write a range as LOW:HIGH:logN or LOW:HIGH:linN")
    low_text, high_text, spacing, number = match.groups()
    try:
        low, high, count = float(low_text), float(high_text), int(number)
    except ValueError:
        raise RunError(f"{refused}its ends must be numbers") from None
    finite = math.isfinite(low) and math.isfinite(high)
    if not 2 <= count <= LARGEST or not finite or low == high:
        raise RunError(f"{refused}it needs two different ends and 2 to {LARGEST} values")
    if spacing == "log" and not (low > 0 and high > 0):
        raise RunError(f"{refused}the ends of a logarithmic range must be > 0")
    shares = [k / (count - 1) for k in range(1, count - 1)]
    if spacing == "log":  # by logarithms, since the ratio of the ends may be too large
        inner = [math.exp((1 - share) * math.log(low) + share * math.log(high)) for share in shares]
    else:  # nor need the difference be finite
        inner = [(1 - share) * low + share * high for share in shares]
    texts = [f"{value:.{DIGITS}g}" for value in inner]
    if whole:
        if broken := [text for text in texts if float(text) % 1]:
            raise RunError(f"{refused}{broken[0]} is no int; list the values instead")
        texts = [f"{float(text):.0f}" for text in texts]
    return [low_text, *texts, high_text]
