"""The page that lists the differences names tests that exist, and all of those here."""

import re
from pathlib import Path

ROOT = Path(__file__).parents[2]
HERE = ("jordan", "torch", "optax", "timm", "pytorch_optimizer", "schedulefree")


def named():
    """The tests that the page names, as (file, test)."""
    pairs, file = set(), None
    for line in (ROOT / "book" / "differences.md").read_text().splitlines():
        if re.fullmatch(r"tests/\S+\.py", line):
            file = line
        elif line.startswith("    test_"):
            pairs.add((file, line.strip()))
    return pairs


def defined(file):
    return set(re.findall(r"^def (test_\w+)", (ROOT / file).read_text(), re.M))


def test_every_test_that_the_page_names_exists():
    assert {(file, name) for file, name in named() if name not in defined(file)} == set()


def test_every_difference_that_is_tested_here_is_on_the_page():
    files = [f"tests/oracles/test_{package}.py" for package in HERE]
    assert {(file, name) for file in files for name in defined(file)} - named() == set()
