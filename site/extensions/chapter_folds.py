"""What a reader opens when she wants it: of a chapter's code, the cells that are long, that only
draw a figure, or that only ask for a verdict; its parameters and imports; and what of the deck it
treats. The notebook keeps its order, for papermill, nbval and people.

A fold is named by the cell's own metadata, `mystnb: {code_prompt_show: The seven rows}`, or by
its first line, `# The seven rows`; one without either gets the best name that can be made. A
cell with the tag `hide-cell` is folded with all that it shows.
"""

import ast
from html import escape

from docutils import nodes

CHAPTERS = "notebooks/"
SHOWN = 15  # lines of a cell that are shown without being asked for
MOST = 25  # and with the tag `show-input`; what is longer is folded in any case
RERUN = "Rerun this chapter: parameters and imports"
IN_THE_DECK = "In the deck."  # begins a paragraph of the card
FIGURE, CLAIM = "optlab-figure", "optlab-claim"
DEFAULT = "Show code cell {type}"  # myst-nb's, where a cell gives no name
LONGEST = 60  # characters of a docstring that may serve as a name


def cells(doctree):
    found = doctree.findall(lambda n: isinstance(n, nodes.container))
    return [n for n in found if n.get("nb_element") == "cell_code" and n.children]


def part(cell, name):
    """A cell's source or output, or None."""
    return next((c for c in cell.children if c.get("nb_element") == f"cell_code_{name}"), None)


def code(cell):
    source = part(cell, "source")
    return source.astext().rstrip() if source is not None else ""


def tags(cell):
    return cell["cell_metadata"].get("tags", [])


def outcomes(cell):
    """What the cell shows: the words figure, claim, and other for anything else."""
    output, found = part(cell, "output"), set()
    for bundle in output.children if output is not None else ():
        html = "".join(raw.astext() for raw in bundle.findall(nodes.raw))
        found |= {
            name for name, there in (("figure", FIGURE in html), ("claim", CLAIM in html)) if there
        } or {"other"}
    return found


def parsed(source):
    try:
        return ast.parse(source).body
    except SyntaxError:  # a magic, say
        return []


def is_setup(cell):
    """Whether a cell gives parameters, checks them, or imports and settles what all others use."""
    if {"parameters", "injected-parameters", "setup"} & set(tags(cell)):
        return True
    statements = parsed(code(cell))
    if any(_calls(s, "report.check_parameters") for s in statements):
        return True
    imports = [isinstance(s, ast.Import | ast.ImportFrom) for s in statements]
    if part(cell, "output") is not None or not any(imports):
        return False
    return all(imports) or is_before_first_section(cell)


def is_before_first_section(cell):
    within = cell.parent
    return isinstance(within, nodes.section) and isinstance(within.parent, nodes.document)


def _calls(statement, name):
    call = getattr(statement, "value", None)
    return isinstance(call, ast.Call) and ast.unparse(call.func) == name


def is_folded(cell, shows):
    if "hide-input" in tags(cell):
        return True
    lines = code(cell).count("\n") + 1
    if "show-input" in tags(cell) or is_in_solution(cell):  # which is a fold itself
        return lines > MOST
    return lines > SHOWN or (bool(shows) and "other" not in shows)


def name_of(cell, shows):
    """The fold's name without its count of lines."""
    given = (cell["cell_metadata"].get("mystnb") or {}).get("code_prompt_show", DEFAULT)
    if given != DEFAULT:
        return given
    source = code(cell)
    first, _, rest = source.partition("\n")
    if first.startswith("# ") and not rest.startswith("#"):
        return first.removeprefix("# ").rstrip(". ")
    if shows == {"figure"}:
        return cell.get("figure_number", "this figure")
    if shows == {"claim"}:
        count = sum(CLAIM in raw.astext() for raw in part(cell, "output").findall(nodes.raw))
        return "this verdict" if count == 1 else "these verdicts"
    functions = [s for s in parsed(source) if isinstance(s, ast.FunctionDef | ast.ClassDef)]
    if not shows and len(functions) == 1:
        says = (ast.get_docstring(functions[0]) or "").strip().rstrip(".")
        if says and len(says) <= LONGEST and "\n" not in says:
            return says
    return heading(cell) or ", ".join(f.name for f in functions) or "this step"


