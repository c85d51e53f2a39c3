"""Test what the files that changed can break, in a minute and a half: `make check`.

    python tools/check.py [--against REF] [--seconds 90] [--list] [FILE …]

Changed is what differs from REF, and what git does not know yet; REF is by default where this
branch left main, or on main the last commit. FILE: only these, whether changed or not. From the
names follow the tests, what is likeliest to break first; after so many seconds the rest is left,
and said to be: `make test` runs everything. Exit status: 0, or 1 if something fails, or 2.
"""

from __future__ import annotations

import argparse
import re
import subprocess
import sys
from collections.abc import Iterable
from itertools import zip_longest
from pathlib import Path, PurePosixPath
from subprocess import PIPE, STDOUT

ROOT = Path(__file__).resolve().parents[1]
PAGE = "tests/site/test_every_page.py::test_it_reads_well[{}.html]"
KINDS = ("book/index", "book/explorer", "book/api/schedules")  # of pages; and a chapter
CHAPTER = "03-adam"  # where no other changed
# Whatever has changed: the rules in each execution, and as symbols.
ALWAYS = ("tests/rules/test_executions.py", "tests/symbolic")
# A folder of the package, and the tests of what stands on it, nearest first.
ABOVE = {
    "rules": ("tests/rules", "tests/optim/test_every.py", "tests/schedules/test_symbols.py"),
    "schedules": ("tests/schedules",),
    "learning": ("tests/learning", "tests/grid", "tests/experiments"),
    "running": ("tests/cli", "tests/running"),
    "symbolic": ("tests/symbolic", "tests/notebooks/test_boxes.py"),
    "ops.py": ("tests/rules", "tests/symbolic"),
    "tensors.py": ("tests/rules", "tests/optim/test_every.py"),
    "cli.py": ("tests/cli",),
    "report": ("tests/report", "tests/notebooks/test_hygiene.py"),
}
LINTERS = ("ruff check -q .", "ruff format -q --check .", "mypy", "lint-imports")


def changed(root: Path, against: str | None) -> list[str]:
    """Paths of files that differ from `against`, and of new ones, as git names them."""

    def git(*words: str) -> str:
        done = subprocess.run(["git", "-C", root, *words], capture_output=True, text=True)
        if done.returncode:
            raise SystemExit(f"git {' '.join(words)}: {done.stderr.strip()}")
        return done.stdout

    if against is None:
        branches = git("for-each-ref", "--format=%(refname:short)", "refs/heads/main")
        against = git("merge-base", "HEAD", "main").strip() if branches.strip() else "HEAD"
    found = git("diff", "--name-only", "-z", "--no-renames", against)
    found += git("ls-files", "--others", "--exclude-standard", "-z")
    return sorted({name for name in found.split("\0") if name})


def tests_of(name: str, root: Path) -> list[str]:
    """Arguments of pytest for one changed file: what it can break, likeliest first."""
    path = PurePosixPath(name)
    room = path.parts[0]
    if room == "tests":
        if path.name.startswith("test_"):
            return [name]
        if path.parts[1] == "site":
            return [PAGE.format(kind) for kind in KINDS]
        beside = sorted((root / path).parent.rglob("test_*.py"))
        using = [p for p in beside if re.search(rf"\b{path.stem}\b", p.read_text())]
        return [p.relative_to(root).as_posix() for p in using or beside]
    if room == "notebooks" and path.suffix in (".md", ".ipynb"):
        chapter = f"notebooks/{path.stem}.ipynb"
        known = about(path.stem) if (root / chapter).exists() else []
        return [chapter, *known, *page(chapter, root)]
    if room == "optlab" and len(path.parts) > 1:
        inner = path.parts[1]
        own = [f"tests/{inner}/test_{path.stem}.py", *ABOVE.get(inner, (f"tests/{inner}",))]
        return [*own, *(shown_in(path.stem, root) if inner == "rules" else ())]
    if room in ("book", "site", "_toc.yml", "_config.yml"):
        return [
            *page(name.removesuffix(".md"), root),
            "tests/site/test_pages.py",
            *(PAGE.format(kind) for kind in KINDS),
        ]
    if room == "tools":
        return [f"tests/house/test_{path.stem}.py"]
    return ["tests/house"]


