"""run: what a reader's text gives, and what is wrong with it in plain words."""

import json

import pytest
from edits import EDITS

from optlab.live import book, chapters, parts, run
from optlab.live.catalogue import CHAPTERS
from optlab.symbolic import latex, operator

ADAM = book("adam")
SOURCE = chapters()["03-adam"]["rules"][0]["source"]
EVERY = [(chapter, e.name) for chapter, entries in CHAPTERS.items() for e in entries]


def edited(*changes, source=SOURCE):
    for old, new in changes:
        assert source.count(old) == 1, old
        source = source.replace(old, new)
    return source


def lines(answer):
    assert answer["error"] is None, answer["error"]
    return [line["latex"] for line in answer["formula"]]


def changed(answer):
    assert answer["error"] is None, answer["error"]
    return [line["latex"] for line in answer["formula"] if line["changed"]]


@pytest.mark.parametrize(("chapter", "name"), EVERY)
def test_the_text_as_it_stands_gives_the_books_own(chapter, name):
    answer = book(name, chapter)
    assert answer["error"] is None
    assert not any(line["changed"] for line in answer["formula"])
    assert (answer["javascript"] is None) == bool(answer["javascript_error"])
    assert json.loads(json.dumps(answer)) == answer


def test_the_formula_is_that_of_latex():
    entry = next(e for e in CHAPTERS["02-adagrad"] if e.name == "adagrad_dual")
    whole = latex(
        entry.rule, names={"sum": "s"}, parameter=("x_t", "x_{t+1}"),
        prox=operator(r"\operatorname{prox}"), project=operator(r"\Pi_{\mathcal{X}}"),
    )  # fmt: skip
    for line in book("adagrad_dual")["formula"]:
        assert f"{line['left']} &= {line['right']}" in whole


STEP = r"\theta_t = \theta_{t-1} - \frac{\alpha \hat{m}_t}{\sqrt{\hat{v}_t} + \epsilon}"
FORMULAS = {
    "the second moment as a maximum": [r"v_t = \max\left(g_t^{2}, \beta_2 v_{t-1}\right)"],
    "AMSGrad's maximum": [
        r"\hat{v}_t = \max\left(\hat{v}_{t-1}, \frac{v_t}{1 - \beta_2^{t}}\right)"
    ],
    "ε inside the root": [STEP.replace(r"\hat{v}_t} + \epsilon", r"\hat{v}_t + \epsilon}")],
    "the deck's line 4": [
        r"v_t = \beta_2 v_{t-1} + \left(1 - \beta_2\right) \left\lVert g_t \right\rVert^{2}"
    ],
    "decoupled decay": [STEP + r" - \alpha \lambda \theta_{t-1}"],
    "no bias correction": [STEP.replace(r"\hat{m}", "m").replace(r"\hat{v}", "v")],
}


@pytest.mark.parametrize("edit", FORMULAS)
def test_what_changed_is_marked(edit):
    name, changes, _ = EDITS[edit]
    answer = run(edited(*changes), name)
    assert changed(answer) == FORMULAS[edit]
    function = answer["javascript"]
    assert function.startswith("// Kingma and Ba")
    assert function != ADAM["javascript"]


def test_a_hyperparameter_of_the_readers_own():
    answer = run(edited(("eps):", "eps, gamma=0.5):"), ("+ eps)", "+ gamma * eps)")), "adam")
    *known, own = answer["hyperparameters"]
    assert [h["name"] for h in known] == ["lr", "beta1", "beta2", "eps"]
    assert known[1] == {"name": "beta1", "label": "β₁", "value": 0.9, "fixed": False}
    assert own == {"name": "gamma", "label": "gamma", "value": 0.5, "fixed": False}
    projection = {h["name"]: h for h in book("amsgrad")["hyperparameters"]}["project"]
    assert projection == {"name": "project", "label": "project", "value": None, "fixed": True}


def test_where_the_state_starts():
    assert ADAM["state"] == {"m": 0, "v": 0}
    assert book("adagrad_dual")["state"] == {"sum": 0, "z": 0, "x1": "p"}


