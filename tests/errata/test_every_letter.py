"""Each erratum of the ledger, by its letter, has one file of tests here, and a word on it."""

import ast
from pathlib import Path

import pytest

from optlab.report.claims import LETTERS, load

HERE = Path(__file__).parent


@pytest.mark.parametrize("letter", LETTERS)
def test_a_letter_has_statements_a_file_and_a_word_on_how_it_tests(letter):
    statements = [s for s in load().values() if s.letter == letter]
    assert statements
    assert sum(bool(s.check) for s in statements) == 1
    [path] = HERE.glob(f"test_{letter}_*.py")
    module = ast.parse(path.read_text())
    assert ast.get_docstring(module).startswith(f"Erratum ({letter}), ")
    assert any(getattr(node, "name", "").startswith("test_") for node in module.body)


def test_nothing_else_is_here():
    named = {path.name.split("_")[1] for path in HERE.glob("test_*_*.py")} - {"every"}
    assert named == set(LETTERS)
