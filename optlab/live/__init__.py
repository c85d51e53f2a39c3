"""A rule that the reader edits on the page: her text is run, and what follows from it is told.

It runs in the browser, too, where there is Python with SymPy and nothing else. So a module here
imports the mathematics and the standard library only; no torch, no numpy.

    run(source, "adam")    what the text gives: formula, step in JavaScript, checks, or a mistake
    parts(source, "adam")  the same, what is known first coming first
    book("adam")           the same of the book's own text
    chapters()             which rules and exercises a chapter has
"""

from optlab.live.answer import book, chapters, parts, run

__all__ = ["book", "chapters", "parts", "run"]