def heading(cell):
    """The title of the section that a cell stands in, if it is plain text."""
    node = cell
    while node.parent is not None:
        node = node.parent
        if isinstance(node, nodes.section):
            title = next(iter(node.findall(nodes.title)))
            return "" if list(title.findall(nodes.math)) else title.astext()
    return ""


def is_in_solution(cell):
    node = cell
    while node is not None:
        if "solution" in node.get("classes", ()) or type(node).__name__.startswith("solution"):
            return True
        node = node.parent
    return False


def fold_code(cell):
    """Put a cell's source into a fold: above what it prints, below what it draws or judges."""
    shows = outcomes(cell)
    cell.attributes.pop("hide_mode", None)
    source = part(cell, "source")
    lines = code(cell).count("\n") + 1
    name = name_of(cell, shows)
    title = f"Code: {name}, {lines} {'line' if lines == 1 else 'lines'}"
    place = cell.index(source)
    cell.remove(source)
    after = " after-outcome" if shows and "other" not in shows else ""
    opening = f'<details class="folded code-fold{after}"><summary>{escape(title)}</summary>'
    parts = [html(opening), source, html("</details>")]
    ends = [raw for raw in cell.findall(nodes.raw) if raw.get("figure_end")]
    if after and len(ends) == 1:  # in the line that offers a figure's numbers
        ends[0].parent.insert(ends[0].parent.index(ends[0]), parts)
    else:
        cell.insert(len(cell) if after else place, parts)


def fold_cell(cell):
    """Put a cell's source and what it shows into one fold."""
    cell.attributes.pop("hide_mode", None)
    title = f"Code and output: {name_of(cell, outcomes(cell))}"
    cell.insert(0, html(f'<details class="folded"><summary>{escape(title)}</summary>'))
    cell += html("</details>")


def html(text):
    return nodes.raw("", text, format="html")


def below_opening(doctree):
    """The place, a parent and an index, behind a chapter's card, first picture and problem."""
    top = next(iter(doctree.findall(nodes.section)), None)
    first = next((c for c in top.children if isinstance(c, nodes.section)), None) if top else None
    if first is None:
        return None
    inner = next((i for i, c in enumerate(first.children) if isinstance(c, nodes.section)), None)
    return first, len(first.children) if inner is None else inner


def fold_setup(doctree, found):
    """Gather the cells that a rerun needs, in their order, in one fold below the opening."""
    place = below_opening(doctree)
    if not found or place is None:
        return
    box = nodes.container("", classes=["rerun"])
    box += html(f'<details class="folded rerun-fold"><summary>{RERUN}</summary>')
    for cell in found:
        cell.parent.remove(cell)
        cell.attributes.pop("hide_mode", None)
        box += cell
    box += html("</details>")
    parent, index = place
    parent.insert(index, box)


def fold_card(doctree):
    """In a chapter's card, fold what the deck has of it."""
    for card in doctree.findall(nodes.admonition):
        if "chapter-card" not in card["classes"]:
            continue
        for index, paragraph in enumerate(card.children):
            label = next(iter(paragraph.findall(nodes.strong)), None)
            if isinstance(paragraph, nodes.paragraph) and label and label.astext() == IN_THE_DECK:
                label["classes"].append("card-label")
                opening = '<details class="folded card-deck"><summary>In the deck</summary>'
                card.insert(index, html(opening))
                card += html("</details>")
                break


def fold(app, doctree):
    if not app.env.docname.startswith(CHAPTERS):
        return
    all_cells = [cell for cell in cells(doctree) if part(cell, "source") is not None]
    setup_cells = [cell for cell in all_cells if is_setup(cell)]
    for cell in all_cells:
        if cell in setup_cells:
            continue
        if "hide-cell" in tags(cell):
            fold_cell(cell)
        elif is_folded(cell, outcomes(cell)):
            fold_code(cell)
    fold_setup(doctree, setup_cells)
    fold_card(doctree)


def setup(app):
    app.connect("doctree-read", fold, priority=600)  # when figures have their numbers
    return {"env_version": 3, "parallel_read_safe": True, "parallel_write_safe": True}