def page(file: str, root: Path) -> list[str]:
    """The test of a page in the browser, if the file is one of the book's."""
    listed = re.search(rf"(?m)(file|root): {re.escape(file)}$", (root / "_toc.yml").read_text())
    return [PAGE.format(file.removesuffix(".ipynb"))] if listed else []


def about(chapter: str) -> list[str]:
    """What else is tested of a chapter, without running it."""
    hygiene = f"tests/notebooks/test_hygiene.py::test_notebook[{{}}-{chapter}]"
    rules = re.findall(r"(?m)^    (\w+),$", _rules_of_hygiene())
    return [
        *(hygiene.format(rule) for rule in rules),
        f"tests/notebooks/test_boxes.py::test_chapter[{chapter}]",
        f"tests/notebooks/test_verdicts.py::test_a_chapter_judges_its_statements[{chapter}]",
        f"tests/notebooks/test_typed_numbers.py::test_chapter[{chapter}]",
    ]


def _rules_of_hygiene() -> str:
    text = (ROOT / "tests/notebooks/test_hygiene.py").read_text(encoding="utf-8")
    return text.split("\nRULES = [")[1].split("\n]")[0]


def shown_in(rule: str, root: Path) -> list[str]:
    """The chapters that show a rule's source: they say what it does, and run it."""
    texts = sorted((root / "notebooks").glob("*.md"))
    shows = re.compile(rf"report\.source\([^)]*\brules\.{re.escape(rule)}\b")
    return [
        text.with_suffix(".ipynb").relative_to(root).as_posix()
        for text in texts
        if shows.search(text.read_text(encoding="utf-8"))
    ]


def chosen(names: Iterable[str], root: Path) -> list[str]:
    """Arguments of pytest for all of them, each once, and only what is there."""
    names = list(names)
    lists = [tests_of(name, root) for name in names]
    if any(name.startswith(("book", "site", "notebooks", "_")) for name in names):
        if not any(name.startswith("notebooks/") for name in names):
            lists.append([PAGE.format(f"notebooks/{CHAPTER}")])
        lists.append([PAGE.format(kind) for kind in KINDS])
    if names:
        lists.append(list(ALWAYS))
    # First of all files what each breaks most likely; the rest after that.
    turns = [test for turn in zip_longest(*lists) for test in turn if test]
    there = [test for test in dict.fromkeys(turns) if (root / test.split("::")[0]).exists()]
    return [t for t in there if not any(t.startswith((f"{o}/", f"{o}::")) for o in there)]


def main() -> int:
    options = argparse.ArgumentParser(description=__doc__.split("\n\n")[0])
    options.add_argument("files", nargs="*", metavar="FILE")
    options.add_argument("--against", metavar="REF")
    options.add_argument("--seconds", type=float, default=90)
    options.add_argument("--list", action="store_true", help="say what would be run")
    given = options.parse_args()
    names = given.files or changed(ROOT, given.against)
    if not names:
        print("nothing has changed")
        return 0
    tests = chosen(names, ROOT)
    if given.list:
        print(*tests, sep="\n")
        return 0
    here = Path(sys.executable).parent
    beside = [
        subprocess.Popen([here / tool, *words], cwd=ROOT, stdout=PIPE, stderr=STDOUT, text=True)
        for tool, *words in map(str.split, LINTERS)
    ]
    run = [sys.executable, "-m", "pytest", "-q", "-n", "2", "--dist", "loadfile"]
    status = subprocess.run([*run, f"--stop-after={given.seconds:g}", *tests], cwd=ROOT).returncode
    for command, process in zip(LINTERS, beside, strict=True):
        said, _ = process.communicate()
        if process.returncode:
            print(f"{command}\n{said}")
            status = status or 1
    return status


if __name__ == "__main__":
    sys.exit(main())
