"""A rule that the reader edits on the page: her text is run, and what follows from it is told.

It runs in the browser, too, where there is Python with SymPy and nothing else. So a module here
imports the mathematics and the standard library only; no torch, no numpy.

    run(source, "adam")    what the text gives: formula, step in JavaScript, checks, or a mistake
    book("adam")           the same of the book's own text
    chapters()             which rules and exercises a chapter has
"""

from optlab.live.answer import book, run
from optlab.live.catalogue import chapters

__all__ = ["book", "chapters", "run"]
