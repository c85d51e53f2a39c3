"""Propositions, algorithms and exercises have the number of their chapter, and one of their own."""

import re
import subprocess
import sys
from collections import defaultdict
from pathlib import Path

import pytest

EXTENSIONS = Path(__file__).parents[2] / "site/extensions"
KINDS = "Algorithm|Corollary|Definition|Exercise|Lemma|Proposition|Theorem"
TITLES = "div.proof > p.admonition-title, div.exercise > p.admonition-title"
CONF = f"""
import sys
sys.path.insert(0, {str(EXTENSIONS)!r})
extensions = ["sphinx_proof", "sphinx_exercise", "chapter_numbers", "single_page"]
root_doc = "index"
"""
FIRST = """
First
=====

.. prf:proposition:: One
   :label: one

   Words.

.. prf:algorithm:: Steps
   :label: steps

   Words.

.. prf:proposition:: Two
   :label: two

   See :prf:ref:`one` and :prf:ref:`three`.
"""
SECOND = """
Second
======

.. prf:proposition:: Three
   :label: three

   See :prf:ref:`steps` and :prf:ref:`two`.

.. exercise:: Task
   :label: task

   See :ref:`task`.
"""
INDEX = """
Index
=====

.. toctree::

   notebooks/03-first
   notebooks/12-second
   book/other
"""
OTHER = """
Other
=====

.. prf:lemma:: Four
   :label: four

   See :prf:ref:`two`.
"""


@pytest.fixture
def book(tmp_path):
    """A book of two chapters and a page, in source/; a function that builds it."""
    source = tmp_path / "source"
    texts = {
        "conf.py": CONF,
        "index.rst": INDEX,
        "notebooks/03-first.rst": FIRST,
        "notebooks/12-second.rst": SECOND,
        "book/other.rst": OTHER,
    }
    for name, text in texts.items():
        (source / name).parent.mkdir(parents=True, exist_ok=True)
        (source / name).write_text(text)

    def build(builder="html"):
        out = tmp_path / builder
        command = [sys.executable, "-m", "sphinx", "-q", "-W", "-b", builder, source, out]
        subprocess.run(command, check=True)
        return out

    return build


def said(page):
    """The words of a page without tags."""
    return " ".join(re.sub(r"<[^>]*>", "", page.read_text()).split())


def test_titles_and_references(book):
    out = book()
    first, second = said(out / "notebooks/03-first.html"), said(out / "notebooks/12-second.html")
    for title in ("Proposition 3.1 (One)", "Algorithm 3.1 (Steps)", "Proposition 3.2 (Two)"):
        assert title in first
    assert "See Proposition 3.1 and Proposition 12.1." in first
    assert "Proposition 12.1 (Three)" in second
    assert "See Algorithm 3.1 and Proposition 3.2." in second
    assert second.count("Exercise 12.1") == 2
    assert "See Proposition 3.2." in said(out / "book/other.html")


def test_on_one_page(book):
    page = said(book("singlehtml") / "index.html")
    assert "Proposition 3.2 (Two)" in page
    assert "Proposition 12.1 (Three)" in page
    assert "See Algorithm 3.1 and Proposition 3.2." in page


def test_what_changed_is_written_again_and_no_more(book, tmp_path):
    out = book()
    before = {path: path.stat().st_mtime_ns for path in out.rglob("*.html")}
    text = tmp_path / "source/book/other.rst"
    text.write_text(OTHER.replace("See", "Again, see"))
    assert book() == out
    changed = {p.stem for p, time in before.items() if p.stat().st_mtime_ns != time}
    assert "other" in changed
    assert not changed & {"03-first", "12-second"}

    text = tmp_path / "source/notebooks/03-first.rst"
    text.write_text(FIRST.replace("Words.", "Words.\n\n.. prf:proposition:: New\n\n   Words.", 1))
    assert "and Proposition 3.3." in said(book() / "notebooks/12-second.html")


def test_the_chapters(pages):
    references = 0
    for name, page in pages.items():
        counts = defaultdict(int)
        chapter = re.match(r"notebooks/(\d+)-", name)
        for title in page.select(TITLES):
            found = re.match(r"([A-Z]\w+) (\d+)\.(\d+)\b", title.get_text(" ", strip=True))
            assert found, (name, title.get_text())
            counts[found[1]] += 1
            assert chapter
            assert (int(found[2]), int(found[3])) == (int(chapter[1]), counts[found[1]])
        for link in page.select("a.reference.internal"):
            words = link.get_text(" ", strip=True)
            if chapter and re.fullmatch(rf"({KINDS}) [\d.]+", words):
                assert re.fullmatch(r"\w+ \d+\.\d+", words), (name, words)
                references += 1
    assert references > 100
