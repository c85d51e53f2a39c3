"""Whether two pictures are the same but for rounding: what a comparison of outputs looks at.

A digest under each figure says what was plotted; colors, labels, markers, the order of panels and
a picture from elsewhere are seen here. Processors differ in the last digits, and matplotlib leaves
out points of a line that hardly bend it, so lines are compared as they are seen.
"""

from __future__ import annotations

import base64
import io
import math
import re
import xml.etree.ElementTree as ET
from typing import Any

import numpy as np
from numpy.typing import NDArray

from optlab.report.svg import TOLERANCE

POINTS = 2.5  # how far apart, in points of the page, what is drawn may be; a panel has 288
COLOR = 10 / 255  # of each of red, green and blue: a color map's for a number in its last digits
SHAPE = 0.05  # of marks, letters and the widths of lines, in points

_SVG = re.compile(r"(?s)<svg\b.*?</svg>")
_NUMBER = re.compile(r"[-+]?(?:\d+\.?\d*|\.\d+)(?:[eE][-+]?\d+)?")
_COLOR = re.compile(r"#([0-9a-fA-F]{6}|[0-9a-fA-F]{3})\b")
_MADE_ID = re.compile(r"[mpCihb][0-9a-f]{8,}|image[0-9a-f]+")  # a hash of numbers

Part = tuple[str, dict[str, str], bool]


def differences(stored: str, new: str) -> list[str]:
    """What differs between the pictures of two texts of HTML, a line for each picture that is
    another; empty if they agree."""
    ours, theirs = _SVG.findall(stored), _SVG.findall(new)
    if len(ours) != len(theirs):
        return [f"{len(ours)} pictures are stored, and {len(theirs)} were drawn"]
    found = []
    for number, (one, other) in enumerate(zip(ours, theirs, strict=True), start=1):
        if one != other and (line := difference(one, other)):
            found.append(f"picture {number}: {line}")
    return found


def difference(stored: str, new: str) -> str:
    """The first thing that differs between two svg elements, in words; empty if nothing does."""
    try:
        ours, theirs = _parts(stored), _parts(new)
    except ET.ParseError as error:
        return f"it cannot be read ({error})"
    points = float(ours[0][1].get(TOLERANCE, POINTS))
    for number, (one, other) in enumerate(zip(ours, theirs, strict=False), start=1):
        where = f"element {number} of {len(ours)}, {one[0]}"
        if one[0] != other[0]:
            return f"{where} is stored, and {other[0]} was drawn"
        for name in sorted({*one[1], *other[1]}):
            old, now = one[1].get(name, "nothing"), other[1].get(name, "nothing")
            if old != now and not _same(name, old, now, one[2], points):
                return f"{where}: its {name} was {_short(old)} and is {_short(now)}"
    if len(ours) != len(theirs):
        return f"{len(ours)} elements are stored, and {len(theirs)} were drawn"
    return ""


def _short(text: str) -> str:
    return text if len(text) <= 60 else f"{text[:57]}…"


def _parts(svg: str) -> list[Part]:
    """Each element's name, attributes, and whether it is a mark or a letter, drawn elsewhere.

    Styles are spelled out, and names made of hashes are numbered as they come.
    """
    names: dict[str, str] = {}
    parts: list[Part] = []

    def name(made: str) -> str:
        own = made.rsplit("-", 1)[-1]
        return names.setdefault(made, f"name {len(names)}") if _MADE_ID.fullmatch(own) else made

    def read(element: ET.Element, defined: bool) -> None:
        tag = element.tag.rsplit("}", 1)[-1]
        attributes: dict[str, str] = {}
        for key, text in element.attrib.items():
            key = key.rsplit("}", 1)[-1]
            if key == "style":
                pairs = (pair.partition(":") for pair in text.split(";") if pair.strip())
                attributes |= {f"style {k.strip()}": v.strip() for k, _, v in pairs}
            elif key == "id":
                attributes[key] = name(text)
            elif key == "href" and text.startswith("#"):
                attributes[key] = name(text[1:])
            else:
                attributes[key] = text
        for key, text in attributes.items():
            if match := re.fullmatch(r"url\(#([^)]*)\)", text):
                attributes[key] = name(match[1])
        if element.text and element.text.strip():
            attributes["text"] = element.text.strip()
        parts.append((tag, attributes, defined))
        for child in element:
            read(child, (defined or tag == "defs") and tag != "clipPath")

    read(ET.fromstring(svg), False)
    return parts


