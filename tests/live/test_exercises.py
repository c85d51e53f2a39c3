"""The exercises: their answers are right, and what is not is told with numbers."""

import pytest
import torch
from walk import assert_same, randn, train_torch, walk

from optlab import rules
from optlab.live import chapters, run
from optlab.live.catalogue import CHAPTERS
from optlab.live.exercises import EXERCISES, edited
from optlab.live.reading import read

NAMES = [f"{x.chapter}:{x.name}" for x in EXERCISES]
MUST = ["01", "02", "03", "04", "05", "06", "09", "10", "14", "16"]


def judged(x, source):
    answer = run(source, x.rule, x.chapter, x.name)
    assert answer["error"] is None, answer["error"]
    return answer["exercise"]


def by_name(name):
    return next(x for x in EXERCISES if x.name == name)


def test_each_chapter_with_a_rule_has_one():
    offered = chapters()
    assert list(offered) == list(CHAPTERS)
    with_one = [chapter[:2] for chapter, what in offered.items() if what["exercises"]]
    assert with_one == MUST
    assert sum(len(what["exercises"]) for what in offered.values()) == len(EXERCISES)


@pytest.mark.parametrize("x", EXERCISES, ids=NAMES)
def test_the_answer_is_right_and_the_start_is_not(x):
    right = judged(x, x.solution)
    assert right == {"id": x.name, "right": True, "words": right["words"]}
    assert right["words"].startswith("Right: on 3 runs, all 9 steps")
    wrong = judged(x, x.source)
    assert not wrong["right"]
    assert wrong["words"].startswith("Not yet: on the gradients (")
    assert wrong["words"].endswith("These are the steps of the text as it stood.")


def test_where_a_wrong_answer_differs():
    x = by_name("uncorrected")
    half = edited(x.source, (("m / (1 - beta1**t)", "m"),))
    said = judged(x, half)["words"]
    # by hand: m = 0.1 g, v = 0.01 g²; −0.1 · 0.1 / (1 + 0.01), and 0.1 · 0.1 / (0.1 + 0.01)
    assert said == (
        "Not yet: on the gradients (1, −2), step 1 is (−0.009901, 0.00995) "
        "and should be (−0.09091, 0.09524)."
    )


def test_another_way_to_write_it_is_right():
    x = by_name("inside")
    longer = edited(x.source, (("(sqrt(v_hat) + eps)", "(v_hat + eps) ** 0.5"),))
    assert judged(x, longer)["right"]
    y = by_name("decoupled")
    other = edited(
        y.source,
        (
            (
                "return inner(p, g + weight_decay * p, s, t, **hyperparameters)",
                "q, s = inner(p, g, s, t, **hyperparameters)\n"
                '        return q - hyperparameters["lr"] * weight_decay * p, s',
            ),
        ),
    )
    assert judged(y, other)["right"]


def test_a_hyperparameter_that_nobody_gives():
    x = by_name("forgetting")
    unnamed = edited(
        x.source,
        (("s.sum + g**2", "b * s.sum + (1 - b) * g**2"), ("delta, prox", "delta, b, prox")),
    )
    assert judged(x, unnamed)["words"].startswith("Nobody gives b a value")


def test_no_such_exercise():
    with pytest.raises(ValueError, match="no exercise torch on the rule adam"):
        run(by_name("inside").source, "adam", "03-adam", "torch")


def answer(name):
    x = by_name(name)
    return read(x.solution, x.place).rule


HYPER = {"lr": 0.1, "beta1": 0.9, "beta2": 0.99, "eps": 0.01}
LAMBDA = {**HYPER, "weight_decay": 0.1}
ADAMW = rules.with_decay(rules.adam)


def end(rule, **hyper):
    return walk(rule, randn(4), randn(6, 4, seed=1), **hyper)[0]


def test_the_answers_are_rules_of_the_book():
    assert_same(end(answer("decoupled"), **LAMBDA), end(ADAMW, **LAMBDA))
    assert_same(end(answer("by-rate"), **LAMBDA, eta=1), end(ADAMW, **LAMBDA))
    assert_same(end(answer("line-4"), **HYPER), end(rules.adam, **HYPER))


def test_the_answers_are_optimizers_of_torch():
    walked = randn(4), randn(6, 4, seed=1)
    settings = {"lr": 0.1, "betas": (0.9, 0.99), "eps": 0.01, "amsgrad": True}
    theirs = train_torch(torch.optim.Adam, *walked, **settings)[-1]
    assert_same(end(answer("torch"), **HYPER), theirs)
    theirs = train_torch(torch.optim.RMSprop, *walked, lr=0.1, alpha=0.9, eps=0.01)[-1]
    assert_same(end(answer("forgetting"), lr=0.1, delta=0.01), theirs)
