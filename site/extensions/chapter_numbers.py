"""Theorems, algorithms and exercises are numbered by chapter: Proposition 3.1 is chapter 3's first.

A number of the book alone could be taken for one of the deck's, which has a Proposition 1, too.
Sphinx counts through the book, since the chapters' numbers are not in the table of contents; here
its numbers are replaced before anything is written, and references show what titles do.
"""

import re

CHAPTER = re.compile(r"notebooks/(\d+)-")


def restore(app, env):
    """Give Sphinx its own numbers back: what differs from them it writes again."""
    env.toc_fignumbers = getattr(env, "numbers_through_the_book", env.toc_fignumbers)
    return []


def number(app, env):
    env.numbers_through_the_book = env.toc_fignumbers
    env.toc_fignumbers = {
        page: by_chapter(page, kinds) for page, kinds in env.toc_fignumbers.items()
    }
    return []


def by_chapter(page, kinds):
    """The numbers of a page's items, {kind: {anchor: number}}, from 1 in each chapter and kind."""
    chapter = CHAPTER.match(page)
    if not chapter:
        return kinds
    return {
        kind: {anchor: (int(chapter[1]), k) for k, anchor in enumerate(anchors, start=1)}
        for kind, anchors in kinds.items()
    }


def setup(app):
    app.connect("env-get-updated", restore, priority=100)  # Sphinx counts at 500
    app.connect("env-get-updated", number, priority=900)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
