"""The palette reads on both pages, and with the common color-vision deficiencies."""

from itertools import combinations

import numpy as np
import pytest

from optlab.report.style import DASHES, MARKERS, PALETTE

PAGES = {"white": "#ffffff", "dark": "#121212", "dark panel": "#1e1e1e"}

# Machado, Oliveira and Fernandes (2009), severity 1, on linear RGB.
VISION = {
    "common": np.eye(3),
    "protanopia": [
        [0.152286, 1.052583, -0.204868],
        [0.114503, 0.786281, 0.099216],
        [-0.003882, -0.048116, 1.051998],
    ],
    "deuteranopia": [
        [0.367322, 0.860646, -0.227968],
        [0.280085, 0.672501, 0.047413],
        [-0.011820, 0.042940, 0.968881],
    ],
    "tritanopia": [
        [1.255528, -0.076749, -0.178779],
        [-0.078411, 0.930809, 0.147602],
        [0.004733, 0.691367, 0.303900],
    ],
}


def linear(color):
    srgb = np.array([int(color[i : i + 2], 16) for i in (1, 3, 5)]) / 255
    return np.where(srgb <= 0.04045, srgb / 12.92, ((srgb + 0.055) / 1.055) ** 2.4)


def contrast(one, other):
    """WCAG 2: the ratio of the relative luminances, 0.05 added to each."""
    low, high = sorted(linear(c) @ (0.2126, 0.7152, 0.0722) + 0.05 for c in (one, other))
    return high / low


def cielab(rgb):
    """CIE L*a*b* (D65) of linear RGB; a distance of 2.3 is just noticeable."""
    to_xyz = np.array(
        [[0.4124, 0.3576, 0.1805], [0.2126, 0.7152, 0.0722], [0.0193, 0.1192, 0.9505]]
    )
    x, y, z = np.cbrt(np.clip(to_xyz @ rgb, 0, None) / (0.9505, 1, 1.089))
    return np.array([116 * y - 16, 500 * (x - y), 200 * (y - z)])


def test_contrast_of_known_pairs():
    assert contrast("#ffffff", "#000000") == pytest.approx(21)
    assert contrast("#767676", "#ffffff") == pytest.approx(4.54, abs=0.01)


@pytest.mark.parametrize("page", PAGES)
@pytest.mark.parametrize("color", PALETTE)
def test_a_curve_stands_out_from_the_page(color, page):
    assert contrast(color, PAGES[page]) >= 3


@pytest.mark.parametrize("vision", VISION)
@pytest.mark.parametrize("pair", list(combinations(PALETTE, 2)), ids=" ".join)
def test_two_curves_can_be_told_apart(pair, vision):
    one, other = (cielab(np.clip(np.array(VISION[vision]) @ linear(c), 0, 1)) for c in pair)
    assert np.linalg.norm(one - other) >= 10


def test_color_is_never_alone():
    assert len(set(DASHES)) == len(set(MARKERS)) == len(PALETTE)