def test_other_starts_and_defaults():
    answer = run(
        edited(("m=zeros_like", "m=lambda p: p**2"), ("eps):", "eps, a=None, b=1e999, c=True):")),
        "adam",
    )
    assert answer["state"] == {"m": "Math.pow(p, 2)", "v": 0}
    last = {h["name"]: (h["value"], h["fixed"]) for h in answer["hyperparameters"][4:]}
    assert last == {"a": (None, False), "b": (None, False), "c": (True, True)}
    json.loads(json.dumps(answer, allow_nan=False))


def test_without_a_step_in_javascript_it_says_why():
    answer = book("factored_adam")
    assert answer["javascript"] is None
    assert "column_sums, row_sums" in answer["javascript_error"]


ITSELF = "adam(p, g, s, t, lr=lr, beta1=beta1, beta2=beta2, eps=eps)"
MISTAKES = {
    "a bracket": ([("@rule(m=zeros_like, v=zeros_like)", "@rule(m")], 1, "'(' was never closed"),
    "a word": ([("+ (1 - beta1) * g ", "+ (1 - beta1) g ")], 4, "Python cannot read this line"),
    "a name": ([("lr * m_hat", "lr * m_hatt")], 8, "no m_hatt here. Did you mean m_hat?"),
    "an import": ([("@rule", "import nothing_of_that_name\n@rule")], 1, "no module nothing_of"),
    "a name of a module": ([("@rule", "from math import nothing\n@rule")], 1, "finds nothing"),
    "no such state": ([("s.v", "s.w")], 5, "@rule(w=zeros_like, …)"),
    "a comparison": ([("(1 - beta2) * g**2", "max(g, 0)")], 5, "compares no values"),
    "math": ([("g**2", "__import__('math').sqrt(g)")], 5, "knows numbers only"),
    "a missing star": ([("(1 - beta2) * g**2", "(1 - beta2)(g**2)")], 5, "is a * missing?"),
    "half the state": ([("State(m=m, v=v)", "State(m=m)")], 8, "returns State(m), and @rule"),
    "no return": ([("return p - ", "p = p - ")], 8, "A rule ends with"),
    "another name": ([("def adam", "def madam")], None, "no adam any more"),
    "no rule": ([("@rule(m=zeros_like, v=zeros_like)", "")], None, "put @rule(…) above it"),
    "arguments": ([("s, t, *,", "s, *,")], 1, "A rule takes four things"),
    "twice": (
        [("@rule", "# mine\n@rule"), ("m_hat = m /", "m = m /"), ("lr * m_hat", "lr * m")],
        7,
        "a second value",
    ),
    "itself": ([("sqrt(v_hat)", ITSELF)], 8, "calls itself without end"),
    "half of itself": ([("sqrt(v_hat)", "adam(p, g, s, t)")], 8, "missing 4 required"),
    "a start that is none": ([("m=zeros_like, ", "m=0, ")], None, "is no function"),
    "an end": ([("@rule", "raise SystemExit\n@rule")], 1, "ends the program"),
    "an assertion": ([("@rule", "assert False\n@rule")], 1, "AssertionError"),
    "a string": ([("sqrt(v_hat)", "sqrt('v')")], 8, "sqrt has no meaning for str"),
}


@pytest.mark.parametrize("which", MISTAKES)
def test_a_mistake_is_one_line_in_plain_words_with_its_place(which):
    changes, line, words = MISTAKES[which]
    answer = run(edited(*changes), "adam")
    assert words in answer["error"]["message"]
    assert "\n" not in answer["error"]["message"]
    assert answer["error"]["line"] == line
    assert answer["formula"] == answer["checks"] == []
    assert run(SOURCE, "adam") == ADAM


def test_what_is_known_first_comes_first():
    found = list(parts(SOURCE, "adam"))
    assert found[0].keys() == {"formula", "javascript", "state", "hyperparameters"}
    assert [len(part["checks"]) for part in found[1:]] == [*range(1, len(ADAM["checks"]) + 1)]
    assert found[-1]["checks"] == ADAM["checks"]
    assert list(parts("@rule(", "adam")) == [{"error": run("@rule(", "adam")["error"]}]


def test_only_rules_of_the_catalogue():
    with pytest.raises(ValueError, match="no rule adam is to be edited in chapter 05-amsgrad"):
        run(SOURCE, "adam", "05-amsgrad")
