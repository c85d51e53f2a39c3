"""Where the public address is set: the chapters for Colab, in `_build/colab`.

Their first cell installs the package from the site, and their text is plain Markdown. The
workflow pushes them to the branch `colab`, which the pages' links open.
"""

import re
from pathlib import Path

import nbformat
import site_wheel
from plain_markdown import names, plain
from pybtex.database import parse_file


def cited(bibliography):
    """Authors and year for each key: Kingma and Ba, 2015."""
    words = {}
    for key, entry in parse_file(str(bibliography)).entries.items():
        people = [" ".join(p.prelast_names + p.last_names) for p in entry.persons["author"]]
        people = [re.sub(r"[{}]", "", name) for name in people]
        who = people[0] + (" et al." if len(people) > 2 else "")
        who = " and ".join(people) if len(people) == 2 else who
        words[key] = f"{who}, {entry.fields['year']}"
    return words


def for_colab(notebook, known, words, site, setup):
    """A chapter, as read by nbformat, for Colab: the cells' code is the same."""
    first = nbformat.v4.new_code_cell(setup, id="setup")
    for cell in notebook.cells:
        if cell.cell_type == "markdown":
            cell.source = plain(cell.source, known, words, site)
    notebook.cells.insert(0, first)
    return notebook


def write(app, exception):
    repository = app.config.html_theme_options["repository_url"]
    if exception or app.builder.name != "html" or not repository:
        return
    folder = Path(app.outdir).parent / "colab"
    folder.mkdir(exist_ok=True)
    chapters = sorted(Path(app.srcdir, "notebooks").glob("*.ipynb"))
    known = {}
    for path in chapters:
        known |= names(path.with_suffix(".md").read_text("utf-8"))
    words = cited(Path(app.srcdir, app.config.bibtex_bibfiles[0]))
    site = f"{app.config.html_baseurl.rstrip('/')}/"
    for path in chapters:
        setup = site_wheel.LINE.format(site_wheel.address(app, f"notebooks/{path.stem}"))
        book = for_colab(nbformat.read(path, 4), known, words, site, setup)
        nbformat.write(book, folder / path.name)


def setup(app):
    app.connect("build-finished", write)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
