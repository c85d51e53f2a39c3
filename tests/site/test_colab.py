"""For Colab, chapters become notebooks of plain Markdown that get the book first."""

import re
import sys
from pathlib import Path

import nbformat
import pytest

ROOT = Path(__file__).parents[2]
CHAPTERS = sorted((ROOT / "notebooks").glob("*.ipynb"))


@pytest.fixture(scope="module")
def colab():
    sys.path.insert(0, str(ROOT / "site/extensions"))
    import colab_notebooks
    import plain_markdown

    known = {}
    for path in CHAPTERS:
        known |= plain_markdown.names(path.with_suffix(".md").read_text())
    words = colab_notebooks.cited(ROOT / "book/references.bib")
    yield lambda book: colab_notebooks.for_colab(book, known, words, "https://b.example/", "!get")
    sys.path.remove(str(ROOT / "site/extensions"))


def converted(colab, text):
    book = nbformat.v4.new_notebook(cells=[nbformat.v4.new_markdown_cell(text)])
    return colab(book).cells[1].source


@pytest.mark.parametrize("path", CHAPTERS, ids=lambda path: path.stem)
def test_a_chapter_holds_no_directives_and_the_same_code(colab, path):
    before = nbformat.read(path, 4)
    after = colab(nbformat.read(path, 4))
    nbformat.validate(after)
    assert after.cells[0].source == "!get"
    pairs = list(zip(before.cells, after.cells[1:], strict=True))
    assert [a.source for b, a in pairs if b.cell_type == "code"] == [
        b.source for b, _ in pairs if b.cell_type == "code"
    ]
    text = "\n\n".join(a.source for b, a in pairs if b.cell_type == "markdown")
    raw = r"^.*(?::::|\{[a-z:]+\}`|^(?:> )*:[\w-]+:|`{3}\{|^\([\w-]+\)=$).*$"
    assert re.findall(raw, text, re.M) == []
    assert text.count("$$") % 2 == 0
    assert text.count("<details>") == text.count("</details>")
    assert re.findall(r"\]\((?!https://)[^)]*\.(?:ipynb|md)", text) == []
    tags = re.findall(r"\\tag\{(\d+)\}", text)
    assert [int(t) for t in tags] == list(range(1, len(tags) + 1))


def test_directives_and_roles_become_words(colab):
    text = """\
::::{dropdown} Proof
:::{prf:proof}
See {cite}`kingma2015adam` and [chapter 1](01-gradient-descent.ipynb#a).
:::
::::"""
    assert converted(colab, text).split("\n") == [
        "<details><summary>Proof</summary>",
        "",
        "*Proof.*",
        "See [Kingma and Ba, 2015] and "
        "[chapter 1](https://b.example/notebooks/01-gradient-descent.html#a).",
        "∎",
        "",
        "</details>",
    ]
    note = ":::{admonition} Erratum: line 4\n:class: warning\n\nRead $g^2$.\n:::"
    assert converted(colab, note) == "> **Erratum: line 4**\n>\n> Read $g^2$."