def _same(name: str, old: str, now: str, defined: bool, points: float) -> bool:
    if name == TOLERANCE or (name in ("id", "href") and not old.startswith("data:")):
        return False
    if old.startswith("data:") and now.startswith("data:"):
        return _same_image(old, now)
    if name.startswith("style") or name in ("fill", "stroke"):
        return _same_numbers(_colors(old), _colors(now), SHAPE)
    if name == "d" and not defined:
        return _same_numbers(old, now, points) or _same_line(old, now, points)
    if name == "transform":
        return _same_transform(old, now, points)
    return _same_numbers(old, now, SHAPE if defined else points)


def _colors(text: str) -> str:
    """Colors as numbers that may differ as much as widths may."""

    def spell(match: re.Match[str]) -> str:
        digits = match[1] if len(match[1]) == 6 else "".join(2 * c for c in match[1])
        channels = (int(digits[i : i + 2], 16) / 255 for i in (0, 2, 4))
        return "rgb " + " ".join(f"{channel * SHAPE / COLOR:.6f}" for channel in channels)

    return _COLOR.sub(spell, text)


def _same_numbers(old: str, now: str, tolerance: float) -> bool:
    if _NUMBER.sub("0", old) != _NUMBER.sub("0", now):
        return False
    ours, theirs = (np.array([float(x) for x in _NUMBER.findall(t)]) for t in (old, now))
    return bool(np.all(np.abs(ours - theirs) <= tolerance))


def _same_transform(old: str, now: str, points: float) -> bool:
    """Moved by no more than points, scaled and turned by hardly anything."""
    ours, theirs = (re.findall(r"(\w+)\(([^)]*)\)", text) for text in (old, now))
    if [kind for kind, _ in ours] != [kind for kind, _ in theirs]:
        return False
    return all(
        _same_numbers(a, b, points if kind == "translate" else 0.01)
        for (kind, a), (_, b) in zip(ours, theirs, strict=True)
    )


def _same_line(old: str, now: str, points: float) -> bool:
    """Whether two paths look alike, whatever points they are drawn through."""
    if set(re.findall(r"[A-Za-z]", old)) - {"L"} != set(re.findall(r"[A-Za-z]", now)) - {"L"}:
        return False
    ours, theirs = _segments(old), _segments(now)
    if not len(ours) or not len(theirs):
        return len(ours) == len(theirs)
    return _farthest(ours, theirs) <= points and _farthest(theirs, ours) <= points


def _segments(path: str) -> NDArray[np.float64]:
    """Starts and ends of a path's pieces, (n, 2, 2); curves as the lines to their handles."""
    pieces = []
    for strip in re.split(r"[Mm]", path)[1:]:
        numbers = [float(x) for x in _NUMBER.findall(strip)]
        points = np.array(numbers[: len(numbers) // 2 * 2]).reshape(-1, 2)
        if len(points) == 1:
            points = np.repeat(points, 2, axis=0)
        pieces.append(np.stack([points[:-1], points[1:]], axis=1))
    return np.concatenate(pieces) if pieces else np.empty((0, 2, 2))


def _farthest(from_: NDArray[np.float64], to: NDArray[np.float64]) -> float:
    """How far the points of one path are at most from the lines of another."""
    start, along = to[:, 0], to[:, 1] - to[:, 0]
    length = np.maximum((along**2).sum(axis=1), 1e-12)
    farthest = 0.0
    for point in from_.reshape(-1, 2):
        share = np.clip(((point - start) * along).sum(axis=1) / length, 0, 1)
        gap = point - start - share[:, None] * along
        farthest = max(farthest, float((gap**2).sum(axis=1).min()))
    return math.sqrt(farthest)


def _same_image(old: str, now: str) -> bool:
    ours, theirs = _pixels(old), _pixels(now)
    return ours.shape == theirs.shape and bool(np.abs(ours - theirs).mean() <= COLOR)


def _pixels(address: str) -> Any:
    from matplotlib.image import imread

    return np.asarray(imread(io.BytesIO(base64.b64decode(address.partition(",")[2]))), dtype=float)
