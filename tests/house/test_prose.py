"""The linter of prose finds what its rules say, where it is prose, and says where."""

import re
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
sys.path.insert(0, str(ROOT / "tools"))
import prose  # noqa: E402

RULES = prose.rules()
PAGE = """\
---
kernelspec: shall
---

# A larger batch mends it

In `mends` and $mends$ and [this](mends.ipynb), {ref}`mends`.

$$
mends
$$ (eq-mends)

- A list,
  $$
  mends
  $$

> The deck: "the ones who shall".

It says “if decay shall mean the same” and "shall decay".

:::{dropdown} Proof
:label: shall
One case goes to
and fro.
:::

```python
mends = "shall"
```

````{solution-start} ex
````

```{exercise} This shall be linted
:label: shall
So shall this.
```

```{code-cell} ipython3
:tags: [hide-input]

shall = "mends"  # to and fro
report.figure(
    draw,
    caption=f"Left, {shall} repeats for "
    "ever.",
    alt="Adam less SGD",
)
```
"""


@pytest.mark.parametrize("rule", RULES, ids=lambda rule: rule.finds)
def test_a_rule_finds_its_example_and_passes_its_like(rule):
    assert list(rule.lines(rule.finds))
    assert not list(rule.lines(rule.passes))
    assert rule.write
    assert rule.why


def test_prose_is_looked_at_and_nothing_else():
    """Not code, formulas, addresses, quotations; but titles, folds, exercises, captions."""
    found = [(line, re.match("“(.*?)”", words)[1]) for line, words in prose.findings(PAGE, RULES)]
    assert found == [
        (5, "mends"),
        (24, "to and fro"),
        (35, "shall"),
        (37, "shall"),
        (46, "for ever"),
        (48, "less SGD"),
    ]


def test_a_finding_is_a_line_with_its_place_and_the_run_fails(tmp_path):
    page = tmp_path / "page.md"
    page.write_text("Good.\n\nIt goes\nto and fro.\n")
    line = [sys.executable, ROOT / "tools/prose.py", page]
    run = subprocess.run(line, capture_output=True, text=True)
    assert run.returncode == 1
    assert run.stdout == f"{page}:4: “to and fro”: back and forth (old-fashioned)\n"
    page.write_text("It goes\nback and forth.\n")
    run = subprocess.run(line, capture_output=True, text=True)
    assert (run.returncode, run.stdout) == (0, "")


def card(words, minutes, more=""):
    return f"**Reading time.** {minutes} minutes.\n\n{'one two ' * (words // 2 - 2)}\n{more}"


@pytest.mark.parametrize(
    ("more", "added"),
    [
        ("  $$\n  x + y\n  $$\n" * 8, 2),
        ("```{code-cell} ipython3\n" + "x = 1\n" * 15 + "```\n", 0.5),
        ("```{code-cell} ipython3\n" + "x = 1\n" * 16 + "```\n", 0),
        ("```{code-cell} ipython3\n:tags: [hide-input]\n\nx = 1\n```\n", 0),
        ("```{code-cell} ipython3\nreport.figure(draw)\n```\n" * 3, 1),
        # one folded, one figure and fifteen lines
        (
            "```{code-cell} ipython3\n:tags: [hide-input]\n\nx = 1\n```\n"
            + "```{code-cell} ipython3\n:tags: [hide-input]\n\nreport.figure(draw)\n```\n"
            + "```{code-cell} ipython3\n"
            + "x = 1\n" * 15
            + "```\n",
            50 / 60,
        ),
        (":::{dropdown} Proof\n" + "word " * 900 + "\n:::\n", 0),
        ("```{solution-start} ex\n```\n" + "word " * 900 + "\n```{solution-end}\n```\n", 0),
        ("$x + y$ " * 150, 1),
    ],
)
def test_a_reading_time_is_counted(more, added):
    assert prose.minutes(card(1500, 10, more)) == pytest.approx(10 + added, abs=0.02)


@pytest.mark.parametrize(
    ("said", "held"), [(6, True), (10, True), (14, True), (5, False), (15, False)]
)
def test_a_card_says_what_is_counted(said, held):
    found = prose.findings(card(1500, said), RULES)
    assert found == (
        [] if held else [(1, f"“**Reading time.** {said} minutes”: 10 (it is counted)")]
    )
