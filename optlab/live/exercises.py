"""Exercises whose answer is an edited rule, and what is said of an attempt.

An attempt is right if it takes the steps of the answer, whatever it looks like.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import sympy

from optlab.live.catalogue import Entry, entry
from optlab.live.checks.check import Finding
from optlab.live.checks.comparing import APART, entries, written
from optlab.live.checks.steps import step
from optlab.live.reading import mistake, read
from optlab.rules.rule import Rule, State
from optlab.symbolic import Matrix, Vector

Pair = tuple[str, str]
Pairs = tuple[Pair, ...]

# What attempts are tried with: large enough that a hyperparameter in the wrong place shows.
NUMBERS = {
    "lr": "0.1",
    "beta1": "0.9",
    "beta2": "0.99",
    "eps": "0.01",
    "momentum": "0.9",
    "dampening": "0",
    "weight_decay": "0.1",
    "delta": "0.1",
    "eta": "0.5",
    "trust_coefficient": "0.5",
    "rho": "1",
}
# A start, and gradients of one step after another; of a matrix, those of two entries.
START = ("1", "-2")
GRADIENTS: tuple[Pairs, ...] = (
    (("1", "-2"), ("0.5", "1"), ("-1", "0.25")),
    (("10", "0.1"), ("0.1", "0.1"), ("-0.1", "0.2"), ("0.1", "-0.1")),  # a spike, then little
    (("0.001", "-0.002"), ("0.002", "0.001")),
)


@dataclass(frozen=True)
class Exercise:
    """A rule, and what is to become of it.

    Attributes:
        name: its own.
        rule: of the catalogue, in the chapter.
        title, text: for the page; the text may hold LaTeX.
        answer: edits of the book's text that make the answer.
        start: edits of the book's text from which the reader begins, if that is another.
        state: variables that are given to the rule in each step.
        matrix: whether attempts are tried with matrices.
    """

    name: str
    chapter: str
    rule: str
    title: str
    text: str
    answer: Pairs = ()
    start: Pairs = ()
    state: Mapping[str, Pair] = field(default_factory=dict)
    matrix: bool = False

    @property
    def place(self) -> Entry:
        return entry(self.rule, self.chapter)

    @property
    def source(self) -> str:
        """The text from which the reader begins."""
        return edited(self.place.source, self.start)

    @property
    def solution(self) -> str:
        """A text that is right."""
        return edited(self.place.source, self.answer)


def edited(source: str, edits: Pairs) -> str:
    """A text after edits, each of what stands there once.

    Raises:
        ValueError: it does not stand there once.
    """
    for old, new in edits:
        if source.count(old) != 1:
            raise ValueError(f"{old!r} is {source.count(old)} times in the text, not once")
        source = source.replace(old, new)
    return source


EXERCISES = (
    Exercise(
        "normalized",
        "01-gradient-descent",
        "gradient_descent",
        "Steps of one length",
        r"Make every step as long as the learning rate $\eta$, in the direction of the negative "
        "gradient. `norm` is there. Which of the checks does this break?",
        (("w - lr * g", "w - lr * g / norm(g)"),),
    ),
    Exercise(
        "average",
        "01-gradient-descent",
        "momentum",
        "The buffer as an average",
        r"Let the buffer be an average of the gradients, $b_t = \mu\, b_{t-1} + (1 - \mu)\, g_t$, "
        "as Adam's first moment is.",
        (("(1 - dampening)", "(1 - momentum)"),),
    ),
    Exercise(
        "forgetting",
        "02-adagrad",
        "adagrad",
        "AdaGrad that forgets",
        "AdaGrad's divisor only grows. Let it forget: in the place of the sum, an average of the "
        r"squares, $\beta_2$ times the old one plus $1 - \beta_2$ times $g_t^2$. Call the "
        "coefficient `beta2`, 0.9 if nobody says otherwise.",
        (
            ("s.sum + g**2", "beta2 * s.sum + (1 - beta2) * g**2"),
            ("delta, prox", "delta, beta2=0.9, prox"),
        ),
    ),
    Exercise(
        "amsgrad",
        "03-adam",
        "adam",
        "Make Adam AMSGrad",
        r"Let the root be taken of the largest $\hat v_t$ so far, in each coordinate. So the rule "
        "must remember one thing more; it starts at zero. Which check holds now that did not?",
        (
            (
                "v_hat = v / (1 - beta2**t)",
                "v_hat = maximum(s.v_hat, v / (1 - beta2**t))",
            ),
            ("State(m=m, v=v)", "State(m=m, v=v, v_hat=v_hat)"),
            ("v=zeros_like", "v=zeros_like, v_hat=zeros_like"),
        ),
    ),
    Exercise(
        "inside",
        "03-adam",
        "adam",
        "ε inside the root",
        r"Some programs divide by $\sqrt{\hat v_t + \epsilon}$. Move $\epsilon$ there. "
        "Which check notices?",
        (("sqrt(v_hat) + eps", "sqrt(v_hat + eps)"),),
    ),
    Exercise(
        "line-4",
        "03-adam",
        "adam",
        "Line 4 as the deck prints it",
        r"Here $v_t$ takes in $\|g_t\|^2$, the sum of all squares, as the deck prints it: all "
        "weights then share one divisor. Correct it.",
        start=(("g**2", "norm(g)**2"),),
    ),
    Exercise(
        "uncorrected",
        "03-adam",
        "adam",
        "Without bias correction",
        "Leave out both bias corrections. How long is the first step then?",
        (("m / (1 - beta1**t)", "m"), ("v / (1 - beta2**t)", "v")),
    ),
    Exercise(
        "exponent",
        "04-adafactor",
        "factored_adam",
        "The exponent of the correction",
        r"The deck prints the bias correction as $1 - \beta_2^T$, with the number $T$ of all "
        "steps; the first steps are then far too long. Correct it.",
        start=(("beta2**t", "beta2**T"), ("beta2, eps", "beta2, eps, T=1000")),
        matrix=True,
    ),
    Exercise(
        "torch",
        "05-amsgrad",
        "amsgrad",
        "AMSGrad as torch has it",
        r"Torch corrects both biases: it divides $m_t$ by $1 - \beta_1^t$, and $\hat v_t$ by "
        r"$1 - \beta_2^t$ before the root is taken. The maximum is remembered without correction. "
        "Write this.",
        (
            ("sqrt(v_hat)", "sqrt(v_hat / (1 - beta2**t))"),
            ("lr * m, h", "lr * m / (1 - beta1**t), h"),
        ),
    ),
    Exercise(
        "decoupled",
        "06-weight-decay",
        "with_l2",
        "Make the decay decoupled",
        r"Here the penalty passes through all that Adam does. Leave the gradient as it is, and "
        r"let each step also take $\alpha\lambda\,\theta_{t-1}$ from the weights, as torch's AdamW "
        "does. (Name `lr` in the signature, and hand it on.)",
        (
            ("*, weight_decay,", "*, lr, weight_decay,"),
            (
                "return inner(p, g + weight_decay * p, s, t, **hyperparameters)",
                "q, s = inner(p, g, s, t, lr=lr, **hyperparameters)\n"
                "        return q - lr * weight_decay * p, s",
            ),
        ),
    ),
    Exercise(
        "by-rate",
        "06-weight-decay",
        "adamw",
        "From the paper's λ to torch's",
        r"In the paper's form the schedule $\eta_t$ scales the decay and $\alpha$ does not. Let "
        "the decay be proportional to both, as in torch.",
        (("weight_decay * p", "lr * weight_decay * p"),),
    ),
    Exercise(
        "capped",
        "09-lars",
        "lars",
        "A local rate of at most 1",
        "Where the gradient is tiny, the local rate is huge. Let it be at most 1, so that no "
        "layer's rate is larger than the global one.",
        (
            ("local = ratio(", "local = minimum(1, ratio("),
            ("norm(g) + weight_decay * norm(w))", "norm(g) + weight_decay * norm(w)))"),
        ),
    ),
    Exercise(
        "once",
        "10-lamb",
        "lamb",
        "Decay once",
        r"The deck's line 4 adds $\lambda x_t$ to the gradient, and line 9 adds it again: decay "
        "enters twice. Correct line 4.",
        start=(("(1 - beta1) * g", "(1 - beta1) * (g + weight_decay * x)"),),
    ),
    Exercise(
        "absolute",
        "14-sophia",
        "sophia",
        "The size of the curvature",
        r"Where $h$ is negative, Sophia takes a sign step. Divide by $\max(|h|, \epsilon)$ "
        "in its place. (`abs` is no operation of a rule, but `maximum` is.) Does the step still "
        "minimize the model in the box?",
        (("maximum(s.h, eps)", "maximum(maximum(s.h, -s.h), eps)"),),
        state={"h": ("-2", "0.5")},
    ),
    Exercise(
        "like_adamw",
        "16-muon",
        "muon",
        "Entries as large as AdamW's",
        r"Give the step the scale of Liu and coauthors, $0.2 \sqrt{\max(n, m)}$. (`row_count`, "
        "`column_count`, `maximum` and `sqrt` are there.) Which of the checks does this break?",
        (("scale(X) * Z", "0.2 * sqrt(maximum(row_count(X), column_count(X))) * Z"),),
        matrix=True,
    ),
)


def find(name: str | None, rule: str, chapter: str | None) -> Exercise | None:
    """The exercise of this name on a rule; none if no name is given.

    Raises:
        ValueError: there is no such exercise.
    """
    if name is None:
        return None
    for found in EXERCISES:
        if (found.name, found.rule) == (name, rule) and chapter in (None, found.chapter):
            return found
    raise ValueError(f"no exercise {name} on the rule {rule}")


def judge(asked: Exercise, attempt: Rule) -> Finding:
    """Whether a rule takes the steps of the answer; if not, on which numbers it does not."""
    answer = read(asked.solution, asked.place).rule
    for gradients in GRADIENTS:
        due = _steps(answer, gradients, asked)
        try:
            found = _steps(attempt, gradients, asked)
        except Exception as error:
            words = (
                f"On the gradients {_list(gradients)} it takes no step. {mistake(error).message}"
            )
            return Finding(False, words)
        if unknown := {x for move in found for e in entries(move) for x in e.free_symbols}:
            names = ", ".join(sorted(x.name for x in unknown))
            return Finding(False, f"Nobody gives {names} a value: give it a default in the text.")
        for t, (move, right) in enumerate(zip(found, due, strict=True), start=1):
            if not _close(move, right):
                on = f"on the gradients {_list(gradients[:t])}, step {t}"
                words = f"Not yet: {on} is {_said(move)} and should be {_said(right)}."
                return Finding(False, words + _unchanged(asked, attempt))
    steps = sum(map(len, GRADIENTS))
    return Finding(
        True, f"Right: on {len(GRADIENTS)} runs, all {steps} steps are as they should be."
    )


def _steps(rule: Rule, gradients: Pairs, asked: Exercise) -> list[Any]:
    """The steps of a rule from START."""
    numbers = {name: sympy.Float(x) for name, x in NUMBERS.items()}
    shape = _matrix if asked.matrix else _vector
    given = {name: _vector(x) for name, x in asked.state.items()}
    p, moves = shape(START), []
    s = rule.init(p)
    for t, g in enumerate(gradients, start=1):
        q, s = step(rule, p, shape(g), State(**{**vars(s), **given}), t, **numbers)
        moves.append(q - p)
        p = q
    return moves


def _vector(pair: Pair) -> Vector:
    return Vector(map(sympy.Float, pair))


def _matrix(pair: Pair) -> Matrix:
    a, b = map(sympy.Float, pair)
    return Matrix([[a, b], [-b, a / 2]])


def _close(move: Any, right: Any) -> bool:
    pairs = zip(entries(move), entries(right), strict=True)
    return all(abs(a - b) <= APART * (abs(a) + abs(b)) for a, b in pairs)


def _unchanged(asked: Exercise, attempt: Rule) -> str:
    """What to add where an attempt still takes the steps that the exercise begins with."""
    before = read(asked.source, asked.place).rule
    for gradients in GRADIENTS:
        path = zip(_steps(attempt, gradients, asked), _steps(before, gradients, asked), strict=True)
        if not all(_close(a, b) for a, b in path):
            return ""
    return " These are the steps of the text as it stood."


def _list(gradients: Pairs) -> str:
    return ", ".join(f"({', '.join(pair)})" for pair in gradients).replace("-", "−")


def _said(move: Any) -> str:
    return f"({', '.join(map(written, entries(move)))})"
