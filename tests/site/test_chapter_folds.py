"""Of a chapter's code, what is long or only draws is folded; what a rerun needs is in one fold."""

import re
import subprocess
import sys
from pathlib import Path

import nbformat
import pytest
from bs4 import BeautifulSoup
from reading import DESK, PHONE

from optlab import report

EXTENSIONS = Path(__file__).parents[2] / "site/extensions"
CONF = f"""
import sys
sys.path.insert(0, {str(EXTENSIONS)!r})
extensions = ["myst_nb", "chapter_figures", "chapter_folds"]
root_doc = "index"
nb_execution_mode = "off"
suppress_warnings = ["mystnb.lexer"]
"""
FIGURE = report.figure(
    lambda ax: (ax.plot([1, 2], label="a"), ax.set(xlabel="step", ylabel="loss")),
    name="fig-a",
    caption="A <line>",
    alt="It rises.",
)._repr_html_()
CLAIM = '<div class="optlab-claim"><strong>proved</strong></div>'
LONG = "".join(f"x{i} = {i}\n" for i in range(30))
CARD = """# A chapter

:::{admonition} What you will see
:class: chapter-card

**One idea.** It works.

**In the deck.** A long story.
:::
"""
VISIBLE, CHAPTER = 25, 200  # lines of code that a cell and a chapter show


def code(source, *outputs, tags=(), **metadata):
    cell = nbformat.v4.new_code_cell(source, metadata={"tags": list(tags), **metadata})
    cell.outputs = list(outputs)
    return cell


def shown(html):
    return nbformat.v4.new_output("display_data", {"text/html": html, "text/plain": "it"})


def printed(text="1\n"):
    return nbformat.v4.new_output("stream", text=text)


@pytest.fixture(scope="module")
def page(tmp_path_factory):
    """A small chapter with a cell of each sort, built."""
    text = nbformat.v4.new_markdown_cell
    book = nbformat.v4.new_notebook(
        cells=[
            text(CARD),
            code("seed: int = 0  # a seed", tags=["parameters"]),
            code("from optlab import report\nreport.check_parameters(globals())"),
            code("import math\n\n_ = math.pi", tags=["hide-input"]),
            text("## The problem\n\nIt is hard: {ref}`fig-a`, {ref}`this one <fig-a>`."),
            code("draw_it()", shown(FIGURE)),
            text("### Closer"),
            text("## The *second* part"),
            code("# The seven rows\nrows = 7", tags=["hide-input"]),
            code("import random\n\nfor k in range(3):\n    print(k)", printed()),
            code("import random"),
            code("late = 1", tags=["setup"]),
            code("report.claim('a', True)", shown(CLAIM)),
            code("report.claim('a', True)\nreport.claim('b', True)", shown(CLAIM), shown(CLAIM)),
            code("print(1)\nreport.claim('a', True)", printed(), shown(CLAIM)),
            code(LONG, mystnb={"code_prompt_show": "Thirty numbers"}),
            code(LONG, printed(), tags=["show-input"]),
            code(f'def f():\n    """What f does."""\n{LONG}'.replace("\nx", "\n    x")),
            code("# a comment\n# of two lines\n" + LONG),
            code("".join(f"y{i} = {i}\n" for i in range(20)), tags=["show-input"]),
            code("%timeit 1", tags=["hide-input"]),
            code(f"# All the rows\n{LONG}", printed(), tags=["hide-cell"]),
        ]
    )
    book.metadata["kernelspec"] = {"name": "python3", "display_name": "", "language": "python"}
    book.metadata["language_info"] = {"name": "python", "pygments_lexer": "ipython3"}
    source = tmp_path_factory.mktemp("folds") / "source"
    (source / "notebooks").mkdir(parents=True)
    nbformat.write(book, source / "notebooks/03-a.ipynb")
    (source / "index.md").write_text("# Index\n\n```{toctree}\nnotebooks/03-a\n```\n")
    config = CONF.replace("root_doc", "myst_enable_extensions = ['colon_fence']\nroot_doc")
    (source / "conf.py").write_text(config)
    command = [sys.executable, "-m", "sphinx", "-q", "-W", "-b", "html", source, source / "out"]
    subprocess.run(command, check=True)
    return BeautifulSoup((source / "out/notebooks/03-a.html").read_text(), "html.parser")


def names(page):
    return [summary.get_text() for summary in page.select("details.code-fold > summary")]


