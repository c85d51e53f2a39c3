"""Below each chapter's opening: the notebook, its text, the package, Colab, and how it is rerun: by
a command in a clone, or anywhere after a first line that installs the package from this site."""

import shutil
from pathlib import Path

import nbformat
import site_wheel
from chapter_folds import below_opening
from docutils import nodes

from optlab.running.declared import read_parameters

CHAPTERS = "notebooks/"
COLAB = "https://colab.research.google.com/github/{repository}/blob/colab/{name}.ipynb"
COMMON = ("seed", "device", "scale")


def command(notebook):
    """The command that reruns a notebook, with its seed and its own first parameter. (Papermill
    itself would pass over a name that is misspelt.)"""
    parameters = read_parameters(notebook).all.values()
    own = [p for p in parameters if p.name not in COMMON][:1]
    chosen = [p for p in parameters if p.name == "seed"] + own
    values = " ".join(f"-p {p.name} {p.default}" for p in chosen)
    return f".venv/bin/optlab run {notebook.stem} {values}"


def offer(app, doctree, docname):
    if app.builder.name != "html" or not docname.startswith(CHAPTERS):
        return
    name = docname.removeprefix(CHAPTERS)
    here = app.builder.get_target_uri(docname)
    up = "../" * here.count("/")

    def link(text, uri):
        return nodes.reference("", text, refuri=uri, internal=True)

    links = [
        link("Notebook", f"{up}_sources/{docname}.ipynb"),
        link("Text", f"{up}_sources/{docname}.md"),
        link("Package", f"{up}{site_wheel.FOLDER}/{site_wheel.NAME}"),
    ]
    if repository := app.config.html_theme_options["repository_url"]:
        path = "/".join(repository.split("/")[-2:])
        links.append(link("Open in Colab", COLAB.format(repository=path, name=name)))
    line = nodes.paragraph("", "", classes=["take-along-links"])
    for item in links:
        line += [item, nodes.Text(" ")]
    line_of_shell = command(Path(app.srcdir, f"{docname}.ipynb"))
    shell = nodes.literal_block(line_of_shell, line_of_shell, language="bash")
    said = nodes.paragraph("", "Run it with your own numbers, in a clone of the repository:")
    install = site_wheel.LINE.format(site_wheel.address(app, docname))
    first = nodes.literal_block(install, install, language="none", classes=["install-line"])
    there = "Anywhere else, in Colab for instance, make this line its first cell"
    if app.config.html_baseurl:
        there += "; the notebook above has it"
    elsewhere = nodes.paragraph("", f"{there}:")
    opening = '<details class="folded take-along"><summary>Take this chapter with you</summary>'
    parts = [html(opening), line, said, shell, elsewhere, first, html("</details>")]
    if (place := below_opening(doctree)) is None:
        return
    box = nodes.container("", classes=["take-along-place"])
    box += parts
    within, index = place
    if index and "rerun" in within.children[index - 1].get("classes", ()):
        index -= 1
    within.insert(index, box)


def html(text):
    return nodes.raw("", text, format="html")


def copy_texts(app, exception):
    """Put each chapter's text beside the notebook that Sphinx has copied, which begins with the
    line that installs the package where the site's address is known."""
    if exception or app.builder.name != "html":
        return
    for docname in app.env.found_docs:
        if docname.startswith(CHAPTERS):
            text = Path(app.srcdir, f"{docname}.md")
            shutil.copyfile(text, Path(app.outdir, "_sources", f"{docname}.md"))
            if app.config.html_baseurl:
                install = site_wheel.LINE.format(site_wheel.address(app, docname))
                copy = Path(app.outdir, "_sources", f"{docname}.ipynb")
                nbformat.write(installing(nbformat.read(copy, 4), install), copy)


def installing(notebook, line):
    """A notebook whose first cell is this line."""
    if not notebook.cells or notebook.cells[0].get("id") != "install":
        notebook.cells.insert(0, nbformat.v4.new_code_cell(id="install"))
    notebook.cells[0].source = line
    return notebook


def setup(app):
    app.connect("doctree-resolved", offer)
    app.connect("build-finished", copy_texts)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
