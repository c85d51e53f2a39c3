"""The formulas in the chapters' algorithm boxes are those that the rules give."""

from pathlib import Path

import pytest
import sympy
from click.testing import CliRunner

from optlab import rules
from optlab.cli import main
from optlab.report import boxes
from optlab.report.boxes import BOXES, WITHOUT_RULE, Box, labels, of_rule, renewed, sgdr_rate

CHAPTERS = sorted(Path(__file__).parents[2].glob("notebooks/*.md"))
ADAM = Path(__file__).parents[2] / "notebooks/03-adam.md"


@pytest.mark.parametrize("path", CHAPTERS, ids=lambda path: path.stem)
def test_chapter(path):
    text = path.read_text(encoding="utf-8")
    assert text == renewed(text), "run: make sync"


def test_every_box_is_found_and_every_entry_is_used():
    texts = [path.read_text(encoding="utf-8") for path in CHAPTERS]
    found = [label for text in texts for label in labels(text)]
    assert len(found) == sum(text.count("{prf:algorithm}") for text in texts)
    assert sorted(found) == sorted([*BOXES, *WITHOUT_RULE])


def test_the_rate_of_sgdr_is_that_of_the_schedule():
    published, scheduled = sgdr_rate()
    assert sympy.simplify(published.doit() - scheduled) == 0


def changed(old, new):
    text = ADAM.read_text(encoding="utf-8")
    assert text.count(old) == 1
    return text.replace(old, new)


@pytest.mark.parametrize(
    ("old", "new"),
    [
        (r"\leftarrow \beta_2 v_{t-1}", r"\leftarrow \beta_1 v_{t-1}"),
        (r"\frac{m_t}{1 - \beta_1^{t}}$", r"\frac{m_t}{1 - \beta_1}$"),
        (r"\sqrt{\hat{v}_t} + \epsilon}$", r"\sqrt{\hat{v}_t + \epsilon}}$"),
    ],
)
def test_a_wrong_formula_is_written_over(old, new):
    assert renewed(changed(old, new)) == ADAM.read_text(encoding="utf-8")


M = r"2. $m_t \leftarrow \beta_1 m_{t-1} + \left(1 - \beta_1\right) g_t$" + "\n"
ASSIGNS = "alg-adam: the box assigns"


@pytest.mark.parametrize(
    ("old", "new", "fault"),
    [
        (M, "", ASSIGNS),
        (M, M + M, ASSIGNS),
        (M, M + r"2. $v_t \leftarrow 0$" + "\n", ASSIGNS),
        (M, M + r"2. $d_t \leftarrow 0$" + "\n", ASSIGNS),
        (M, M + "\n$$\nd_t \\leftarrow 0\n$$\n", ASSIGNS),
        (r"$g_t \leftarrow", r"$g_t =", "alg-adam: neither box nor rule has g_t"),
        (":label: alg-adam\n", ":label: alg-new\n", "alg-new: no rule is named for this box"),
    ],
)
def test_a_box_with_other_assignments_is_refused(old, new, fault):
    with pytest.raises(ValueError, match=fault):
        renewed(changed(old, new))


@rules.rule(**rules.adam.initial)
def other_adam(p, g, s, t, *, lr, beta1, beta2, eps):
    """Adam that corrects one moment only."""
    m = beta1 * s.m + (1 - beta1) * g
    v = beta2 * s.v + (1 - beta2) * g**2
    m_hat = m / (1 - beta1**t)
    v_hat = v / (1 - beta1**t)
    return p - lr * m_hat / (v_hat**0.5 + eps), rules.State(m=m, v=v)


def test_another_rule_gives_another_box(monkeypatch):
    adam = Box(of_rule(other_adam, names={"lr": r"\alpha"}), BOXES["alg-adam"].apart)
    monkeypatch.setitem(boxes.BOXES, "alg-adam", adam)
    text = ADAM.read_text(encoding="utf-8")
    assert r"\hat{v}_t \leftarrow \frac{v_t}{1 - \beta_1^{t}}" in renewed(text)
    monkeypatch.setitem(boxes.BOXES, "alg-adam", Box(of_rule(rules.gradient_descent)))
    with pytest.raises(ValueError, match=ASSIGNS):
        renewed(text)


def test_the_command_writes_what_the_rules_give(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert CliRunner().invoke(main, ["formulas"]).exit_code == 2
    chapter = tmp_path / "notebooks" / ADAM.name
    chapter.parent.mkdir()
    chapter.write_text(changed(r"\leftarrow \beta_2 v", r"\leftarrow \beta_1 v"), encoding="utf-8")
    assert CliRunner().invoke(main, ["formulas"]).output == "notebooks/03-adam.md\n"
    assert chapter.read_text(encoding="utf-8") == ADAM.read_text(encoding="utf-8")
    assert CliRunner().invoke(main, ["formulas"]).output == ""
    chapter.write_text(changed(M, ""), encoding="utf-8")
    refused = CliRunner().invoke(main, ["formulas"])
    assert refused.exit_code == 1
    assert refused.stderr.startswith(f"notebooks/03-adam.md: {ASSIGNS}")
