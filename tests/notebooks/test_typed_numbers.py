"""No result is typed into a chapter's prose: what looks like one is printed, set, or listed."""

from pathlib import Path

import nbformat
import pytest
from nbformat.v4 import new_code_cell, new_markdown_cell, new_notebook, new_output
from typed_numbers import Allowed, allowed, results, typed

NOTEBOOKS = sorted(Path(__file__).parents[2].glob("notebooks/*.ipynb"))
LISTED = allowed()


@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)
def test_chapter(path):
    listed = [entry for entry in LISTED if entry.chapter == path.stem]
    found = typed(nbformat.read(path, as_version=4))
    loose = [str(one) for one in found if not any(entry.covers(one) for entry in listed)]
    assert not loose, "print it in a cell, say it in words, or list it in tests/typed_numbers.toml"
    idle = [entry.words for entry in listed if not any(map(entry.covers, found))]
    assert not idle, "no longer needed in tests/typed_numbers.toml"


def test_every_entry_is_of_a_chapter_and_has_a_reason():
    assert {entry.chapter for entry in LISTED} <= {path.stem for path in NOTEBOOKS}
    assert all(entry.reason.strip() and any(map(str.isdigit, entry.words)) for entry in LISTED)


def book(prose, printed="", code="pass", caption=""):
    cell = new_code_cell(code, outputs=[new_output("stream", text=printed)])
    if caption:
        data = {
            "text/plain": f"{caption}\nline: 9 points, min 0.25",
            "text/html": '<figure class="optlab-figure">',
        }
        cell.outputs.append(new_output("display_data", data=data))
    return new_notebook(cells=[new_markdown_cell(prose), cell])


def numbers(*args, **kwargs):
    return [one.number for one in typed(book(*args, **kwargs))]


@pytest.mark.parametrize(
    ("prose", "printed"),
    [
        ("It falls to 0.31 at the end.", "loss 0.3142"),
        ("It is $31.6$ times too long.", "31.62"),
        ("It takes $1{,}234.5$ steps.", "1234.5"),
        ("It takes 1,234.5 steps.", "1,234.5"),
        ("About 12 percent err.", "error 12 percent"),
        ("About $12\\,\\%$ err.", "error 12.3"),
        ("The interval is [0.91, 1.05].", "0.98 [0.91, 1.05]"),
        ("The interval is [-2, 7].", "[-2.2, 6.9]"),
        ("A difference of −0.25 points.", "-0.25"),
        ("It is below 0.001.", "1e-3"),
    ],
)
def test_a_result_must_be_printed(prose, printed):
    assert numbers(prose, printed) == []
    assert numbers(prose, "a 0.777 of [5.5, 6.5]") != []
    assert numbers(prose, "") != []


@pytest.mark.parametrize(
    "prose",
    [
        "Twelve of 20 runs, 100 steps, chapter 3.",
        "The code says `lr=0.031`, see {cite}`sgdr2017` and {eq}`eq-0.5`.",
        "[A page](../book/page.html?lr=0.031&w=0.7) and &gd.lr=0.0198.",
        "Brackets are 95 % intervals, Student's at 95 percent or 95%.",
        ":label: alg-1.5\n(part-2.5)=\n",
        "It is version 2.13.0 of it.",
    ],
)
def test_what_is_no_result(prose):
    assert list(results(prose)) == []


def test_a_setting_or_part_of_a_formula_may_be_typed():
    assert numbers("A rate of 0.01.", code="lr: float = 0.01  # rate") == []
    assert numbers("A rate of 0.01.", code="lr = 1e-2") == []
    assert numbers("A rate of 0.01.", code="n = 1_000") == ["0.01"]
    assert numbers("A rate of 0.01.", code='print("0.01")  # 0.01') == ["0.01"]
    assert numbers("A rate of 0.01.", code='print(f"0.01{1}")') == ["0.01"]
    assert numbers("With $\\beta_2 = 0.999$ it is 0.999.") == []
    assert numbers("$$x = 0.25$$ (eq-x)\n\nIt is 0.25, not 0.26.") == ["0.26"]
    assert numbers("It is $0.999$, and 0.999.") == ["0.999", "0.999"]


def test_a_number_is_rounded_and_never_made_more_exact():
    assert numbers("It is 0.314.", "0.31") == ["0.314"]
    assert numbers("It is 0.32.", "0.3142") == ["0.32"]
    assert numbers("It is 2.5.", "25") == ["2.5"]
    assert numbers("It is 12 percent.", "12 runs") == ["12"]
    assert numbers("It is 1.5.", "11.5 and 1.55") == ["1.5"]


def test_a_caption_is_prose_unless_a_cell_computed_the_number():
    typed_in = 'figure(caption="a ratio of 0.77")'
    assert numbers("Text.", code=typed_in, caption="a ratio of 0.77") == ["0.77"]
    assert numbers("So 0.77.", code=typed_in, caption="a ratio of 0.77") == ["0.77", "0.77"]
    assert numbers("Text.", code='figure(caption=f"{r:.2f}")', caption="a ratio of 0.77") == []
    assert numbers("At least 0.25.", code="figure()", caption="curves") == []  # in the digest


def test_an_entry_covers_its_number_in_its_words_alone():
    entry = Allowed("01-sample", "exceeds it by 79 percent", "")
    [one] = typed(book("The regret exceeds it by 79 percent."))
    assert entry.covers(one)
    for other in ("The regret exceeds it by 78 percent.", "It lies 79 percent above."):
        [one] = typed(book(other))
        assert not entry.covers(one)
