"""Printed tables that are wider than the column get smaller letters, so that none is cut off.

What is wider than letters of a readable size allow gets the smallest of them, and scrolls.
"""

from docutils import nodes

FITS = 80  # characters of usual size
SIZES = (84, 91, 99)  # characters that stand in a line of class wide-84, and so on: see chapter.css


def size(text):
    """The class for a printed text, or None where it fits as it is."""
    longest = max(map(len, text.splitlines()), default=0)
    if longest <= FITS:
        return None
    return f"wide-{next((most for most in SIZES if longest <= most), SIZES[-1])}"


def mark(app, doctree, docname):
    for output in doctree.findall(nodes.container):
        if output.get("nb_element") == "cell_code_output":
            for block in output.findall(nodes.literal_block):
                if found := size(block.astext()):
                    block["classes"].append(found)


def setup(app):
    app.connect("doctree-resolved", mark)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