def test_folds_are_named_and_counted(page):
    assert names(page) == [
        "Code: Figure 3.1, 1 line",
        "Code: The seven rows, 2 lines",
        "Code: this verdict, 1 line",
        "Code: these verdicts, 2 lines",
        "Code: Thirty numbers, 30 lines",
        "Code: The second part, 30 lines",
        "Code: What f does, 32 lines",
        "Code: The second part, 32 lines",
        "Code: The second part, 1 line",
    ]


def test_a_hidden_cell_is_folded_with_what_it_prints(page):
    [fold] = page.select(".cell > details.folded:not(.code-fold)")
    assert fold.summary.get_text() == "Code and output: All the rows"
    assert fold.select_one(".cell_input")
    assert fold.select_one(".cell_output")


def test_a_picture_and_a_verdict_stand_above_their_code(page):
    for outcome in page.select("figure.optlab-figure, .optlab-claim"):
        cell = outcome.find_parent("div", class_="cell")
        order = [child.name for child in cell.find_all(["div", "details"], recursive=False)]
        if outcome.name == "figure":  # in its own line of what can be opened
            assert outcome.select_one(".figure-more > .code-fold")
        elif "print" not in cell.get_text():
            assert order == ["div", "details"]


def test_what_a_rerun_needs_is_in_one_fold_below_the_opening(page):
    [fold] = page.select("details.rerun-fold")
    assert fold.summary.get_text() == "Rerun this chapter: parameters and imports"
    sources = [pre.get_text().split("\n")[0] for pre in fold.select(".cell_input pre")]
    assert sources == [
        "seed: int = 0  # a seed",
        "from optlab import report",
        "import math",
        "import random",
        "late = 1",
    ]
    assert "for k in range(3)" not in fold.get_text()  # it shows something
    assert not fold.select("details")
    problem = page.find(id="the-problem")
    assert fold in problem.descendants
    assert fold.find_previous("figure") in problem.descendants  # the first picture, and then it
    assert fold.find_next("h3").get_text().startswith("Closer")


def test_a_figure_is_referred_to_by_its_number(page):
    links = {a.get_text(): a["href"] for a in page.select("p a.reference.internal")}
    assert links == {"Figure 3.1": "#fig-a", "this one": "#fig-a"}
    figure = page.find(id="fig-a")
    assert figure.figcaption.get_text(" ", strip=True) == "Figure 3.1 A <line>"
    assert figure.select_one(".figure-numbers tbody th").get_text() == "a"
    assert "chapter 3, “A chapter”" in figure.select_one(".figure-cite").get_text()


def test_of_the_card_the_deck_is_folded(page):
    card = page.select_one(".chapter-card")
    assert "A long story." in card.select_one("details").get_text()
    assert "It works." not in card.select_one("details").get_text()


def visible(page):
    """Lines of code of each cell that is open when the page is, but what shows a rule."""
    for pre in page.select(".cell_input pre"):
        if not pre.find_parent(["details"]) and not pre.find_parent(class_=re.compile("toggle")):
            yield pre.get_text().rstrip().count("\n") + 1


def test_chapters_show_little_code(pages):
    chapters = {n: list(visible(p)) for n, p in pages.items() if n.startswith("notebooks/")}
    assert len(chapters) >= 15
    assert {n: sum(c) for n, c in chapters.items() if sum(c) > CHAPTER} == {}
    assert {n: max(c) for n, c in chapters.items() if max(c, default=0) > VISIBLE} == {}
    assert sum(map(sum, chapters.values())) > 100  # it is code that is counted


def test_each_chapter_has_its_fold_below_the_opening(pages):
    for name, page in pages.items():
        if name.startswith("notebooks/"):
            [fold] = page.select("details.rerun-fold")
            assert "seed: int" in fold.get_text(), name
            assert "report.check_parameters" in fold.get_text(), name
            first, second = page.select("article h2")[:2]
            assert first in fold.find_all_previous("h2"), name
            assert second in fold.find_all_next("h2"), name
            for title in names(page):
                assert re.fullmatch(r"Code: \S.*, \d+ lines?", title), (name, title)


@pytest.mark.parametrize(("width", "most"), [(DESK, 450), (PHONE, 600)])
def test_a_chapter_opens_with_its_problem(window, address, pages, width, most, visits):
    """The first heading of the text stands in the first window."""
    low = {}
    for name in pages:
        if name.startswith("notebooks/"):
            top = visits.of(name, width, window, address)["top"]
            if top > most:
                low[name] = round(top)
    assert low == {}
