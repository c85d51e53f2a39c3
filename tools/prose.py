"""Phrases over which readers of the book stumbled, wherever its prose has them.

    .venv/bin/python tools/prose.py [FILE …]

The rules are in `prose.toml`: what is found, what to write instead, and why. It looks at what a
reader reads as sentences: Markdown without code, formulas, addresses and quotations (of the deck
and of papers: a block, or words between quotation marks), and in code cells the captions and
alternative texts of figures and the evidence of claims. A finding is one line, `file:line: …`;
the exit status is 1 if there is one.

A chapter's reading time, which its card says, is held to what is counted in the same text.
"""

from __future__ import annotations

import ast
import re
import sys
import tomllib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).parents[1]
PAGES = (
    "notebooks/*.md",
    "book/*.md",
    "README.md",
    "CONTRIBUTING.md",
    "CHANGELOG.md",
    "SECURITY.md",
)
READ = ("caption", "alt", "evidence")  # the arguments in code cells that are read as sentences
GAP = "¤"  # what stands for each letter of a formula or of code in a sentence

# A reading time, in seconds: what is folded is left out, and a formula in a sentence is a word.
WORD, FORMULA, FIGURE, LINE = 60 / 150, 15, 20, 2
OFF = 4  # minutes by which a card may differ from the count: it says them in fives
SHOWN, MOST = 15, 25  # lines of code that a page shows, and with the tag show-input

FENCE = re.compile(r"^(`{3,})(.*)$")
FOLD = re.compile(r"^(:{3,}|`{3,})\{(dropdown|solution-start)\}")
CELL = re.compile(r"^```\{code-cell\}[^\n]*\n((?::[^\n]*\n)*)(.*?)^```$", re.MULTILINE | re.DOTALL)
CARD = re.compile(r"\*\*Reading time\.\*\* (\d+) minutes")
NAME = re.compile(r"^\{[\w:-]+\}")
CODE = re.compile(r"\s*(\{(code-cell|code-block|code|math|toctree|list-table)\}|\w|$)")
BESIDE = re.compile(  # what is no sentence, line by line
    r"^---\n.*?^---\n|^\s*\$\$.*?^\s*\$\$.*?$|^>.*?$|^:[\w-]+:.*?$|^\([\w-]+\)=$|<!--.*?-->",
    re.MULTILINE | re.DOTALL,
)
QUOTED = re.compile(r"“[^”]*”|(?<!\w)\"[^\"\n]+\"(?!\w)")
GAPS = re.compile(r"\$(?:[^$\n]|\n(?!\n))+\$|\{[\w:]+\}`[^`]*`|`[^`\n]+`")
ADDRESS = re.compile(r"(?<=\])\([^)\n]*\)")


@dataclass(frozen=True)
class Rule:
    """One kind of stumble: a pattern (a space is any white space), its remedy and why."""

    find: str
    write: str
    why: str
    finds: str  # a sentence that has it
    passes: str = ""  # one that looks like it and may stand

    def lines(self, text: str) -> Iterator[tuple[int, str]]:
        """The line, from 1, and the words of each finding in a text of sentences."""
        pattern = self.find.replace(" ", r"\s+")
        for match in re.finditer(pattern, text, 0 if "[A-Z]" in pattern else re.IGNORECASE):
            yield text.count("\n", 0, match.start()) + 1, " ".join(match[0].split())


def rules() -> list[Rule]:
    """The list. TypeError: an entry has not these fields."""
    text = Path(__file__).with_suffix(".toml").read_text(encoding="utf-8")
    return [Rule(**entry) for entry in tomllib.loads(text)["rule"]]


def sentences(page: str) -> str:
    """A Markdown page, line by line, with all blank that is not its own prose."""
    page = _without_code(page)
    for pattern, filler in ((BESIDE, " "), (ADDRESS, " "), (GAPS, GAP), (QUOTED, GAP)):
        page = pattern.sub(lambda match, by=filler: re.sub(r"[^\n]", by, match[0]), page)
    return page


