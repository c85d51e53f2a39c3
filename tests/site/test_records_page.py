"""The page of records says what the files in book/results say; a bad file stops the build."""

import json
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from bs4 import BeautifulSoup

from optlab import records
from optlab.bench import saving, steps

ROOT = Path(__file__).parents[2]
RESULTS = ROOT / "book" / "results"
NAMES = [path.stem for path in sorted(ROOT.glob("notebooks/*.ipynb"))]
CHAPTER = "12-sgdr"
JUDGED = "sgdr-restarts"


def cells(table):
    return [
        [cell.get_text(" ", strip=True) for cell in row.select("td")] for row in table("tr")[1:]
    ]


def test_each_chapter_has_a_row_for_each_of_its_records(pages):
    rows = cells(pages["book/records.html"].select_one("table.status"))
    stored = {path.stem: records.read(path) for path in RESULTS.glob("*.json")}
    assert list(dict.fromkeys(row[0] for row in rows)) == NAMES
    shown = {f"{row[0]}.{row[1]}": row for row in rows if row[1] != "not recorded"}
    assert shown.keys() == stored.keys()
    for name, made in stored.items():
        _, _, agreement, settings, run, code = shown[name]
        assert settings == "current"
        assert run == f"{made.seconds:.0f} s, {made.device}, seed {made.seed}"
        assert code == (
            f"optlab {made.versions['optlab']}, torch {made.versions['torch']}, {made.commit[:7]}"
        )
        assert (agreement in ("not kept", "no claims")) == (made.verdicts == [])


def test_a_table_for_each_bench_that_is_stored(pages):
    page = pages["book/records.html"]
    tables = len(page.select("table.status")) - 1
    stored = [(kind, bench) for kind in saving.KINDS for bench in saving.recorded(kind, RESULTS)]
    of_kind = {"steps": 2, "grid": 2, "together": 1}
    machines = {(kind, bench.machine) for kind, bench in stored}
    assert tables == sum(of_kind[kind] for kind, _ in machines)
    assert len(page.select("details.folded pre")) == len(stored)
    for _, bench in stored:
        assert bench.machine in page.select_one("main").get_text()


def test_it_is_reached_from_where_runs_are_recorded(pages):
    link = pages["book/rerun.html"].select_one("#record-a-larger-run a[href^='records.html']")
    assert link
    assert pages["book/records.html"].select_one("a[href='rerun.html#rerun-record']")


@pytest.fixture
def build(tmp_path):
    """A small site of the page's tables alone: a function that builds it and returns the page,
    or, where Sphinx complains, what it says."""
    (tmp_path / "notebooks").mkdir()
    shutil.copy(ROOT / "notebooks" / f"{CHAPTER}.ipynb", tmp_path / "notebooks")
    extensions = str(ROOT / "site" / "extensions")
    (tmp_path / "conf.py").write_text(
        f"import sys; sys.path.insert(0, {extensions!r}); extensions = ['records_page']\n"
        "html_theme_options = {}\nhtml_theme = 'basic'\nexclude_patterns = ['notebooks']"
    )
    kinds = "".join(f".. benches:: {kind}\n\n" for kind in saving.KINDS)
    (tmp_path / "index.rst").write_text(f"Records\n=======\n\n.. records::\n\n{kinds}")

    def build_():
        sphinx = [
            sys.executable,
            "-m",
            "sphinx",
            "-qWE",
            "--keep-going",
            tmp_path,
            tmp_path / "out",
        ]
        done = subprocess.run(sphinx, capture_output=True, text=True)
        if done.returncode:
            return done.stderr
        return BeautifulSoup((tmp_path / "out" / "index.html").read_text(), "html.parser")

    return build_


def stored(folder, **changes):
    """A record in the small site: that of the book, changed."""
    content = json.loads((RESULTS / f"{CHAPTER}.small.json").read_text()) | changes
    path = folder / "book" / "results" / f"{CHAPTER}.small.json"
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(content))
    return path


def bench(folder, version, date, ms, others, commit="a" * 40, machine="A chip, 2 threads"):
    rows = [steps.Row("Adam", "transformer", 1000, "compiled", ms, 1.0, others, {}, 0.5)]
    conditions = {"device": "cpu", "torch": "2.13", "machine": machine, "optlab": version}
    file = folder / "book/results/bench/steps" / f"{version}-{machine}.json"
    saving.save(rows, conditions | {"date": date, "commit": commit}, file)


