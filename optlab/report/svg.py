"""matplotlib's SVG made fit to stand in a page: themed, small, its ids its own."""

from __future__ import annotations

import re
import xml.etree.ElementTree as ET

SVG = "http://www.w3.org/2000/svg"
TOLERANCE = "data-points"  # an attribute that pictures.py reads
_HREF = "{http://www.w3.org/1999/xlink}href"


def inline(svg: str, *, ink: str, prefix: str, points: float | None = None) -> str:
    """The svg element for a page's HTML.

    svg: a document as matplotlib writes it. ink: the color to be replaced by the page's text
    color, "#rrggbb". prefix: goes before every id, so that several pictures share a page.
    points: how far from it the same picture may be on another processor, if not as usual.
    Coordinates are rounded to 0.01 pt; what draws nothing is left out.
    """
    root = ET.fromstring(svg.replace(ink, "currentColor"))
    ids = re.findall(r"(?:url\(|href=\")#([^)\"]+)", svg)
    for element in list(root):
        if element.tag == f"{{{SVG}}}metadata" or element.find(f"{{{SVG}}}style") is not None:
            root.remove(element)  # the style sheet would hold for the whole page
    _tidy(root)
    for element in root.iter():
        _attributes(element, set(ids), prefix)
    box = root.get("viewBox", "")
    root.attrib.clear()
    root.set("viewBox", box)
    if points is not None:
        root.set(TOLERANCE, f"{points:g}")
    root.set("aria-hidden", "true")  # the figure around it has the alternative text
    root.set("style", "display:block;width:100%;height:auto;stroke-linejoin:round")
    ET.register_namespace("", SVG)
    return ET.tostring(root, encoding="unicode")


def _tidy(parent: ET.Element) -> None:
    """Take out white space, empty groups, and groups that do nothing."""
    parent.text = parent.tail = None
    children: list[ET.Element] = []
    for child in parent:
        _tidy(child)
        group = child.tag == f"{{{SVG}}}g"
        if group and not child.attrib.keys() - {"id"}:
            children += list(child)
        elif not group or len(child):
            children.append(child)
    parent[:] = children


def _attributes(element: ET.Element, ids: set[str], prefix: str) -> None:
    if (own := element.attrib.pop("id", None)) in ids:
        element.set("id", f"{prefix}-{own}")
    if (href := element.attrib.pop(_HREF, None)) is not None:
        element.set("href", f"#{prefix}-{href[1:]}" if href.startswith("#") else href)
    for name, text in element.attrib.items():
        if name in ("d", "x", "y"):
            text = re.sub(r"-?\d+\.\d+", lambda m: f"{round(float(m[0]), 2) + 0.0:g}", text)
            text = re.sub(r"\s*([A-Za-z])\s*", r"\1", text.strip())
            text = re.sub(r"\s+", " ", text)
        elif name == "style":
            text = re.sub(r"([:;]) +", r"\1", text)
        element.set(name, text.replace("url(#", f"url(#{prefix}-"))