def _without_code(page: str) -> str:
    """Fences of code are blank, and in code cells all but what is read as sentences.

    The body of a fence of another directive, such as {exercise}, is prose.
    """
    lines, kept = iter(page.split("\n")), []
    open_: list[str] = []  # fences whose bodies are prose
    for line in lines:
        fence = FENCE.match(line)
        if not fence:
            kept.append(line)
            continue
        if line.rstrip() in open_ or not CODE.match(fence[2]):
            if line.rstrip() in open_:
                open_.remove(line.rstrip())
            else:
                open_.append(fence[1])
            kept.append(NAME.sub("", line.lstrip("`")))
            continue
        body = []
        for inner in lines:
            if inner.rstrip() == fence[1]:
                break
            body.append(inner)
        texts = _texts(body) if "{code-cell}" in fence[2] else {}
        kept += ["", *(texts.get(number, "") for number in range(1, len(body) + 1)), ""]
    return "\n".join(kept)


def _texts(body: list[str]) -> dict[int, str]:
    """The sentences of a code cell, by the line on which they begin."""
    try:
        tree = ast.parse("\n".join("" if line[:1] in ":%!" else line for line in body))
    except SyntaxError:
        return {}
    found = {}
    for call in ast.walk(tree):
        for keyword in call.keywords if isinstance(call, ast.Call) else ():
            if keyword.arg in READ:
                parts = [
                    part.value if isinstance(part, ast.Constant) else GAP
                    for part in getattr(keyword.value, "values", [keyword.value])
                ]
                text = "".join(part for part in parts if isinstance(part, str))
                found[keyword.value.lineno] = " ".join(text.split())
    return found


def minutes(page: str) -> float:
    """How long a chapter takes to read, without what it folds."""
    lines, kept = iter(page.split("\n")), []
    for line in lines:
        if fold := FOLD.match(line):
            end = fold[1] + ("{solution-end}" if fold[2] == "solution-start" else "")
            for inner in lines:
                if inner.rstrip() == end:
                    break
        else:
            kept.append(line)
    page = "\n".join(kept)
    words = re.findall(r"¤+|\w[\w’'-]*", sentences(page))
    figures = code = 0
    for options, body in CELL.findall(page):
        long = len(body.splitlines()) > (MOST if "show-input" in options else SHOWN)
        folded = long or re.search("hide-|parameters|setup", options) or "report.claim(" in body
        figures += "report.figure(" in body
        code += 0 if folded or "report.figure(" in body else len(body.splitlines())
    formulas = len(re.findall(r"^\s*\$\$", page, re.MULTILINE)) // 2
    return (len(words) * WORD + formulas * FORMULA + figures * FIGURE + code * LINE) / 60


def findings(page: str, held_to: list[Rule]) -> list[tuple[int, str]]:
    """Line and message of all that the rules find on a page, in order."""
    text = sentences(page)
    found = [
        (line, f"“{words}”: {rule.write} ({rule.why})")
        for rule in held_to
        for line, words in rule.lines(text)
    ]
    if card := CARD.search(page):
        counted = minutes(page)
        if abs(counted - int(card[1])) > OFF:
            line = page.count("\n", 0, card.start()) + 1
            found.append((line, f"“{card[0]}”: {5 * round(counted / 5)} (it is counted)"))
    return sorted(found)


def main(names: list[str]) -> int:
    """The number of findings in these files, or in all pages."""
    files = [Path(name) for name in names] or [
        file for pattern in PAGES for file in sorted(ROOT.glob(pattern))
    ]
    count, held_to = 0, rules()
    for file in files:
        shown = file.relative_to(ROOT) if file.is_relative_to(ROOT) else file
        for line, message in findings(file.read_text(encoding="utf-8"), held_to):
            print(f"{shown}:{line}: {message}")
            count += 1
    return count


if __name__ == "__main__":
    sys.exit(min(1, main(sys.argv[1:])))