def test_with_nothing_stored_it_says_how_to_store(build):
    page = build()
    assert cells(page.table) == [[CHAPTER, "not recorded", "", "", "", ""]]
    hints = [
        f"None is recorded. To record one: .venv/bin/optlab bench{o} --record"
        for o in ("", " --grid")
    ]
    assert all(hint in page.get_text() for hint in hints)
    assert not page.select("details")


def test_verdicts_and_settings_that_differ_are_named(build, tmp_path):
    own = {"id": JUDGED, "verdict": "checked", "evidence": "as if"}
    gone = {"id": "no-more", "verdict": "proved", "evidence": ""}
    settings = json.loads((RESULTS / f"{CHAPTER}.small.json").read_text())["settings"]
    before = {
        "versions": {"optlab": "0.0.9", "torch": "2.1"},
        "device": "an old chip",
        "seconds": 99.0,
        "commit": "b" * 40 + "-dirty",
        "date": "",
        "verdicts": [],
    }
    stored(
        tmp_path,
        verdicts=[own, gone | {"id": "sgdr-table"}, gone],
        settings=settings | {"epochs": 1},
        earlier=[before],
    )
    page = build()
    now, then = cells(page.table)
    assert now[2:4] == ["1 of 3", "changed since: epochs"]
    assert then[2:4] == ["not kept", "of that version"]
    assert then[4] == "99 s, an old chip, seed 0"
    assert then[5] == "optlab 0.0.9, torch 2.1, bbbbbbb and changes"
    other, missing = (li.get_text(" ", strip=True) for li in page.select(".other-verdicts li"))
    assert other.startswith("sgdr-table at small: proved")
    assert "In the chapter:" in other
    assert missing == "no-more at small: proved The chapter has no such claim."
    [figures] = (li.get_text(" ", strip=True) for li in page.select("details .other-evidence li"))
    assert figures.startswith(f"{JUDGED} at small: checked as if. In the chapter: checked ")
    assert (
        page.select_one(".other-evidence a")["href"] == f"notebooks/{CHAPTER}.html#claim-{JUDGED}"
    )


def test_versions_of_a_bench_stand_one_under_the_other_the_newest_first(build, tmp_path):
    bench(tmp_path, "0.9.0", "2026-01-01", 2.0, {"torch fused": 5.0, "timm": 3.0})
    bench(tmp_path, "0.10.0", "2026-02-01", 4.0, {"torch fused": 5.0})
    bench(tmp_path, "0.10.0", "2026-02-01", 1.0, {"timm": 7.0}, machine="B chip")
    page = build()
    _, first, second = page.select("table.status")
    assert [cell.text for cell in first.select("th")] == [
        *("Optimizer", "optlab", "of copy", "torch fused", "timm")
    ]
    assert cells(first) == [
        ["Adam", "0.10.0", "50%", "1.25", "–"],
        ["Adam", "0.9.0", "50%", "2.50", "1.50"],
    ]
    assert cells(second) == [["Adam", "50%", "7.00"]]
    assert "A chip, 2 threads. optlab 0.10.0 of 2026-02-01: torch 2.13, aaaaaaa." in page.get_text()
    printed = [part.get_text() for part in page.select("details pre")]
    assert ["4.000 ms" in printed[0], "2.000 ms" in printed[1]] == [True, True]


@pytest.mark.parametrize(
    ("name", "text"), [(f"{CHAPTER}.small.json", "{"), ("bench/grid/0.1.0-a.json", "[]")]
)
def test_a_file_that_is_something_else_stops_the_build_with_one_line(build, tmp_path, name, text):
    path = tmp_path / "book" / "results" / name
    path.parent.mkdir(parents=True)
    path.write_text(text)
    [line] = [line for line in build().splitlines() if "ERROR" in line]
    assert f"{path} is not " in line
    assert "remove it, restore it by git, or make it anew with " in line
    assert line.endswith("--record")


def test_a_record_of_no_chapter_stops_the_build(build, tmp_path):
    path = stored(tmp_path, chapter="16-none")
    path = path.rename(path.with_name("16-none.small.json"))
    [line] = [line for line in build().splitlines() if "ERROR" in line]
    assert f"{path}: no notebook is called 16-none, or no scale small; remove the file" in line


def test_on_a_phone_a_row_is_no_higher_than_its_text(window, address):
    page = window(390).new_page()
    page.goto(f"{address}/book/records.html")
    heights = page.evaluate(
        "[...document.querySelectorAll('table.records tbody tr')].map((row) => row.offsetHeight)"
    )
    page.close()
    assert len(heights) >= len(NAMES)
    assert max(heights) < 100, heights
