"""Every claim can come out otherwise; and a change that leaves its verdict alone is found."""

import re
from pathlib import Path

import mutations
import nbformat
import pytest
from mutations import Mutation

from optlab.report import ledger
from optlab.report.claims import known
from optlab.running.execute import run_into

CHAPTERS = sorted({statement.notebook for statement in known().values()})
NOTEBOOKS = Path(__file__).parents[2] / "notebooks"


@pytest.mark.parametrize("chapter", CHAPTERS)
def test_each_claim_has_a_mutation(chapter):
    """What the second runs of the chapters try, tests/notebooks/test_papermill.py."""
    found, due = mutations.table(chapter).keys(), mutations.due(chapter)
    assert found == due


@pytest.mark.parametrize("chapter", CHAPTERS)
def test_a_mutation_changes_more_than_the_line_that_judges(chapter):
    """A condition that is negated, or set to False, would flip whatever stands before it."""
    for id, mutation in mutations.table(chapter).items():
        for old, new in mutation.edits.items():
            assert "report.claim(" not in old + new, id
            assert not re.search(r"\b(True|False|not)\b", new), id


@pytest.fixture
def tried(sample, tmp_path):
    """What becomes of the verdict of the sample, where all lr > 0 are a misprint."""

    def tried_(**change):
        book = nbformat.read(sample, 4)
        mutations.insert(book, {"adam-line-4": Mutation(**change)})
        nbformat.write(book, sample)
        run_into(sample, tmp_path / "out.ipynb", {}, progress=False)
        verdicts = {v["id"]: v["verdict"] for v in ledger.verdicts(tmp_path / "out.ipynb")}
        assert verdicts == {"adam-line-4": "misprint"}
        mutated = mutations.found(nbformat.read(tmp_path / "out.ipynb", 4))
        return mutated["adam-line-4"], mutations.survivors(verdicts, mutated)

    return tried_


def test_data_that_overturn_it(tried):
    overturned = tried(edits={"lr: float = 0.1": "lr: float = -0.1"})
    assert overturned == ("not misprint", {})


def test_a_claim_that_survives_is_found(tried):
    survived = tried(edits={"lr: float = 0.1": "lr: float = 0.2"})
    assert survived == ("misprint", {"adam-line-4": "misprint"})


def test_an_error_is_no_verdict(tried):
    verdict, survivors = tried(edits={"lr: float = 0.1": "lr: float = 1 / 0"})
    assert verdict == survivors["adam-line-4"] == "ZeroDivisionError: division by zero"


def test_rules_and_the_decks_words(sample, tmp_path):
    book = nbformat.read(sample, 4)
    lines = [
        "from optlab import rules, schedules",
        "from optlab.report.claims import load",
        "stepped, _ = rules.adam(1.0, 2.0, rules.adam.init(0.0) if 0 else s, 1, **hyper)",
        'lr = float(stepped < 1 and "beta" in "".join(load()["adam-line-4"].quotes))',
        "lr *= schedules.cosine(4)(2) == 0.5",
    ]
    state = [
        "from optlab.rules import State",
        "s, hyper = State(m=0.0, v=0.0), dict(lr=0.1, beta1=0.9, beta2=0.9, eps=1e-8)",
    ]
    book.cells[2].source += "\n" + "\n".join(state)
    book.cells[-1].source = "\n".join([*lines, book.cells[-1].source])
    nbformat.write(book, sample)

    def tried(**change):
        changed = nbformat.read(sample, 4)
        mutations.insert(changed, {"adam-line-4": Mutation(**change)})
        path = sample.with_name("98-changed.ipynb")
        nbformat.write(changed, path)
        run_into(path, tmp_path / "out.ipynb", {}, progress=False)
        return mutations.found(nbformat.read(tmp_path / "out.ipynb", 4))["adam-line-4"]

    assert tried(rules={"adam": ("return p - lr", "return p + lr")}) == "not misprint"
    assert tried(rules={"adam": ("return p - lr", "return p  - lr")}) == "misprint"
    another = {"schedules.cosine": ("cospi(t / T)", "cospi(t / T / 2)")}
    assert tried(rules=another) == "not misprint"
    below = {"ops.cospi": ("* x)", "* 2 * x)")}
    assert tried(rules=below) == "not misprint"
    assert tried(rules={"adam": ("nowhere", "")}).startswith("AssertionError: 'nowhere' is 0 times")
    word = next(iter(re.findall(r"beta", "".join(known()["adam-line-4"].quotes))), "")
    assert word


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({}, "a mutation changes something"),
        ({"edits": {"nowhere": ""}}, "'nowhere' is 0 times in the code, not once"),
        ({"edits": {"lr": ""}}, r"'lr' is \d+ times in the code, not once"),
        ({"edits": {"late": ""}}, "'late' lies after the claim that it is to change"),
    ],
)
def test_a_change_that_finds_no_place_is_an_error(sample, change, message):
    book = nbformat.read(sample, 4)
    book.cells.append(nbformat.v4.new_code_cell("late = 1"))
    with pytest.raises(ValueError, match=message):
        mutations.insert(book, {"adam-line-4": Mutation(**change)})
