"""Verdicts in a chapter: a line each, which opens what was asked and found."""

import doctest
import json
import sys
from pathlib import Path

from optlab.report.claims import MIME, known

ROOT = Path(__file__).parents[2]
sys.path.insert(0, str(ROOT / "site/extensions"))
import verdicts  # noqa: E402


def test_examples_hold():
    done = doctest.testmod(verdicts)
    assert done.attempted >= 4
    assert not done.failed


def stored(notebook):
    for cell in json.loads(notebook.read_text())["cells"]:
        for output in cell.get("outputs", []):
            if data := output.get("data", {}).get(MIME):
                yield data


def test_every_verdict_of_a_chapter_is_a_line_that_opens(pages):
    seen = 0
    for notebook in sorted((ROOT / "notebooks").glob("*.ipynb")):
        page = pages[f"notebooks/{notebook.stem}.html"]
        assert not page.select("div.optlab-claim")
        folds = {fold["id"]: fold for fold in page.select("details.optlab-claim")}
        for data in stored(notebook):
            seen += 1
            fold = folds.pop(f"claim-{data['id']}")
            assert fold.strong.get_text() == data["verdict"]
            assert not fold.has_attr("open")
            assert len(fold.summary.get_text()) < 300
            assert fold.select_one(f'a[href$="book/ledger.html#{data["id"]}"]')
            if known()[data["id"]].quote:
                assert fold.code.get_text() == known()[data["id"]].quote
        assert not folds
    assert seen >= 100


def test_nothing_that_a_statement_says_is_lost():
    def words(*texts):
        return "".join(c if c.isalnum() else " " for c in " ".join(texts)).split()

    for statement in known().values():
        assert words(*verdicts.parted(statement.statement)) == words(statement.statement)


def test_a_link_to_a_verdict_opens_it(browser, address):
    tab = browser.new_page()
    tab.goto(f"{address}/notebooks/02-adagrad.html")
    id = tab.locator("details.optlab-claim").first.get_attribute("id")
    assert tab.locator("details.optlab-claim[open]").count() == 0
    tab.goto(f"{address}/notebooks/02-adagrad.html#{id}")
    tab.wait_for_selector(f"#{id}[open]")
    tab.close()
