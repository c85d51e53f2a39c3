"""The first mention of a word in a chapter links to the glossary and shows its meaning."""

import re

from docutils import nodes
from sphinx import addnodes

GLOSSARY, CHAPTERS = "book/glossary", "notebooks/"
NOT_IN = (nodes.title, nodes.reference, nodes.literal, nodes.raw, nodes.caption, nodes.term)


def definitions(app):
    """By word, in lower case: its anchor and its definition as plain text; longest words first."""
    doctree = app.env.get_doctree(GLOSSARY)
    found = {}
    for glossary in doctree.findall(addnodes.glossary):
        for item in glossary.findall(nodes.definition_list_item):
            term, meaning = item[0], item[-1].astext()
            found[term.astext().lower()] = term["ids"][0], " ".join(meaning.split())
    return dict(sorted(found.items(), key=lambda item: -len(item[0])))


def link_words(app, doctree, docname):
    if not docname.startswith(CHAPTERS) or GLOSSARY not in app.env.found_docs:
        return
    left = definitions(app)
    page = app.builder.get_relative_uri(docname, GLOSSARY)
    for text in list(doctree.findall(nodes.Text)):
        within = text.parent
        if not isinstance(within, nodes.paragraph | nodes.emphasis | nodes.strong) or not left:
            continue
        if any(isinstance(node, NOT_IN) for node in ancestors(text)):
            continue
        word = re.search(rf"\b({'|'.join(map(re.escape, left))})s?\b", text, re.I)
        if not word:
            continue
        anchor, meaning = left.pop(word[1].lower())
        link = nodes.reference(
            "",
            word[0],
            internal=True,
            refuri=f"{page}#{anchor}",
            reftitle=meaning,
            classes=["glossary-word"],
        )
        parts = nodes.Text(text[: word.start()]), link, nodes.Text(text[word.end() :])
        within.replace(text, [part for part in parts if part.astext()])


def ancestors(node):
    while node.parent is not None:
        node = node.parent
        yield node


def setup(app):
    app.connect("doctree-resolved", link_words)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
